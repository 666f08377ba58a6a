//! What ends this process: signals, and the death of its parent.

use std::future::pending;
use std::pin::Pin;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::Failure;

/// SIGINT, SIGTERM, and the death of whoever started this process as its child.
pub struct Stop {
    interrupt: Signal,
    terminate: Signal,
    /// Heard of once: an ended future must not be asked again.
    parent: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

impl Stop {
    /// Listens from now on; a signal is not lost between two waits.
    pub fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(Failure::io("cannot listen for signals"));
        let parent = children::parent_from_environment();
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            parent: parent.map(|parent| Box::pin(children::parent_gone(parent)) as _),
        })
    }

    /// Waits until somebody wants this process to end.
    pub async fn asked(&mut self) {
        let parent = async {
            match &mut self.parent {
                Some(parent) => parent.await,
                None => pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => return,
            _ = self.terminate.recv() => return,
            () = parent => {}
        }
        self.parent = None;
    }
}
