//! A way into a network namespace: a port of 127.0.0.1 here, an address there.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;
use std::path::Path;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// Passes TCP connections on, until it is dropped.
#[derive(Debug)]
pub struct Forward {
    port: u16,
    /// The thread ends when this is dropped.
    _end: oneshot::Sender<()>,
}

impl Forward {
    /// A socket belongs to the network namespace in which it was made: the listener is made before
    /// the thread moves over, the connections are made after.
    pub(crate) fn start(network: &Path, target: SocketAddr) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("its number").port();
        listener.set_nonblocking(true).expect("a listener for tokio");
        let network = File::open(network).expect("the cluster's network namespace");
        let (end, ended) = oneshot::channel();
        std::thread::spawn(move || {
            move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))
                .expect("enter the cluster's network namespace");
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                tokio::select! {
                    error = pass_on(listener, target) => panic!("cannot accept: {error:?}"),
                    _ = ended => {}
                }
            });
        });
        Self { port, _end: end }
    }

    /// The port of 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }
}

async fn pass_on(listener: std::net::TcpListener, target: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (mut here, _) = listener.accept().await?;
        tokio::spawn(async move {
            // Whoever cannot connect sees the connection end.
            if let Ok(mut there) = TcpStream::connect(target).await {
                let _ = tokio::io::copy_bidirectional(&mut here, &mut there).await;
            }
        });
    }
}
