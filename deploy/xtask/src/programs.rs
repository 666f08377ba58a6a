//! The programs that are shipped, linked with the C library in them.
//!
//! One call of cargo builds all of them, so that what they share is compiled once and in one way;
//! images, tests and people take the same files.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{ExitCode, Stdio},
    time::Instant,
};

use anyhow::{Context as _, bail};
use image::Architecture;

use crate::{cargo::cargo, elf, generated::top};

/// A package, and the name of its program.
struct Program {
    package: &'static str,
    name: &'static str,
}

const PROGRAMS: [Program; 5] = [
    Program { package: "seon", name: "seon" },
    Program { package: "kubectl-seon", name: "kubectl-seon" },
    Program { package: "quickstart", name: "quickstart" },
    Program { package: "operator", name: "seon-operator" },
    Program { package: "capi-device-plugin", name: "seon-capi-device-plugin" },
];

/// Builds every program and puts it into a folder.
pub(crate) fn write(output: Option<&Path>) -> anyhow::Result<ExitCode> {
    let folder = output.map_or_else(|| target().join("programs"), Path::to_owned);
    build(&folder)?;
    Ok(ExitCode::SUCCESS)
}

/// Builds every program and puts it into a folder, each in place of an older one.
pub(crate) fn build(folder: &Path) -> anyhow::Result<()> {
    let started = Instant::now();
    let triple = triple(this_machine()?);
    let packages = PROGRAMS.iter().flat_map(|program| ["--package", program.package]);
    let binaries = PROGRAMS.iter().flat_map(|program| ["--bin", program.name]);
    // With a target of its own, what cargo runs while it builds is not linked in that way: the
    // compiler could not load it.
    let status = cargo()
        .args(["build", "--release", "--locked", "--target", triple, "--config"])
        .arg(format!("target.{triple}.rustflags=[\"-Ctarget-feature=+crt-static\"]"))
        .args(packages)
        .args(binaries)
        .stdin(Stdio::null())
        .status()
        .context("running cargo")?;
    if !status.success() {
        bail!("the programs could not be built");
    }
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    for Program { name, .. } in &PROGRAMS {
        let built = target().join(triple).join("release").join(name);
        let octets = read(&built)?;
        // Renamed into place: the old one may run.
        let (path, new) = (folder.join(name), folder.join(format!("{name}.new")));
        let copied = fs::copy(&built, &new).and_then(|_| fs::rename(&new, &path));
        copied.with_context(|| format!("writing {}", path.display()))?;
        println!("{}  {:.1} MiB", path.display(), mebibytes(octets.len()));
    }
    println!("{} programs in {} s", PROGRAMS.len(), started.elapsed().as_secs());
    Ok(())
}

/// A program that runs in an empty root.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let octets = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    if let Some(interpreter) = elf::interpreter(&octets)? {
        bail!("{} needs {interpreter}, which no image has", path.display());
    }
    Ok(octets)
}

/// What programs are built for.
pub(crate) fn this_machine() -> anyhow::Result<Architecture> {
    Architecture::of_this_machine()
        .context("programs are built for x86_64 and aarch64 only, on such a machine")
}

fn triple(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::Amd64 => "x86_64-unknown-linux-gnu",
        Architecture::Arm64 => "aarch64-unknown-linux-gnu",
    }
}

/// Cargo's folder for what it builds.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| top().join("target"), PathBuf::from)
}

#[expect(clippy::cast_precision_loss, reason = "one digit after the point is shown")]
pub(crate) fn mebibytes(octets: usize) -> f64 {
    octets as f64 / f64::from(1 << 20)
}
