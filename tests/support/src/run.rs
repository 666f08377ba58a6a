//! Commands that are run to their end.

use std::process::{Command, Stdio};

use tokio::io::AsyncWriteExt;

/// Runs a command with that standard input; gives what it printed, or what it complained about, with
/// `name` before it.
pub async fn run(name: &str, command: Command, input: &[u8]) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("{name}: {error}");
    let mut command = tokio::process::Command::from(command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(failed)?;
    let mut stdin = child.stdin.take().expect("a piped standard input");
    // If it ends without reading, its complaint says more than ours.
    let _ = stdin.write_all(input).await;
    drop(stdin);
    let output = child.wait_with_output().await.map_err(failed)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    // Some only end with a code.
    let said = if said.trim().is_empty() { output.status.to_string() } else { said.into_owned() };
    Err(format!("{name}: {}", said.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_command_prints_is_given_and_what_it_complains_about_is_the_error() {
        let shell = |script: &str| {
            let mut command = crate::guarded_command("sh");
            command.args(["-c", script]);
            command
        };
        assert_eq!(run("cat", shell("cat"), b"here").await.unwrap(), "here");
        assert_eq!(run("it", shell("echo no >&2; exit 3"), b"").await.unwrap_err(), "it: no");
        let silent = run("it", shell("exit 3"), b"").await.unwrap_err();
        assert_eq!(silent, "it: exit status: 3");
    }
}
