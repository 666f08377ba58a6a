//! Our programs, for tests that start them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The program `seon`: the one that `SEON_BINARY` names (`tests/run` sets it to the release build),
/// else the development build, built here if it is not up to date.
///
/// # Panics
///
/// If it does not build, or `SEON_BINARY` names nothing.
pub fn seon_binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| named_or_built("SEON_BINARY", "seon"))
}

/// The program `kubectl-seon`, in the same way by `SEON_KUBECTL`.
///
/// # Panics
///
/// If it does not build, or `SEON_KUBECTL` names nothing.
pub fn kubectl_seon_binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| named_or_built("SEON_KUBECTL", "kubectl-seon"))
}

/// The program `quickstart`, in the same way by `SEON_QUICKSTART`.
///
/// # Panics
///
/// If it does not build, or `SEON_QUICKSTART` names nothing.
pub fn quickstart_binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| named_or_built("SEON_QUICKSTART", "quickstart"))
}

fn named_or_built(variable: &str, package: &str) -> PathBuf {
    let Some(binary) = std::env::var_os(variable).map(PathBuf::from) else {
        return development_binary(package, package);
    };
    assert!(binary.is_file(), "{variable}={} is no file", binary.display());
    binary
}

/// The development build of a package's program, built here if it is not up to date.
///
/// # Panics
///
/// If it does not build.
pub fn development_binary(package: &str, binary: &str) -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--package", package, "--bin", binary])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .status()
        .expect("run cargo");
    assert!(built.success(), "cargo build --package {package} failed");
    // <target>/debug/deps/<this test program>
    let program = std::env::current_exe().expect("this program's path");
    program.ancestors().nth(2).expect("a target directory").join(binary)
}
