//! The images: static programs in an otherwise empty root, as OCI archives.

use std::{fs, path::Path, process::ExitCode};

use anyhow::{Context as _, bail};
use image::{Architecture, Compression, File, Image, Name};

use crate::programs::{self, mebibytes, target};

/// What an archive may have at most, compressed.
const LIMIT: usize = 25 << 20;
/// Nobody: the number that distroless images use too.
const USER: &str = "65532:65532";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A program that gets an image of its own.
struct Program {
    binary: &'static str,
    description: &'static str,
}

const PROGRAMS: [Program; 3] = [
    Program {
        binary: "seon",
        description: "The daemons and the tool of Seon: file exchange by ODETTE FTP",
    },
    Program {
        binary: "seon-operator",
        description: "The operator of Seon: file exchange by ODETTE FTP on Kubernetes",
    },
    // By itself, and not a part of the daemons' program: it alone runs with privileges.
    Program {
        binary: "seon-capi-device-plugin",
        description: "ISDN controllers as a resource of Kubernetes, for Seon",
    },
];

/// Writes `<name>-<version>.tar` of each program into a folder. The programs are those of a folder
/// that `cargo xtask programs` has filled, else they are built.
pub(crate) fn write(
    programs: Option<&Path>,
    output: Option<&Path>,
    registry: &str,
) -> anyhow::Result<ExitCode> {
    let architecture = programs::this_machine()?;
    let built = target().join("programs");
    if programs.is_none() {
        programs::build(&built)?;
    }
    let programs = programs.unwrap_or(&built);
    let folder = output.map_or_else(|| target().join("images"), Path::to_owned);
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    for program in &PROGRAMS {
        let octets = programs::read(&programs.join(program.binary))?;
        let image = program.image(octets, architecture, registry);
        let archive = image::archive(&image).context("writing the image")?;
        if archive.octets.len() > LIMIT {
            bail!("{} has {} octets; the limit is {LIMIT}", image.name, archive.octets.len());
        }
        let path = folder.join(format!("{}-{VERSION}.tar", program.binary));
        fs::write(&path, &archive.octets).with_context(|| format!("writing {}", path.display()))?;
        println!(
            "{}  {}  {}  {:.1} MiB",
            path.display(),
            image.name,
            archive.digest,
            mebibytes(archive.octets.len())
        );
    }
    Ok(ExitCode::SUCCESS)
}

impl Program {
    fn image(&self, octets: Vec<u8>, architecture: Architecture, registry: &str) -> Image {
        let label = |name: &str, value: &str| {
            (format!("org.opencontainers.image.{name}"), value.to_owned())
        };
        Image {
            name: Name { repository: format!("{registry}/{}", self.binary), tag: VERSION.into() },
            architecture,
            files: vec![File::program(format!("bin/{}", self.binary), octets)],
            entrypoint: vec![format!("/bin/{}", self.binary)],
            user: USER.into(),
            labels: [
                label("title", self.binary),
                label("description", self.description),
                label("version", VERSION),
                label("licenses", "Apache-2.0"),
            ]
            .into(),
            compression: Compression::Gzip,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_has_nothing_but_its_program_and_runs_it_as_nobody() {
        let image = PROGRAMS[0].image(vec![1], Architecture::Amd64, "registry.local");
        assert_eq!(image.name.to_string(), format!("registry.local/seon:{VERSION}"));
        assert_eq!(image.files, [File::program("bin/seon", vec![1])]);
        assert_eq!((image.entrypoint, image.user), (vec!["/bin/seon".into()], USER.into()));
    }
}
