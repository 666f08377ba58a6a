//! The one image that the harness itself needs.

use std::fs;
use std::path::Path;

use image::{Architecture, Compression, File, Image, Name};

use crate::parts;

/// What holds the namespaces of every pod, and runs in the pods of the harness's own tests.
pub(crate) const NAME: &str = "registry.local/pod:1";

/// Writes it as an archive to import.
pub(crate) fn write(path: &Path) -> Result<(), String> {
    let program = parts::pod()?.join("bin/pod");
    let (repository, tag) = NAME.split_once(':').expect("a name and a tag");
    let image = Image {
        name: Name { repository: repository.to_owned(), tag: tag.to_owned() },
        architecture: Architecture::of_this_machine().ok_or("no cluster on such a processor")?,
        files: vec![File::program("pod", fs::read(program).map_err(|error| error.to_string())?)],
        entrypoint: vec!["/pod".to_owned()],
        user: "65532:65532".to_owned(),
        labels: [].into(),
        compression: Compression::None,
    };
    let archive = image::archive(&image).map_err(|error| error.to_string())?;
    fs::write(path, archive.octets).map_err(|error| error.to_string())
}
