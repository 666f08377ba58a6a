//! The OCI image layout: index, manifest, configuration and layer, each under its digest.

use std::io;

use serde_json::{Value, json};
use tar::{Builder, Header};

use crate::{Archive, Image, digest::digest, layer::Layer};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIGURATION: &str = "application/vnd.oci.image.config.v1+json";

pub(crate) fn archive(image: &Image, layer: &Layer) -> io::Result<Archive> {
    let configuration = configuration(image, layer).to_string();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor(CONFIGURATION, configuration.as_bytes()),
        "layers": [descriptor(layer.media_type, &layer.octets)],
    })
    .to_string();
    let index = index(image, manifest.as_bytes()).to_string();

    let mut tar = Builder::new(Vec::new());
    append(&mut tar, "oci-layout", json!({"imageLayoutVersion": "1.0.0"}).to_string().as_bytes())?;
    append(&mut tar, "index.json", index.as_bytes())?;
    for blob in [configuration.as_bytes(), manifest.as_bytes(), &layer.octets] {
        append(&mut tar, &format!("blobs/{}", digest(blob).replace(':', "/")), blob)?;
    }
    Ok(Archive {
        octets: tar.into_inner()?,
        digest: digest(manifest.as_bytes()),
        layer_size: layer.octets.len(),
    })
}

/// Nothing in it says when it was made: that would be the one thing that differs.
fn configuration(image: &Image, layer: &Layer) -> Value {
    json!({
        "architecture": image.architecture.as_str(),
        "os": "linux",
        "config": {
            "Entrypoint": image.entrypoint,
            "Env": ["PATH=/bin"],
            "Labels": image.labels,
            "User": image.user,
            "WorkingDir": "/",
        },
        "rootfs": {"type": "layers", "diff_ids": [layer.plain_digest]},
    })
}

fn index(image: &Image, manifest: &[u8]) -> Value {
    let mut entry = descriptor(MANIFEST, manifest);
    entry["platform"] = json!({"architecture": image.architecture.as_str(), "os": "linux"});
    // The first is what containerd names the image by, the second what everybody else knows.
    entry["annotations"] = json!({
        "io.containerd.image.name": image.name.to_string(),
        "org.opencontainers.image.ref.name": image.name.tag,
    });
    json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]})
}

fn descriptor(media_type: &str, octets: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": digest(octets), "size": octets.len()})
}

fn append(tar: &mut Builder<Vec<u8>>, name: &str, octets: &[u8]) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(octets.len() as u64);
    tar.append_data(&mut header, name, octets)
}
