//! An ISDN exchange for other processes: several controllers, by device nodes and remote CAPIs.

mod arguments;

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, LineWriter, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::thread;

use anyhow::Context as _;
use capi_sim::{Delivery, Device, Exchange, Remote};
#[cfg(feature = "libcapi20")]
use capi_sys::library::message_to_text;
use capi_sys::message::{Controller, Message};
use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};

use arguments::{Arguments, Command, Face};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    // Before anything is said, so that nobody who has read it signals in vain.
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    let parent = rustix::process::getppid().map(|parent| parent.as_raw_nonzero().get());
    let exchange = Exchange::new(arguments.ports()?);
    if let Some(path) = &arguments.trace {
        trace(&exchange, path)?;
    }
    let faces = Faces::open(&exchange, &arguments).await?;
    obey(exchange, arguments.commands.as_deref())?;
    say("ready")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = gone(parent) => {}
    }
    // Files are removed with it.
    drop(faces);
    Ok(())
}

/// Waits for the parent's end; for ever if it is out of sight, in another namespace.
async fn gone(parent: Option<i32>) {
    match parent.and_then(|parent| u32::try_from(parent).ok()) {
        Some(parent) => children::parent_gone(parent).await,
        None => std::future::pending().await,
    }
}

/// Every way to the exchange.
struct Faces {
    _devices: Vec<Device>,
    _remotes: Vec<Remote>,
}

impl Faces {
    async fn open(exchange: &Exchange, arguments: &Arguments) -> anyhow::Result<Self> {
        let all: BTreeSet<Controller> = arguments.controllers().collect();
        let mut devices = Vec::new();
        for Face { place, controllers } in &arguments.device {
            let shown = shown(controllers.as_ref(), &all)?;
            let device = exchange.showing(shown.iter().copied()).device(place)?;
            say(format_args!("device {place}: {}", list(shown)))?;
            devices.push(device);
        }
        let mut remotes = Vec::new();
        for Face { place, controllers } in &arguments.remote {
            let shown = shown(controllers.as_ref(), &all)?;
            let address: SocketAddr = place.parse().with_context(|| format!("--remote {place}"))?;
            let remote = exchange
                .showing(shown.iter().copied())
                .remote_with(address, arguments.login(), Delivery::Frames)
                .await
                .with_context(|| format!("listening on {place}"))?;
            say(format_args!("remote {}: {}", remote.address(), list(shown)))?;
            remotes.push(remote);
        }
        Ok(Self { _devices: devices, _remotes: remotes })
    }
}

fn shown<'a>(
    wanted: Option<&'a BTreeSet<Controller>>,
    all: &'a BTreeSet<Controller>,
) -> anyhow::Result<&'a BTreeSet<Controller>> {
    let Some(wanted) = wanted else { return Ok(all) };
    anyhow::ensure!(wanted.is_subset(all), "of {} there is no --controller", list(wanted));
    Ok(wanted)
}

fn list(controllers: &BTreeSet<Controller>) -> String {
    let numbers: Vec<_> = controllers.iter().map(|number| format!("controller {number}")).collect();
    numbers.join(", ")
}

/// Writes down every message, without the data.
fn trace(exchange: &Exchange, path: &Path) -> anyhow::Result<()> {
    let file = File::create(path).with_context(|| format!("writing {}", path.display()))?;
    let mut file = LineWriter::new(file);
    exchange.watch(move |message| {
        // A disk that is full ends no call.
        let _ = writeln!(file, "{}", words(message));
    });
    Ok(())
}

#[cfg(feature = "libcapi20")]
fn words(message: &Message) -> String {
    let text = message.encode().ok().and_then(|octets| message_to_text(&octets));
    let text = text.unwrap_or_else(|| format!("no words for {message:?}"));
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(not(feature = "libcapi20"))]
fn words(message: &Message) -> String {
    let name = format!("{:?}", message.body);
    let name = name.split(['(', ' ']).next().unwrap_or_default();
    format!("{name} application {} number {}", message.application.0, message.number.0)
}

/// Does what is written, line by line, for as long as this process runs.
fn obey(exchange: Exchange, commands: Option<&Path>) -> anyhow::Result<()> {
    let commands: Box<dyn Read + Send> = match commands {
        None => Box::new(io::stdin()),
        // For writing too, so that it does not end with the first one who writes.
        Some(path) => {
            let open = OpenOptions::new().read(true).write(true).open(path);
            Box::new(open.with_context(|| format!("opening {}", path.display()))?)
        }
    };
    thread::spawn(move || {
        for line in BufReader::new(commands).lines().map_while(Result::ok) {
            let answer = match line.parse::<Command>() {
                Ok(command) => command.carry_out(&exchange),
                Err(error) => error,
            };
            // Whoever does not listen any more needs no answer.
            let _ = say(answer);
        }
    });
    Ok(())
}

fn say(what: impl std::fmt::Display) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{what}")?;
    output.flush()
}
