use std::io::Read as _;

use flate2::read::GzDecoder;
use serde_json::Value;
use tar::EntryType;

use super::*;

fn image(compression: Compression) -> Image {
    Image {
        name: Name { repository: "registry.local/seon".into(), tag: "0.1.0".into() },
        architecture: Architecture::Amd64,
        files: vec![
            File { path: "etc/hosts".into(), content: Content::Link("/proc/hosts".into()) },
            File::program("bin/seon", b"\x7fELF".repeat(1000)),
            File { path: "tmp".into(), content: Content::Directory(0o1777) },
        ],
        entrypoint: vec!["/bin/seon".into()],
        user: "65532:65532".into(),
        labels: [("org.opencontainers.image.version".to_owned(), "0.1.0".to_owned())].into(),
        compression,
    }
}

/// The files of an archive by name, read back.
fn files(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(archive).entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut octets = Vec::new();
        entry.read_to_end(&mut octets).unwrap();
        files.insert(name, octets);
    }
    files
}

fn json(octets: &[u8]) -> Value {
    serde_json::from_slice(octets).unwrap()
}

/// Follows a descriptor to its blob, and checks what it says of it.
fn blob(files: &BTreeMap<String, Vec<u8>>, descriptor: &Value) -> Vec<u8> {
    let digest = descriptor["digest"].as_str().unwrap();
    let octets = &files[&format!("blobs/{}", digest.replace(':', "/"))];
    assert_eq!(descriptor["size"], octets.len());
    assert_eq!(digest::digest(octets), digest);
    octets.clone()
}

#[test]
fn the_same_input_makes_the_same_octets_whatever_the_order_of_the_files() {
    for compression in [Compression::None, Compression::Gzip] {
        let one = image(compression);
        let mut other = one.clone();
        other.files.reverse();
        assert_eq!(archive(&one).unwrap(), archive(&other).unwrap());
    }
}

#[test]
fn another_octet_makes_another_digest() {
    let one = image(Compression::Gzip);
    let mut other = one.clone();
    other.files[1] = File::program("bin/seon", b"another".as_slice());
    assert_ne!(archive(&one).unwrap().digest, archive(&other).unwrap().digest);
}

#[test]
fn from_the_index_everything_is_found_by_its_digest() {
    for compression in [Compression::None, Compression::Gzip] {
        let archive = archive(&image(compression)).unwrap();
        let files = files(&archive.octets);
        assert_eq!(json(&files["oci-layout"])["imageLayoutVersion"], "1.0.0");

        let entry = &json(&files["index.json"])["manifests"][0];
        assert_eq!(entry["digest"], archive.digest);
        assert_eq!(entry["platform"]["architecture"], "amd64");
        let annotations = &entry["annotations"];
        assert_eq!(annotations["io.containerd.image.name"], "registry.local/seon:0.1.0");
        assert_eq!(annotations["org.opencontainers.image.ref.name"], "0.1.0");

        let manifest = json(&blob(&files, entry));
        let configuration = json(&blob(&files, &manifest["config"]));
        assert_eq!(configuration["config"]["User"], "65532:65532");
        assert_eq!(configuration["config"]["Entrypoint"][0], "/bin/seon");
        assert_eq!(configuration["config"]["Labels"]["org.opencontainers.image.version"], "0.1.0");
        assert!(configuration.get("created").is_none());

        let layer = blob(&files, &manifest["layers"][0]);
        assert_eq!(layer.len(), archive.layer_size);
        let plain = match compression {
            Compression::None => layer,
            Compression::Gzip => {
                let mut plain = Vec::new();
                GzDecoder::new(layer.as_slice()).read_to_end(&mut plain).unwrap();
                plain
            }
        };
        assert_eq!(configuration["rootfs"]["diff_ids"][0], digest::digest(&plain));
    }
}

#[test]
fn a_layer_has_the_files_in_order_with_their_folders_and_no_time_or_owner() {
    let layer = Layer::of(&image(Compression::None).files, Compression::None).unwrap();
    let mut seen = Vec::new();
    for entry in tar::Archive::new(layer.octets.as_slice()).entries().unwrap() {
        let entry = entry.unwrap();
        let header = entry.header();
        assert_eq!((header.mtime().unwrap(), header.uid().unwrap()), (0, 0));
        seen.push((
            entry.path().unwrap().to_str().unwrap().to_owned(),
            header.entry_type(),
            header.mode().unwrap(),
        ));
    }
    assert_eq!(
        seen,
        [
            ("bin".to_owned(), EntryType::Directory, 0o755),
            ("bin/seon".to_owned(), EntryType::Regular, 0o755),
            ("etc".to_owned(), EntryType::Directory, 0o755),
            ("etc/hosts".to_owned(), EntryType::Symlink, 0o777),
            ("tmp".to_owned(), EntryType::Directory, 0o1777),
        ]
    );
}

#[test]
fn a_path_that_leaves_the_root_is_refused() {
    let mut image = image(Compression::None);
    image.files.push(File::program("../bin/sh", b"".as_slice()));
    assert!(archive(&image).is_err());
}
