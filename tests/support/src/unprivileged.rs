//! Tests of rights that the superuser has anyway.

use std::process::Command;

use crate::TemporaryDirectory;
use crate::account::unprivileged_account;

/// Goes on only as a normal user: as root, the test runs again as another user in a process of its
/// own, and ends here with that one's result.
#[macro_export]
macro_rules! unprivileged {
    () => {
        fn here() {}
        let test = $crate::test_name(std::any::type_name_of_val(&here));
        match $crate::run_again_unprivileged(&test) {
            Ok(false) => {}
            Ok(true) => return,
            Err(reason) => $crate::skip!(user, "{reason}"),
        }
    };
}

/// Runs a test of this program again as another user if we are root, `true` then; use
/// [`unprivileged!`](crate::unprivileged!).
///
/// # Panics
///
/// If the test fails there.
pub fn run_again_unprivileged(test: &str) -> Result<bool, String> {
    let Some(account) = unprivileged_account()? else {
        return Ok(false);
    };
    let directory = TemporaryDirectory::new();
    // A copy, because that user may not reach where it was built.
    let program = directory.join("test");
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    // By another process: what is open for writing here is so, for a moment, in every child that
    // other tests start, and nobody may run it then.
    let copied = Command::new("cp").arg("--").args([this.as_path(), program.as_path()]).status();
    if !copied.map_err(|error| format!("cannot run cp: {error}"))?.success() {
        return Err("cannot copy the test".to_owned());
    }
    // The harness knows it without the crate's name.
    let (_, name) = test.split_once("::").unwrap_or(("", test));
    let output = Command::new("setpriv")
        .args(account.arguments())
        .args(["--pdeathsig", "KILL", "--"])
        .arg(program)
        .args([name, "--exact", "--nocapture"])
        .current_dir(directory.path())
        .output()
        .map_err(|error| format!("cannot run setpriv: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{test} as user {}:\n{said}{}",
        account.name,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(true)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_test_of_rights_does_not_run_as_the_superuser() {
        crate::unprivileged!();
        assert!(!rustix::process::geteuid().is_root());
    }
}
