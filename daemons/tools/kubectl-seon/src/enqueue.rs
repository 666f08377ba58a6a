//! `kubectl seon enqueue`: files of this machine go into a pod's spool through the standard input
//! of `seon enqueue` there.
//!
//! The pod is told the size beforehand, so a stream that is cut is refused there and queues
//! nothing. The last octets go only after a look at the file: one that changed meanwhile is cut
//! short on purpose.

use std::ffi::OsString;
use std::fs::Metadata;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitCode;

use kube::ResourceExt;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::arguments::{Enqueue, Relay, option};
use super::exec::{self, Running};
use super::{Context, KubernetesError, instance, pod};
use terminal::Failure;
use terminal::Stop;
use terminal::arguments::EnqueueOptions;
use terminal::progress::{Board, Progress};

/// As a file's name: standard input.
const STANDARD_INPUT: &str = "-";
/// How much is read before it is passed on: all that is ever in memory, with the pipe.
const PIECE: usize = 128 << 10;

pub(super) async fn run(context: &Context, command: Enqueue) -> Result<ExitCode, Failure> {
    let Enqueue { relay, options } = command;
    let sources = open_all(&options).await?;
    let cluster = &context.cluster;
    let instance = instance::find(cluster, relay.instance.as_deref()).await?;
    let pods = pod::list(cluster, &instance.name_any()).await?;
    let pod = exec::chosen(&instance, &pods)?;
    let board = Board::new(&context.terminal);
    let mut stop = Stop::listen()?;
    for source in sources {
        let code = tokio::select! {
            code = send(context, &pod.name, &relay, source, &board) => code?,
            // What is on its way is cut, so nothing of it is queued.
            () = stop.asked() => return Err(Failure::Interrupted),
        };
        if code != 0 {
            return Ok(exec::passed_through(code));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Something to be sent, open.
struct Source {
    name: OsString,
    size: u64,
    file: File,
    /// What the file was when it was opened; `None` for standard input.
    before: Option<Metadata>,
}

/// Opens everything before anything is sent: what is wrong is found at once.
async fn open_all(options: &EnqueueOptions) -> Result<Vec<Source>, Failure> {
    if options.r#move {
        let cure = "leave --move out, and remove the files when they are queued";
        return Err(Failure::Usage(format!("files cannot be moved into a pod; {cure}")));
    }
    let is_input = |file: &Path| file.as_os_str() == STANDARD_INPUT;
    if !options.files.iter().any(|file| is_input(file)) {
        if options.name.is_some() || options.size.is_some() {
            let why = "--name and --size belong to standard input; give - as the file";
            return Err(Failure::Usage(why.into()));
        }
        if options.dataset_name.is_some() && options.files.len() > 1 {
            let why = "one dataset name cannot name several files; enqueue them one by one";
            return Err(Failure::Usage(why.into()));
        }
        let mut sources = Vec::new();
        for file in &options.files {
            sources.push(Source::open(file).await?);
        }
        return Ok(sources);
    }
    match (options.files.len(), &options.name, options.size) {
        (1, Some(name), Some(size)) => {
            let file = input().map_err(Failure::io("cannot read standard input"))?;
            Ok(vec![Source { name: name.into(), size, file, before: None }])
        }
        (1, ..) => Err(Failure::Usage(
            "standard input needs --name NAME and --size OCTETS here, so that a connection that \
             breaks is told from its end"
                .into(),
        )),
        _ => Err(Failure::Usage(
            "standard input is one file; give - alone, or enqueue one by one".into(),
        )),
    }
}

/// Standard input as a file of its own.
fn input() -> io::Result<File> {
    let input = io::stdin().as_fd().try_clone_to_owned()?;
    Ok(std::fs::File::from(input).into())
}

impl Source {
    async fn open(path: &Path) -> Result<Self, Failure> {
        let unreadable = || Failure::io(format!("cannot read {}", path.display()));
        let file = File::open(path).await.map_err(unreadable())?;
        let metadata = file.metadata().await.map_err(unreadable())?;
        let (true, Some(name)) = (metadata.is_file(), path.file_name()) else {
            let why = "is not a plain file; give - with --name and --size to send a stream";
            return Err(Failure::Usage(format!("{} {why}", path.display())));
        };
        let (name, size) = (name.to_owned(), metadata.len());
        Ok(Self { name, size, file, before: Some(metadata) })
    }
}

/// The command in the pod for one file.
fn words(relay: &Relay, source: &Source) -> Vec<OsString> {
    let mut words = relay.words.clone();
    words.push(option("name", &source.name));
    words.push(option("size", source.size.to_string().as_ref()));
    words.extend(["--".into(), STANDARD_INPUT.into()]);
    words
}

async fn send(
    context: &Context,
    pod: &str,
    relay: &Relay,
    mut source: Source,
    board: &Board,
) -> Result<u8, Failure> {
    let words = words(relay, &source);
    let mut running = Running::start(&context.cluster, pod, context.format, &words).await?;
    let Some(mut input) = running.input() else {
        let why = format!("pod {pod} takes no standard input");
        return Err(KubernetesError::Exec(why).into());
    };
    let name = source.name.display().to_string();
    let mut progress = board.octets(format!("{name} → {pod}"), source.size);
    let showing = running.show();
    tokio::pin!(showing);
    let poured = tokio::select! {
        poured = source.pour(&mut input, &mut progress) => poured,
        // It refuses before it has read everything, or the pod goes.
        code = &mut showing => return Ok(code?),
    };
    match poured {
        Ok(()) => progress.finish(&format!("{name} is in pod {pod}")),
        // Who closed the pipe has more to say about it.
        Err(Cut::Closed) => {}
        // Dropping the pipe here is what cuts the stream.
        Err(cut) => return Err(cut.failure(&name)),
    }
    // The input stays open: its end would say that nobody watches any more.
    Ok(showing.await?)
}

/// Why a stream did not come to its end.
#[derive(Debug)]
enum Cut {
    /// The file is not what it was when it was opened.
    Changed,
    /// The file cannot be read.
    Read(io::Error),
    /// Nobody takes it any more.
    Closed,
}

impl Cut {
    fn failure(self, name: &str) -> Failure {
        match self {
            Self::Changed | Self::Closed => KubernetesError::Changed(name.to_owned()).into(),
            Self::Read(error) => Failure::io(format!("cannot read {name}"))(error),
        }
    }
}

impl Source {
    /// Sends exactly the announced octets. The last of them go only if the file is what it was.
    async fn pour(
        &mut self,
        input: &mut (impl AsyncWrite + Unpin),
        progress: &mut Progress,
    ) -> Result<(), Cut> {
        let mut buffer = vec![0; PIECE];
        let mut sent = 0;
        while sent < self.size {
            let left = usize::try_from(self.size - sent).unwrap_or(PIECE).min(PIECE);
            let room = buffer.get_mut(..left).unwrap_or_default();
            let count = self.file.read(room).await.map_err(Cut::Read)?;
            sent += count as u64;
            if count == 0 || (sent == self.size && self.has_changed().await) {
                return Err(Cut::Changed);
            }
            let piece = buffer.get(..count).unwrap_or_default();
            input.write_all(piece).await.map_err(|_| Cut::Closed)?;
            progress.set(sent, "");
        }
        input.flush().await.map_err(|_| Cut::Closed)
    }

    async fn has_changed(&self) -> bool {
        let Some(before) = &self.before else { return false };
        self.file.metadata().await.map_or(true, |now| {
            (now.len(), now.modified().ok()) != (before.len(), before.modified().ok())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use clap::Parser;

    use super::*;
    use terminal::Terminal;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: EnqueueOptions,
    }

    async fn opened(words: &str) -> Result<Vec<Source>, Failure> {
        let words = format!("enqueue --partner bolt {words}");
        open_all(&Line::try_parse_from(words.split(' ')).unwrap().options).await
    }

    async fn poured(source: &mut Source) -> (Result<(), Cut>, Vec<u8>) {
        let mut sent = Vec::new();
        let mut progress = Board::new(&Terminal::default()).octets("test", source.size);
        let result = source.pour(&mut sent, &mut progress).await;
        (result, sent)
    }

    #[tokio::test]
    async fn the_pod_is_told_name_and_size_before_the_first_octet() {
        let source =
            Source { name: "big.dat".into(), size: 7, file: input().unwrap(), before: None };
        let relay = Relay { instance: None, words: vec!["enqueue".into(), "--follow".into()] };
        assert_eq!(
            words(&relay, &source),
            ["enqueue", "--follow", "--name=big.dat", "--size=7", "--", "-"]
        );
    }

    #[tokio::test]
    async fn a_stream_needs_a_size_and_a_directory_is_none() {
        for line in ["-", "--name a -", "--name a --size 1 - b", "--move a", "--name a b", "/"] {
            assert_eq!(opened(line).await.err().unwrap().exit_code(), 64, "{line}");
        }
        assert_eq!(opened("--name a --size 1 -").await.unwrap().len(), 1);
        assert_eq!(opened("/no/such/file").await.err().unwrap().exit_code(), 1);
    }

    #[tokio::test]
    async fn a_file_goes_whole_and_one_that_grows_meanwhile_never_comes_to_its_end() {
        let path = std::env::temp_dir().join(format!("seon-pour-{}", std::process::id()));
        std::fs::write(&path, vec![7; PIECE + 5]).unwrap();
        let (result, sent) = poured(&mut Source::open(&path).await.unwrap()).await;
        assert!(result.is_ok() && sent.len() == PIECE + 5);

        let mut source = Source::open(&path).await.unwrap();
        let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"more").unwrap();
        let (result, sent) = poured(&mut source).await;
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(result, Err(Cut::Changed)));
        assert!(sent.len() < PIECE + 5, "the pod must not see all that was announced");
    }

    #[tokio::test]
    async fn an_empty_file_is_sent_too() {
        let file = input().unwrap();
        let mut source = Source { name: "empty".into(), size: 0, file, before: None };
        let (result, sent) = poured(&mut source).await;
        assert!(result.is_ok() && sent.is_empty());
    }
}
