//! A TCP connection that nobody has to watch.
//!
//! Whatever comes on a connection that the runtime watches wakes one of its threads, also when the reader is going to let
//! the stream gather for some milliseconds (`link/pace.rs`): at a thousand small messages a second that costs more than
//! the messages. A [`Socket`] at rest is not watched. After the rest it is read once without being watched either, so a
//! stream that flows needs no more than a timer; only when nothing is there does the runtime watch it again.

use std::io::{self, Read as _};
use std::net;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::Stream;

/// At most so much is taken in the read after a rest: who rests expects a few kilobytes.
const GATHERED: usize = 16 << 10;

/// See the module.
pub struct Socket {
    line: Line,
    /// The last read had room for more.
    is_drained: bool,
}

enum Line {
    Watched(TcpStream),
    /// And whether it was read since the rest began.
    Resting(net::TcpStream, bool),
    /// The system would not hand it over.
    Lost,
}

impl Socket {
    pub const fn new(stream: TcpStream) -> Self {
        Self {
            line: Line::Watched(stream),
            is_drained: false,
        }
    }

    fn watched(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        if let Line::Resting(..) = self.line
            && let Line::Resting(stream, _) = std::mem::replace(&mut self.line, Line::Lost)
        {
            self.line = Line::Watched(TcpStream::from_std(stream)?);
        }
        match &mut self.line {
            Line::Watched(stream) => Ok(Pin::new(stream)),
            Line::Resting(..) | Line::Lost => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// What has gathered; `None` when it is to be waited for.
    fn gathered(&mut self, buffer: &mut ReadBuf<'_>) -> Option<io::Result<()>> {
        let Line::Resting(stream, was_read @ false) = &mut self.line else {
            return None;
        };
        // Once only: a stream that always has more must not keep the thread for itself, and the runtime sees to that.
        *was_read = true;
        let room = buffer.remaining().min(GATHERED);
        match stream.read(buffer.initialize_unfilled_to(room)) {
            Ok(bytes) => {
                buffer.advance(bytes);
                self.is_drained = bytes < room;
                Some(Ok(()))
            }
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) =>
            {
                None
            }
            Err(error) => Some(Err(error)),
        }
    }
}

impl Stream for Socket {
    fn rest(&mut self) {
        match std::mem::replace(&mut self.line, Line::Lost) {
            Line::Watched(stream) => {
                if let Ok(stream) = stream.into_std() {
                    self.line = Line::Resting(stream, false);
                }
            }
            Line::Resting(stream, _) => self.line = Line::Resting(stream, false),
            Line::Lost => {}
        }
    }

    fn is_drained(&self) -> bool {
        self.is_drained
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(result) = self.gathered(buffer) {
            return Poll::Ready(result);
        }
        let read = self.watched()?.poll_read(context, buffer);
        self.is_drained = buffer.remaining() > 0;
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.watched()?.poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.watched()?.poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.line {
            // Nothing is kept back here.
            Line::Resting(..) => Poll::Ready(Ok(())),
            Line::Watched(_) | Line::Lost => self.watched()?.poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watched()?.poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    async fn pair() -> (Socket, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let ours = TcpStream::connect(address).await.expect("a connection");
        let (theirs, _) = listener.accept().await.expect("the other end");
        (Socket::new(ours), theirs)
    }

    fn is_watched(socket: &Socket) -> bool {
        matches!(socket.line, Line::Watched(_))
    }

    async fn read(socket: &mut Socket) -> String {
        let mut bytes = [0; 64];
        let count = timeout(PATIENCE, socket.read(&mut bytes)).await;
        let count = count.expect("in time").expect("some bytes");
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    }

    /// Until so many bytes are there to be read.
    async fn arrive(socket: &Socket, text: &str) {
        let mut bytes = [0; 64];
        let Line::Resting(stream, _) = &socket.line else {
            panic!("it is watched");
        };
        let arrival = async {
            while stream.peek(&mut bytes).unwrap_or(0) < text.len() {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, arrival).await.expect("in time");
    }

    #[tokio::test]
    async fn what_came_during_a_rest_is_read_without_being_watched() {
        let (mut socket, mut theirs) = pair().await;
        for text in ["one", "and another"] {
            socket.rest();
            theirs.write_all(text.as_bytes()).await.expect("written");
            arrive(&socket, text).await;
            assert_eq!(read(&mut socket).await, text);
            assert!(!is_watched(&socket));
            assert!(socket.is_drained());
        }
    }

    #[tokio::test]
    async fn after_a_rest_in_which_nothing_came_it_is_watched_and_wakes_the_reader() {
        let (mut socket, mut theirs) = pair().await;
        socket.rest();
        let (text, ()) = tokio::join!(read(&mut socket), async {
            theirs.write_all(b"late").await.expect("written");
        });
        assert_eq!(text, "late");
        assert!(is_watched(&socket));
    }

    #[tokio::test]
    async fn only_the_first_read_after_a_rest_is_not_watched() {
        let (mut socket, mut theirs) = pair().await;
        socket.rest();
        theirs.write_all(b"first").await.expect("written");
        arrive(&socket, "first").await;
        assert_eq!(read(&mut socket).await, "first");
        theirs.write_all(b"second").await.expect("written");
        assert_eq!(read(&mut socket).await, "second");
        assert!(is_watched(&socket));
    }

    #[tokio::test]
    async fn it_is_drained_when_a_read_had_room_for_more() {
        let (mut socket, mut theirs) = pair().await;
        let long = "x".repeat(80);
        for rests in [false, true] {
            if rests {
                socket.rest();
                theirs.write_all(long.as_bytes()).await.expect("written");
                arrive(&socket, &long[..64]).await;
            } else {
                theirs.write_all(long.as_bytes()).await.expect("written");
            }
            let first = read(&mut socket).await.len();
            assert_eq!(socket.is_drained(), first < 64);
            assert_eq!(first + read(&mut socket).await.len(), 80);
            assert!(socket.is_drained());
        }
    }

    #[tokio::test]
    async fn a_socket_at_rest_can_be_written_to_and_ends_when_the_other_side_does() {
        let (mut socket, mut theirs) = pair().await;
        socket.rest();
        socket.write_all(b"ping").await.expect("written");
        let mut bytes = [0; 4];
        theirs.read_exact(&mut bytes).await.expect("read");
        assert_eq!(&bytes, b"ping");
        socket.rest();
        drop(theirs);
        assert_eq!(read(&mut socket).await, "");
    }
}
