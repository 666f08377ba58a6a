//! The programs of a cluster, built or unpacked on first use by `tests/cluster/build`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// A folder of programs, or why this machine has none.
type Part = OnceLock<Result<PathBuf, String>>;

/// etcd, Kubernetes' components and kubectl.
pub(crate) fn kubernetes() -> Result<PathBuf, String> {
    static PART: Part = OnceLock::new();
    provide(&PART, "kubernetes")
}

/// CoreDNS.
pub(crate) fn coredns() -> Result<PathBuf, String> {
    static PART: Part = OnceLock::new();
    provide(&PART, "coredns")
}

/// containerd, runc, the network plugins, and a shell for pods.
pub(crate) fn debian() -> Result<PathBuf, String> {
    static PART: Part = OnceLock::new();
    provide(&PART, "debian")
}

/// The image of the pause container and of the harness's own tests.
pub(crate) fn pod() -> Result<PathBuf, String> {
    static PART: Part = OnceLock::new();
    provide(&PART, "pod")
}

/// helm.
pub(crate) fn helm() -> Result<PathBuf, String> {
    static PART: Part = OnceLock::new();
    provide(&PART, "helm")
}

fn provide(part: &'static Part, name: &str) -> Result<PathBuf, String> {
    part.get_or_init(|| build(name)).clone()
}

/// What it says meanwhile is shown: the first build takes minutes.
fn build(name: &str) -> Result<PathBuf, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("build");
    let output = Command::new(&script)
        .arg(name)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run {}: {error}", script.display()))?;
    if !output.status.success() {
        return Err(format!("tests/cluster/build {name} failed, see above"));
    }
    let folder = String::from_utf8_lossy(&output.stdout);
    Ok(PathBuf::from(folder.trim_end()))
}
