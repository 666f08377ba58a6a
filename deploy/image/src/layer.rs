//! The layer: a tar of the files, in one order, with no time and no owner but root.

use std::{
    collections::BTreeMap,
    io::{self, Write as _},
    path::Path,
};

use flate2::{GzBuilder, write::GzEncoder};
use tar::{Builder, EntryType, Header};

use crate::{Compression, Content, File, digest::digest};

/// A layer's octets, as they are kept, and what a configuration says of it.
pub(crate) struct Layer {
    pub(crate) octets: Vec<u8>,
    pub(crate) media_type: &'static str,
    /// The digest of the tar before it was compressed.
    pub(crate) plain_digest: String,
}

impl Layer {
    pub(crate) fn of(files: &[File], compression: Compression) -> io::Result<Self> {
        let plain = tar_of(files)?;
        let plain_digest = digest(&plain);
        Ok(match compression {
            Compression::None => Self {
                octets: plain,
                media_type: "application/vnd.oci.image.layer.v1.tar",
                plain_digest,
            },
            Compression::Gzip => Self {
                octets: gzip(&plain)?,
                media_type: "application/vnd.oci.image.layer.v1.tar+gzip",
                plain_digest,
            },
        })
    }
}

fn tar_of(files: &[File]) -> io::Result<Vec<u8>> {
    // By path, so that a folder comes before what is in it.
    let mut entries: BTreeMap<&Path, &Content> = BTreeMap::new();
    for file in files {
        let path = Path::new(&file.path);
        for folder in path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()) {
            entries.entry(folder).or_insert(&Content::Directory(0o755));
        }
        entries.insert(path, &file.content);
    }
    let mut tar = Builder::new(Vec::new());
    for (path, content) in entries {
        append(&mut tar, path, content)?;
    }
    tar.into_inner()
}

fn append(tar: &mut Builder<Vec<u8>>, path: &Path, content: &Content) -> io::Result<()> {
    match content {
        Content::File { octets, mode } => {
            let mut header = header(EntryType::Regular, *mode);
            header.set_size(octets.len() as u64);
            tar.append_data(&mut header, path, octets.as_slice())
        }
        Content::Link(target) => {
            tar.append_link(&mut header(EntryType::Symlink, 0o777), path, target)
        }
        Content::Directory(mode) => {
            tar.append_data(&mut header(EntryType::Directory, *mode), path, io::empty())
        }
    }
}

/// Time 0, user and group 0.
fn header(kind: EntryType, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    header
}

/// Without name and time in its header.
fn gzip(octets: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder: GzEncoder<Vec<u8>> =
        GzBuilder::new().mtime(0).write(Vec::new(), flate2::Compression::best());
    encoder.write_all(octets)?;
    encoder.finish()
}
