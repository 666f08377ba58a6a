//! A listener that no slow or greedy peer can hold: so many connections, each for so long, and with
//! all places taken the newest gets in.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};
use tokio_util::sync::{CancellationToken, DropGuard, WaitForCancellationFutureOwned};

/// Connections at once.
const CONNECTIONS: usize = 32;
/// The life of a connection: each serves one request.
const LIFETIME: Duration = Duration::from_secs(30);

/// Bounds a listener.
pub(super) struct Bounded<L> {
    listener: L,
    /// The places that are taken, since longest first; one that was given back is cancelled.
    places: VecDeque<CancellationToken>,
}

/// A connection that ends at its deadline, or when it has to give way.
pub(super) struct Timed<I> {
    stream: I,
    deadline: Pin<Box<Sleep>>,
    given_way: Pin<Box<WaitForCancellationFutureOwned>>,
    _place: DropGuard,
}

impl<L> Bounded<L> {
    pub(super) fn new(listener: L) -> Self {
        Self { listener, places: VecDeque::new() }
    }
}

impl<L: Listener> Listener for Bounded<L> {
    type Io = Timed<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = self.listener.accept().await;
        self.places.retain(|place| !place.is_cancelled());
        // A request is served at once, so whoever is here longest has said nothing, or reads
        // nothing: a probe does not wait for such.
        while self.places.len() >= CONNECTIONS
            && let Some(oldest) = self.places.pop_front()
        {
            oldest.cancel();
        }
        let place = CancellationToken::new();
        self.places.push_back(place.clone());
        let given_way = Box::pin(place.clone().cancelled_owned());
        let deadline = Box::pin(sleep(LIFETIME));
        (Timed { stream, deadline, given_way, _place: place.drop_guard() }, address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

impl<I> Timed<I> {
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if self.given_way.as_mut().poll(context).is_ready() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        match self.deadline.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Timed<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Timed<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_write(context, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
