//! The chart, rendered by the real helm: `deploy/install.yaml`.

use std::{
    env,
    fs::OpenOptions,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};

use crate::{
    chart,
    generated::{Generated, top},
};

const INSTALL: &str = "deploy/install.yaml";
const NAMESPACE: &str = "seon-system";

/// The chart with its defaults for whoever has no helm, and the namespace that helm would make;
/// `None`, and said loudly, where there is no helm.
pub(crate) fn install() -> anyhow::Result<Option<Generated>> {
    let Some(helm) = find() else {
        skip(&format!(
            "{INSTALL}: tests/cluster/build could not make the helm that renders it (see above); name \
             one in HELM"
        ))?;
        return Ok(None);
    };
    let rendered = render(&helm)?;
    let text = format!(
        "# Made by `cargo xtask generate` from charts/seon; do not edit.\n#   kubectl apply \
         --server-side -f install.yaml\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: \
         {NAMESPACE}\n  labels:\n    pod-security.kubernetes.io/enforce: restricted\n{rendered}"
    );
    Ok(Some(Generated::new(INSTALL, text)))
}

fn render(helm: &Path) -> anyhow::Result<String> {
    let output = Command::new(helm)
        .args(["template", "seon", chart::FOLDER, "--namespace", NAMESPACE])
        // Only helm knows what to do with what it is told to keep.
        .args(["--set", "crds.keep=false"])
        .current_dir(top())
        .output()
        .with_context(|| format!("running {}", helm.display()))?;
    if !output.status.success() {
        bail!("helm template {}: {}", chart::FOLDER, String::from_utf8_lossy(&output.stderr));
    }
    String::from_utf8(output.stdout).context("reading what helm rendered")
}

/// The helm that HELM names, or the one that the tests' cluster has, which is built on first use:
/// any other version might render something else.
fn find() -> Option<PathBuf> {
    if let Some(named) = env::var_os("HELM") {
        return Some(named.into());
    }
    let output = Command::new(top().join("tests/cluster/build"))
        .arg("helm")
        .stderr(Stdio::inherit())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let folder = String::from_utf8(output.stdout).ok()?;
    Some(Path::new(folder.trim_end()).join("bin/helm"))
}

/// As the tests say what they did not do, so that .ci/run counts it too.
fn skip(what: &str) -> anyhow::Result<()> {
    eprintln!("SKIPPED: {what}");
    if let Some(path) = env::var_os("SEON_SKIPS") {
        let path = Path::new(&path);
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .with_context(|| format!("opening {}", path.display()))?;
        writeln!(file, "SKIPPED: {what}").context("writing SEON_SKIPS")?;
    }
    Ok(())
}
