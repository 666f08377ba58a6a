//! Running `seon` in a pod: words and standard input go in, output and exit code come out.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use crds::{SeonInstance, names};
use domain::Daemon;
use futures::future::join;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::ResourceExt;
use kube::api::{AttachParams, AttachedProcess};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use super::KubernetesError;
use super::cluster::Cluster;
use super::pod::PodView;
use terminal::Failure;
use terminal::Format;

/// The pipes between us and the connection.
const PIPE: usize = 256 << 10;

/// A program that runs in a pod.
pub(super) struct Running {
    pod: String,
    process: AttachedProcess,
}

/// What a program in a pod printed, and how it ended.
pub(super) struct Printed {
    /// Its standard output.
    pub(super) output: Vec<u8>,
    /// Its standard error.
    pub(super) errors: String,
    /// Its exit code.
    pub(super) exit: u8,
}

/// The pod that is best asked: the active `seonsqd`, which everything concerns, else one that is
/// ready, else one that runs at all.
pub(super) fn choose(pods: &[PodView]) -> Option<&PodView> {
    pods.iter().filter(|pod| pod.running).max_by_key(|pod| {
        (pod.daemon == Daemon::Seonsqd && pod.is_active(), pod.ready, pod.is_active())
    })
}

/// The best pod of an instance, or why there is none.
pub(super) fn chosen<'a>(
    instance: &SeonInstance,
    pods: &'a [PodView],
) -> Result<&'a PodView, KubernetesError> {
    choose(pods).ok_or_else(|| {
        let (is_suspended, instance) = (instance.spec.suspend, instance.name_any());
        if is_suspended {
            return KubernetesError::NoPod(format!(
                "{instance} is suspended, so no pod runs that could be asked; start it: kubectl \
                 seon resume {instance}"
            ));
        }
        let seen = match pods {
            [] => "it has none".to_owned(),
            pods => {
                let one = |pod: &PodView| {
                    let trouble = pod.trouble.as_deref().unwrap_or("not running");
                    format!("{} ({trouble})", pod.name)
                };
                pods.iter().map(one).collect::<Vec<_>>().join(", ")
            }
        };
        KubernetesError::NoPod(format!(
            "no pod of {instance} runs that could be asked: {seen}; see: kubectl seon check \
             {instance}"
        ))
    })
}

/// The whole command line in the pod. It is attended: it ends when the connection does.
fn command(
    format: Format,
    requested_by: Option<&str>,
    words: &[OsString],
) -> Result<Vec<String>, Failure> {
    // As the operator starts the daemons there; only its migration brings the schema up to date.
    let place = [
        names::PROGRAM,
        "-c",
        names::CONFIGURATION_DIRECTORY,
        "--run-directory",
        names::RUN_DIRECTORY,
        "--migrate",
        "never",
        "--attended",
    ];
    let mut command: Vec<String> = place.map(str::to_owned).into();
    command.extend(requested_by.map(|name| format!("--requested-by={name}")));
    if format == Format::Json {
        command.extend(["-o", "json"].map(str::to_owned));
    }
    for word in words {
        let word = word.to_str().ok_or_else(|| {
            let shown = word.display();
            Failure::Usage(format!("{shown} is not UTF-8 and cannot go into a pod; rename it"))
        })?;
        command.push(word.to_owned());
    }
    Ok(command)
}

impl Running {
    /// Starts `seon` in a pod.
    pub(super) async fn start(
        cluster: &Cluster,
        pod: &str,
        format: Format,
        words: &[OsString],
    ) -> Result<Self, Failure> {
        let parameters = AttachParams {
            stdin: true,
            max_stdin_buf_size: Some(PIPE),
            max_stdout_buf_size: Some(PIPE),
            max_stderr_buf_size: Some(PIPE),
            ..AttachParams::default()
        };
        let requested_by = cluster.user().await;
        let command = command(format, requested_by.as_deref(), words)?;
        let process = cluster.streamed::<Pod>().exec(pod, command, &parameters).await;
        let doing = format!("running seon in pod {pod}");
        let process = process.map_err(|error| cluster.explain(&doing, error))?;
        Ok(Self { pod: pod.to_owned(), process })
    }

    /// Its standard input. Who takes it keeps it until the end: without it nobody attends.
    pub(super) fn input(&mut self) -> Option<impl AsyncWrite + use<>> {
        self.process.stdin()
    }

    /// Shows what it prints until it ends; its exit code.
    pub(super) async fn show(self) -> Result<u8, KubernetesError> {
        self.finish(io::stdout(), io::stderr()).await
    }

    /// Reads what it prints until it ends.
    pub(super) async fn read(self) -> Result<Printed, KubernetesError> {
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let exit = self.finish(&mut output, &mut errors).await?;
        Ok(Printed { output, errors: String::from_utf8_lossy(&errors).into_owned(), exit })
    }

    async fn finish(
        mut self,
        output: impl Write,
        errors: impl Write,
    ) -> Result<u8, KubernetesError> {
        let status = self.process.take_status();
        let (stdout, stderr) = (self.process.stdout(), self.process.stderr());
        join(pass_on(stdout, output), pass_on(stderr, errors)).await;
        let status = match status {
            Some(status) => status.await,
            None => None,
        };
        exit_code(&self.pod, status.as_ref())
    }
}

/// Copies until the end. A reader that went away (`kubectl seon queue | head`) is no error: the
/// rest is read and dropped, so that the command in the pod comes to its end.
///
/// A terminal that is slow makes the pod wait, which is right.
async fn pass_on(from: Option<impl AsyncRead + Unpin>, mut to: impl Write) {
    let Some(mut from) = from else { return };
    let mut buffer = vec![0; 16 << 10];
    let mut is_heard = true;
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let piece = buffer.get(..count).unwrap_or_default();
        is_heard = is_heard && to.write_all(piece).and_then(|()| to.flush()).is_ok();
    }
}

