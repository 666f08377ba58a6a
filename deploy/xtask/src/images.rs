//! The images: static programs in an otherwise empty root, as OCI archives.

mod elf;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context as _, bail};
use image::{Architecture, Compression, File, Image, Name};

use crate::generate::top;

/// What an archive may have at most, compressed.
const LIMIT: usize = 25 << 20;
/// Nobody: the number that distroless images use too.
const USER: &str = "65532:65532";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A program that gets an image of its own.
struct Program {
    package: &'static str,
    binary: &'static str,
    description: &'static str,
}

const PROGRAMS: [Program; 3] = [
    Program {
        package: "seon",
        binary: "seon",
        description: "The daemons and the tool of Seon: file exchange by ODETTE FTP",
    },
    Program {
        package: "operator",
        binary: "seon-operator",
        description: "The operator of Seon: file exchange by ODETTE FTP on Kubernetes",
    },
    // By itself, and not a part of the daemons' program: it alone runs with privileges.
    Program {
        package: "capi-device-plugin",
        binary: "seon-capi-device-plugin",
        description: "ISDN controllers as a resource of Kubernetes, for Seon",
    },
];

/// Builds the programs and writes `<name>-<version>.tar` of each into a folder.
pub(crate) fn write(output: Option<&Path>, registry: &str) -> anyhow::Result<ExitCode> {
    let architecture = Architecture::of_this_machine()
        .context("images are built for x86_64 and aarch64 only, on such a machine")?;
    let folder = output.map_or_else(|| target().join("images"), Path::to_owned);
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    for program in &PROGRAMS {
        let executable = program.build()?;
        let octets =
            fs::read(&executable).with_context(|| format!("reading {}", executable.display()))?;
        if let Some(interpreter) = elf::interpreter(&octets)? {
            bail!("{} needs {interpreter}, which the image does not have", executable.display());
        }
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
    /// The release build, except that the last step links the C library in. What the program
    /// depends on is the same as in every other release build, so it is not built twice.
    fn build(&self) -> anyhow::Result<PathBuf> {
        let output = Command::new(env!("CARGO"))
            .args(["rustc", "--release", "--locked", "--message-format=json-render-diagnostics"])
            .args(["--package", self.package, "--bin", self.binary])
            .args(["--", "-C", "target-feature=+crt-static"])
            .current_dir(top())
            .stderr(Stdio::inherit())
            .output()
            .context("running cargo")?;
        if !output.status.success() {
            bail!("{} could not be built", self.binary);
        }
        executable(&String::from_utf8_lossy(&output.stdout))
            .with_context(|| format!("cargo did not say where it put {}", self.binary))
    }

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

/// Where cargo put what it linked last, from its messages.
fn executable(messages: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back()
}

/// Cargo's folder for what it builds.
fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| top().join("target"), PathBuf::from)
}

#[expect(clippy::cast_precision_loss, reason = "one digit after the point is shown")]
fn mebibytes(octets: usize) -> f64 {
    octets as f64 / f64::from(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_the_last_one_that_cargo_names() {
        let messages = "{\"reason\":\"compiler-artifact\",\"executable\":null}\n\
                        {\"reason\":\"compiler-artifact\",\"executable\":\"/t/release/seon\"}\n\
                        {\"reason\":\"build-finished\",\"success\":true}\n";
        assert_eq!(executable(messages).unwrap(), Path::new("/t/release/seon"));
        assert_eq!(executable("{\"executable\":null}\n"), None);
    }

    #[test]
    fn an_image_has_nothing_but_its_program_and_runs_it_as_nobody() {
        let image = PROGRAMS[0].image(vec![1], Architecture::Amd64, "registry.local");
        assert_eq!(image.name.to_string(), format!("registry.local/seon:{VERSION}"));
        assert_eq!(image.files, [File::program("bin/seon", vec![1])]);
        assert_eq!((image.entrypoint, image.user), (vec!["/bin/seon".into()], USER.into()));
    }
}
