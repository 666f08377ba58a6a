//! rustls asks the socket for 4 KiB at a time, a quarter of a record. While octets flow, more is
//! read at once and handed out piece by piece; while none come, nothing is held.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Octets read at once: four records.
const SIZE: usize = 64 * 1024;

/// A stream that is read ahead of whoever asks for little.
#[derive(Debug)]
pub(super) struct ReadAhead<S> {
    stream: S,
    /// Empty while nothing flows.
    buffer: Vec<u8>,
    /// What of the buffer was read and not handed out yet.
    start: usize,
    end: usize,
    /// The last read got all that it asked for, so that there may be more.
    is_flowing: bool,
}

impl<S> ReadAhead<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, buffer: Vec::new(), start: 0, end: 0, is_flowing: false }
    }

    pub(super) fn get_ref(&self) -> &S {
        &self.stream
    }

    fn hand_out(&mut self, buffer: &mut ReadBuf<'_>) {
        let held = self.buffer.get(self.start..self.end).unwrap_or_default();
        let octets = held.len().min(buffer.remaining());
        buffer.put_slice(&held[..octets]);
        self.start += octets;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ReadAhead<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.start == this.end {
            if !this.is_flowing {
                ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
                this.is_flowing = buffer.remaining() == 0;
                return Poll::Ready(Ok(()));
            }
            this.buffer.resize(SIZE, 0);
            let mut ahead = ReadBuf::new(&mut this.buffer);
            let read = Pin::new(&mut this.stream).poll_read(context, &mut ahead);
            (this.start, this.end) = (0, ahead.filled().len());
            if !matches!(read, Poll::Ready(Ok(()))) {
                this.buffer = Vec::new();
                this.is_flowing = false;
            }
            ready!(read)?;
        }
        this.hand_out(buffer);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ReadAhead<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, octets)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use support::PseudoRandom;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn what_is_read_in_small_pieces_is_what_was_written() {
        let octets = PseudoRandom::new(7).octets(1_000_003);
        let (mut near, far) = duplex(200_000);
        let writing = async {
            near.write_all(&octets).await.unwrap();
            drop(near);
        };
        let reading = async {
            let mut stream = ReadAhead::new(far);
            let (mut read, mut piece) = (Vec::new(), [0; 4096]);
            loop {
                match stream.read(&mut piece).await.unwrap() {
                    0 => return read,
                    octets => read.extend_from_slice(&piece[..octets]),
                }
            }
        };
        let ((), read) = tokio::join!(writing, reading);
        assert!(read == octets);
    }

    #[tokio::test]
    async fn a_session_that_waits_holds_no_buffer() {
        let (mut near, far) = duplex(200_000);
        let mut stream = ReadAhead::new(far);
        let mut piece = [0; 4096];
        near.write_all(b"SSRM").await.unwrap();
        assert_eq!(stream.read(&mut piece).await.unwrap(), 4);
        assert_eq!(stream.buffer.capacity(), 0, "a command is handed out as it comes");
        near.write_all(&vec![7; 100_000]).await.unwrap();
        let mut octets = 0;
        let mut most = 0;
        while octets < 100_000 {
            octets += stream.read(&mut piece).await.unwrap();
            most = most.max(stream.buffer.capacity());
        }
        assert_eq!(most, SIZE, "a flow is read ahead");
        let waiting = tokio::time::timeout(std::time::Duration::ZERO, stream.read(&mut piece));
        assert!(waiting.await.is_err());
        assert_eq!(stream.buffer.capacity(), 0);
    }
}
