//! The exchange as a remote CAPI: TCP on the outside, one application for each connection.

mod session;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use capi_sys::message::HEADER;
use capi_sys::remote::{Control, Dialect, Login, frame};
use rustix::net::sockopt::set_socket_linger;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

use crate::exchange::Exchange;
use session::Session;

/// A length and a message's header.
const HEAD: usize = 2 + HEADER;

/// How what is said comes to the client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Delivery {
    /// Each frame by itself.
    #[default]
    Frames,
    /// The two octets of a length apart, and the message's header octet by octet.
    Octets,
    /// Several frames at once, and cut where no frame ends; each comes with an `ALIVE_IND` before
    /// and behind it, so that one is never alone.
    Together,
}

/// A remote CAPI of an exchange; it closes when this is dropped.
#[derive(Debug)]
pub struct Remote {
    address: SocketAddr,
    wire: broadcast::Sender<Wire>,
    alive: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

/// What happens on every connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wire {
    Reset,
    AskAlive,
}

impl Exchange {
    /// As a remote CAPI at an address; port 0 for any.
    pub async fn remote(&self, address: SocketAddr) -> io::Result<Remote> {
        self.remote_with(address, None, Delivery::Frames).await
    }

    /// The same for those who know a password, and as messages come.
    pub async fn remote_with(
        &self,
        address: SocketAddr,
        login: Option<Login>,
        delivery: Delivery,
    ) -> io::Result<Remote> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (wire, _) = broadcast::channel(16);
        let alive = Arc::new(AtomicUsize::new(0));
        let desk = Desk {
            exchange: self.clone(),
            login,
            delivery,
            wire: wire.clone(),
            alive: alive.clone(),
        };
        let accepting = tokio::spawn(accept(listener, desk));
        Ok(Remote { address, wire, alive, accepting })
    }
}

impl Remote {
    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Breaks every connection, by a reset of TCP.
    pub fn reset(&self) {
        let _ = self.wire.send(Wire::Reset);
    }

    /// Asks everybody whether they are alive.
    pub fn ask_alive(&self) {
        let _ = self.wire.send(Wire::AskAlive);
    }

    /// How often somebody said that they are.
    pub fn alive(&self) -> usize {
        self.alive.load(Ordering::SeqCst)
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.accepting.abort();
        self.reset();
    }
}

/// What every connection has.
#[derive(Debug, Clone)]
struct Desk {
    exchange: Exchange,
    login: Option<Login>,
    delivery: Delivery,
    wire: broadcast::Sender<Wire>,
    alive: Arc<AtomicUsize>,
}

async fn accept(listener: TcpListener, desk: Desk) {
    while let Ok((stream, _)) = listener.accept().await {
        // Whoever goes, goes.
        let wire = desk.wire.subscribe();
        tokio::spawn(serve(stream, desk.clone(), wire));
    }
}

async fn serve(
    mut stream: TcpStream,
    desk: Desk,
    mut wire: broadcast::Receiver<Wire>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut session = Session::new(desk.exchange, desk.login);
    let mut octets = vec![0; 16 * 1024];
    loop {
        tokio::select! {
            length = stream.read(&mut octets) => match length? {
                0 => return Ok(()),
                length => session.hear(&octets[..length])?,
            },
            () = session.listen() => {}
            happens = wire.recv() => match happens {
                Ok(Wire::AskAlive) => session.say(&Control::AliveIndication),
                Ok(Wire::Reset) | Err(_) => {
                    set_socket_linger(&stream, Some(Duration::ZERO))?;
                    return Ok(());
                }
            },
        }
        desk.alive.fetch_add(session.take_alive(), Ordering::SeqCst);
        write(&mut stream, session.take_answers(), desk.delivery).await?;
    }
}

async fn write(
    stream: &mut TcpStream,
    messages: Vec<Vec<u8>>,
    delivery: Delivery,
) -> io::Result<()> {
    let mut frames = Vec::new();
    for message in messages {
        let mut octets = Vec::new();
        frame(&message, &mut octets).map_err(io::Error::other)?;
        frames.push(octets);
    }
    match delivery {
        Delivery::Frames => {
            for frame in frames {
                stream.write_all(&frame).await?;
            }
        }
        Delivery::Octets => {
            for frame in frames {
                let (head, rest) = frame.split_at(frame.len().min(HEAD));
                for octet in head {
                    stream.write_all(&[*octet]).await?;
                }
                stream.write_all(rest).await?;
            }
        }
        Delivery::Together if frames.is_empty() => {}
        Delivery::Together => {
            let mut alive = Vec::new();
            let message = Control::AliveIndication.encode(Dialect::Libcapi);
            frame(&message, &mut alive).map_err(io::Error::other)?;
            let all = [alive.clone(), frames.concat(), alive].concat();
            let (first, second) = all.split_at(all.len() / 2);
            stream.write_all(first).await?;
            stream.write_all(second).await?;
        }
    }
    Ok(())
}
