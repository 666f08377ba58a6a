//! A way to the API server that can be closed.

use std::net::Ipv4Addr;
use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

/// Passes connections on while it is open. When it closes they end, and later ones do at once.
pub(crate) struct Gate {
    port: u16,
    is_open: watch::Sender<bool>,
    called: Arc<Notify>,
}

impl Gate {
    pub(crate) async fn to(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let is_open = watch::Sender::new(true);
        let called = Arc::new(Notify::new());
        let gate = Self { port, is_open: is_open.clone(), called: Arc::clone(&called) };
        tokio::spawn(async move {
            while let Ok((mut caller, _)) = listener.accept().await {
                let mut open = is_open.subscribe();
                if !*open.borrow_and_update() {
                    called.notify_one();
                    continue;
                }
                tokio::spawn(async move {
                    let mut called = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await?;
                    tokio::select! {
                        passed = copy_bidirectional(&mut caller, &mut called) => passed.map(drop),
                        _ = open.changed() => Ok(()),
                    }
                });
            }
        });
        gate
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn close(&self) {
        self.is_open.send_replace(false);
    }

    pub(crate) fn open(&self) {
        self.is_open.send_replace(true);
    }

    /// Waits until somebody has tried in vain.
    pub(crate) async fn until_called_in_vain(&self) {
        self.called.notified().await;
    }
}
