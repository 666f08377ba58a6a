//! The images under test, and the same ones under a later version's name.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use cluster::Nodes;
use serde_json::Value;
use support::TemporaryDirectory;

/// The version that is installed.
pub const THIS: &str = env!("CARGO_PKG_VERSION");
/// The version to which it is upgraded on a cluster of our own: the same programs.
pub(crate) const NEXT: &str = concat!(env!("CARGO_PKG_VERSION"), "-next");

const PROGRAMS: [&str; 3] = ["seon", "seon-operator", "seon-capi-device-plugin"];

/// The folder with the archives that `cargo xtask images` wrote.
#[derive(Debug)]
pub(crate) struct Images(PathBuf);

impl Images {
    /// `Err` says how to make them.
    pub(crate) fn find() -> Result<Self, String> {
        let folder = env::var_os("SEON_TEST_IMAGES").map(PathBuf::from).ok_or(
            "SEON_TEST_IMAGES names no folder of images (tests/run makes them; by hand: cargo \
             xtask images --output FOLDER)",
        )?;
        let images = Self(folder);
        match PROGRAMS.map(|program| images.archive(program)).iter().find(|path| !path.is_file()) {
            Some(missing) => {
                Err(format!("{} is not there; make it: cargo xtask images", missing.display()))
            }
            None => Ok(images),
        }
    }

    /// Gives them to every node, under both versions.
    pub(crate) async fn import(&self, nodes: &Nodes) -> Result<(), String> {
        let directory = TemporaryDirectory::new();
        for program in PROGRAMS {
            let archive = self.archive(program);
            nodes.import(&archive).await?;
            nodes.import(&renamed(&archive, program, &directory)).await?;
        }
        Ok(())
    }

    fn archive(&self, program: &str) -> PathBuf {
        self.0.join(format!("{program}-{THIS}.tar"))
    }
}

/// The same archive under the later version's name.
fn renamed(archive: &Path, program: &str, directory: &TemporaryDirectory) -> PathBuf {
    let content = directory.join(program);
    fs::create_dir(&content).unwrap();
    run(Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(&content));
    let path = content.join("index.json");
    let mut index: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let annotations = &mut index["manifests"][0]["annotations"];
    let name = annotations["io.containerd.image.name"].as_str().expect("the image's name");
    let name = name.replace(&format!(":{THIS}"), &format!(":{NEXT}"));
    annotations["io.containerd.image.name"] = name.into();
    annotations["org.opencontainers.image.ref.name"] = NEXT.into();
    fs::write(&path, index.to_string()).unwrap();
    let renamed = directory.join(format!("{program}-{NEXT}.tar"));
    run(Command::new("tar").arg("-cf").arg(&renamed).arg("-C").arg(&content).arg("."));
    renamed
}

fn run(command: &mut Command) {
    let status = command.status().expect("run tar");
    assert!(status.success(), "{command:?}: {status}");
}