/// How the program in the pod ended, from what the kubelet says on the status channel.
fn exit_code(pod: &str, status: Option<&Status>) -> Result<u8, KubernetesError> {
    let Some(status) = status else {
        return Err(KubernetesError::Exec(format!(
            "the connection into pod {pod} broke before the command ended; what it did is done: \
             see kubectl seon queue, journal"
        )));
    };
    if status.status.as_deref() == Some("Success") {
        return Ok(0);
    }
    let causes = status.details.iter().flat_map(|details| details.causes.iter().flatten());
    let code = causes
        .filter(|cause| cause.reason.as_deref() == Some("ExitCode"))
        .find_map(|cause| cause.message.as_deref()?.parse::<i64>().ok());
    // What does not fit is a failure all the same.
    code.map(|code| u8::try_from(code).unwrap_or(u8::MAX)).ok_or_else(|| {
        let message = status.message.as_deref().unwrap_or("it does not say why");
        KubernetesError::Exec(format!(
            "seon could not be run in pod {pod}: {message}; see: kubectl describe pod {pod}"
        ))
    })
}

/// The same as this process's exit code.
pub(super) fn passed_through(code: u8) -> ExitCode {
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::super::instance::tests::instance;
    use super::super::pod::tests::ready;
    use super::*;

    #[test]
    fn the_active_seonsqd_is_asked_first_and_any_running_pod_last() {
        let active = ready("acme-seonsqd-1", Daemon::Seonsqd, "active");
        let standby = ready("acme-seonsqd-0", Daemon::Seonsqd, "standby");
        let master = ready("acme-seonrd-0", Daemon::Seonrd, "active");
        let stuck = PodView { ready: false, ..ready("acme-seonrd-1", Daemon::Seonrd, "standby") };
        let gone = PodView { running: false, ..active.clone() };
        let name = |pods: &[PodView]| choose(pods).map(|pod| pod.name.clone());
        let all = [standby.clone(), active, master.clone(), stuck.clone()];
        assert_eq!(name(&all).as_deref(), Some("acme-seonsqd-1"));
        let without = [gone.clone(), standby, master, stuck.clone()];
        assert_eq!(name(&without).as_deref(), Some("acme-seonrd-0"));
        assert_eq!(name(&[gone.clone(), stuck]).as_deref(), Some("acme-seonrd-1"));
        assert_eq!(name(&[gone]), None);
    }

    #[test]
    fn without_a_pod_the_error_says_how_each_is() {
        let crashing = PodView {
            running: false,
            trouble: Some("CrashLoopBackOff".into()),
            ..ready("acme-seonsqd-0", Daemon::Seonsqd, "standby")
        };
        let acme = instance("acme", "");
        let error = chosen(&acme, std::slice::from_ref(&crashing)).unwrap_err();
        assert_eq!(error.code(), "E-KUBERNETES-NO-POD");
        assert!(error.to_string().contains("acme-seonsqd-0 (CrashLoopBackOff)"), "{error}");
        assert!(chosen(&acme, &[]).unwrap_err().to_string().contains("it has none"));
        let suspended = chosen(&instance("acme", "  suspend: true\n"), &[crashing]).unwrap_err();
        assert!(suspended.to_string().contains("kubectl seon resume acme"), "{suspended}");
    }

    #[test]
    fn words_follow_the_folder_of_the_manifests() {
        let words = [OsString::from("queue"), OsString::from("--all")];
        assert_eq!(
            command(Format::Table, None, &words).unwrap(),
            [
                "/bin/seon",
                "-c",
                "/etc/seon",
                "--run-directory",
                "/run/seon",
                "--migrate",
                "never",
                "--attended",
                "queue",
                "--all"
            ]
        );
        assert_eq!(
            command(Format::Json, Some("eve"), &words[..1]).unwrap()[7..],
            ["--attended", "--requested-by=eve", "-o", "json", "queue"]
        );
    }

    fn ended(yaml: &str) -> Result<u8, String> {
        let status: Status = serde_yaml::from_str(yaml).unwrap();
        exit_code("acme-seonsqd-0", Some(&status)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_exit_code_is_the_one_in_the_pod() {
        assert_eq!(ended("status: Success"), Ok(0));
        let failed = |code: &str| {
            ended(&format!(
                "{{status: Failure, reason: NonZeroExitCode, message: it failed,
                  details: {{causes: [{{reason: ExitCode, message: '{code}'}}]}}}}"
            ))
        };
        assert_eq!(failed("75"), Ok(75));
        assert_eq!(failed("-1"), Ok(255));
    }

    #[test]
    fn what_never_ran_and_what_broke_is_no_exit_code() {
        let error = ended("{status: Failure, reason: InternalError, message: no such container}");
        assert!(error.unwrap_err().contains("no such container"));
        let broken = exit_code("acme-seonsqd-0", None).unwrap_err();
        assert!(broken.to_string().contains("broke before the command ended"));
    }

    #[tokio::test]
    async fn output_goes_on_being_read_when_nobody_listens_any_more() {
        let (mut program, ours) = tokio::io::duplex(8);
        let (closed, reader) = std::os::unix::net::UnixStream::pair().unwrap();
        drop(reader);
        let written = tokio::spawn(async move { program.write_all(&[7; 100]).await.is_ok() });
        pass_on(Some(ours), closed).await;
        assert!(written.await.unwrap(), "the program could write all it wanted");
    }
}
