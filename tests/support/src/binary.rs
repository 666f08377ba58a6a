//! Our programs, for tests that start them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The `seon` binary: the one that `SEON_BINARY` names (`tests/run` sets it to the release build),
/// else the development build, built here if it is not up to date.
///
/// # Panics
///
/// If it does not build, or `SEON_BINARY` names nothing.
pub fn seon_binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(binary) = std::env::var_os("SEON_BINARY").map(PathBuf::from) {
            assert!(binary.is_file(), "SEON_BINARY={} is no file", binary.display());
            return binary;
        }
        development_binary("seon", "seon")
    })
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
