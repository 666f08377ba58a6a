//! A telephone exchange in memory, and the daemons on its lines: in this process, as threads.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use capi::State;
use configuration::{CapiController, IsdnAddress};
use domain::Daemon;
use futures::future::BoxFuture;
use runtime::{Active, Start};
use seonrd::{Controller, Controllers, Ringing};
use tokio::sync::{Mutex as AsyncMutex, mpsc, watch};
use transport::{Line as Call, LineError, Packets};

/// Calls that are not answered yet.
const RINGING: usize = 16;

/// Packets on their way, as many as X.25 lets be unconfirmed.
const WINDOW: usize = 7;

/// Connects who calls with who has the number.
#[derive(Clone, Default)]
pub struct Exchange(Arc<Inside>);

#[derive(Default)]
struct Inside {
    lines: Mutex<BTreeMap<String, mpsc::Sender<Call>>>,
    calls: AtomicUsize,
    /// The next call breaks after so many packets each way.
    break_after: Mutex<Option<usize>>,
}

impl Exchange {
    /// Runs the daemon of controller 1 of the instance in this folder, with this number, for as long
    /// as the test runs.
    pub fn attach(&self, directory: PathBuf, number: &str) {
        let controllers = Lines { exchange: self.clone(), number: number.to_owned() };
        let controller = 1.try_into().unwrap();
        std::thread::spawn(move || {
            let start = Start::new(Daemon::SeonrdCapi(controller), directory).standby(true);
            runtime::run(start, move |active: Active| {
                seonrd::capi(active, controller, controllers)
            })
            .unwrap();
        });
    }

    /// How many calls were answered.
    pub fn calls(&self) -> usize {
        self.0.calls.load(Ordering::SeqCst)
    }

    /// Lets the next call break after so many packets one way.
    pub fn break_next_call_after(&self, packets: usize) {
        *self.0.break_after.lock().unwrap_or_else(PoisonError::into_inner) = Some(packets);
    }

    fn register(&self, number: &str) -> mpsc::Receiver<Call> {
        let (sender, calls) = mpsc::channel(RINGING);
        let mut lines = self.0.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.insert(number.to_owned(), sender);
        calls
    }

    fn find(&self, number: &str) -> Option<mpsc::Sender<Call>> {
        let lines = self.0.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.get(number).cloned()
    }
}

/// One number of an exchange.
struct Lines {
    exchange: Exchange,
    number: String,
}

impl Controllers for Lines {
    fn open(&self, _wanted: &CapiController) -> Result<Arc<dyn Controller>, LineError> {
        let calls = AsyncMutex::new(self.exchange.register(&self.number));
        let (exchange, number) = (self.exchange.clone(), self.number.clone());
        let state = watch::Sender::new(State::Listening);
        Ok(Arc::new(Attached { exchange, number, calls, state }))
    }
}

struct Attached {
    exchange: Exchange,
    number: String,
    calls: AsyncMutex<mpsc::Receiver<Call>>,
    state: watch::Sender<State>,
}

impl Controller for Attached {
    fn state(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    fn called(&self) -> BoxFuture<'_, Result<Ringing, LineError>> {
        Box::pin(async {
            let call = self.calls.lock().await.recv().await;
            let call =
                call.ok_or_else(|| LineError::new("E-TEST-GONE", "the number is another's"))?;
            let ringing: Ringing = Box::pin(async { Ok(call) });
            Ok(ringing)
        })
    }

    fn call<'a>(&'a self, address: &'a IsdnAddress) -> BoxFuture<'a, Result<Call, LineError>> {
        Box::pin(async {
            let number = address.number.dialled();
            let Some(line) = self.exchange.find(&number) else {
                return Err(LineError::new("E-TEST-NUMBER", format!("nobody has {number}")));
            };
            let mut break_after =
                self.exchange.0.break_after.lock().unwrap_or_else(PoisonError::into_inner).take();
            let break_after = break_after.take().unwrap_or(usize::MAX);
            let (here, there) = ends(break_after);
            line.send(Call::new(there, self.number.clone()))
                .await
                .map_err(|_| LineError::new("E-TEST-BUSY", format!("{number} is gone")))?;
            self.exchange.0.calls.fetch_add(1, Ordering::SeqCst);
            Ok(Call::new(here, address.number.to_string()))
        })
    }
}

/// One end of a call.
struct End {
    sender: Option<mpsc::Sender<Vec<u8>>>,
    receiver: mpsc::Receiver<Vec<u8>>,
    left: usize,
}

fn ends(break_after: usize) -> (End, End) {
    let ((one, to_one), (other, to_other)) = (mpsc::channel(WINDOW), mpsc::channel(WINDOW));
    (
        End { sender: Some(one), receiver: to_other, left: break_after },
        End { sender: Some(other), receiver: to_one, left: break_after },
    )
}

impl Packets for End {
    fn send(&mut self, packet: Vec<u8>) -> BoxFuture<'_, Result<(), LineError>> {
        Box::pin(async {
            let broken = || LineError::new("E-TEST-BROKEN", "the line is broken");
            if self.left == 0 {
                self.sender = None;
                self.receiver.close();
                return Err(broken());
            }
            self.left -= 1;
            let sender = self.sender.as_ref().ok_or_else(broken)?;
            sender.send(packet).await.map_err(|_| broken())
        })
    }

    fn receive(&mut self) -> BoxFuture<'_, Result<Option<Vec<u8>>, LineError>> {
        Box::pin(async { Ok(self.receiver.recv().await) })
    }

    fn close(&mut self) -> BoxFuture<'_, ()> {
        self.sender = None;
        Box::pin(async {})
    }
}
