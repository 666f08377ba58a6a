//! The images that the harness itself needs.

use std::fs;
use std::path::Path;

use image::{Architecture, Compression, Content, File, Image, Name};

use crate::parts;

/// What holds the namespaces of every pod, and runs in the pods of the harness's own tests.
pub(crate) const POD: &str = "registry.local/pod:1";
/// What has a shell.
pub(crate) const SHELL: &str = "registry.local/busybox:1";
/// The names under which its one program is called.
const SHELL_PROGRAMS: [&str; 8] = ["cat", "find", "mkdir", "mv", "sh", "sha256sum", "tail", "wc"];

/// Writes [`POD`] as an archive to import.
pub(crate) fn write_pod(path: &Path) -> Result<(), String> {
    let program = parts::pod()?.join("bin/pod");
    write(path, POD, vec![File::program("pod", read(&program)?)], &["/pod"])
}

/// Writes [`SHELL`] as an archive to import.
pub(crate) fn write_shell(path: &Path) -> Result<(), String> {
    let program = parts::debian()?.join("bin/busybox");
    let mut files = vec![File::program("bin/busybox", read(&program)?)];
    files.extend(SHELL_PROGRAMS.map(|name| File {
        path: format!("bin/{name}"),
        content: Content::Link("busybox".to_owned()),
    }));
    write(path, SHELL, files, &[])
}

fn write(path: &Path, name: &str, files: Vec<File>, entrypoint: &[&str]) -> Result<(), String> {
    let (repository, tag) = name.split_once(':').expect("a name and a tag");
    let image = Image {
        name: Name { repository: repository.to_owned(), tag: tag.to_owned() },
        architecture: Architecture::of_this_machine().ok_or("no cluster on such a processor")?,
        files,
        entrypoint: entrypoint.iter().map(|&word| word.to_owned()).collect(),
        user: "65532:65532".to_owned(),
        labels: [].into(),
        compression: Compression::None,
    };
    let archive = image::archive(&image).map_err(|error| error.to_string())?;
    fs::write(path, archive.octets).map_err(|error| error.to_string())
}

fn read(program: &Path) -> Result<Vec<u8>, String> {
    fs::read(program).map_err(|error| format!("{}: {error}", program.display()))
}
