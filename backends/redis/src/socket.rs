//! A stream to the server that several may write to at once, without waiting; and the runtime that says when
//! it can be read: smol's, or tokio's for streams that are opened within it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use redis::{ConnectionAddr, ConnectionInfo};
use smol::Async;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

#[cfg(feature = "tokio-plain")]
use crate::watchable::Watchable;

/// A stream, connected.
pub(crate) enum Socket {
    Tcp(Async<std::net::TcpStream>),
    #[cfg(unix)]
    Unix(Async<std::os::unix::net::UnixStream>),
    #[cfg(feature = "tokio-plain")]
    Tokio(Watchable),
}

impl Socket {
    /// Connects to this address: `None` if that is not done here.
    ///
    /// # Errors
    /// Those of the system.
    pub(crate) async fn connect(info: &ConnectionInfo) -> io::Result<Option<Socket>> {
        #[cfg(feature = "tokio-plain")]
        if tokio::runtime::Handle::try_current().is_ok() {
            let stream = match info.addr() {
                ConnectionAddr::Tcp(host, port) => {
                    let stream = tokio::net::TcpStream::connect((host.as_str(), *port)).await?;
                    stream.set_nodelay(true)?;
                    Watchable::tcp(stream)?
                }
                #[cfg(unix)]
                ConnectionAddr::Unix(path) => Watchable::unix(tokio::net::UnixStream::connect(path).await?)?,
                _ => return Ok(None),
            };
            return Ok(Some(Socket::Tokio(stream)));
        }
        match info.addr() {
            ConnectionAddr::Tcp(host, port) => {
                let stream = smol::net::TcpStream::connect((host.as_str(), *port)).await?;
                // Whatever is small is gathered here; nothing that is written waits for an answer.
                stream.set_nodelay(true)?;
                alone(stream.into()).map(|stream| Some(Socket::Tcp(stream)))
            }
            #[cfg(unix)]
            ConnectionAddr::Unix(path) => {
                let stream = smol::net::unix::UnixStream::connect(path).await?;
                alone(stream.into()).map(|stream| Some(Socket::Unix(stream)))
            }
            _ => Ok(None),
        }
    }

    /// Runs a future by the runtime that drives the stream.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        match self {
            #[cfg(feature = "tokio-plain")]
            Socket::Tokio(_) => drop(tokio::spawn(future)),
            _ => smol::spawn(future).detach(),
        }
    }

    /// Whether a task that is woken runs before those that were woken earlier.
    pub(crate) fn is_hasty(&self) -> bool {
        match self {
            #[cfg(feature = "tokio-plain")]
            Socket::Tokio(_) => true,
            _ => false,
        }
    }

    /// Writes what can be written at once: `WouldBlock` if that is nothing.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        use std::io::Write as _;
        loop {
            let written = match self {
                Socket::Tcp(stream) => stream.get_ref().write(bytes),
                #[cfg(unix)]
                Socket::Unix(stream) => stream.get_ref().write(bytes),
                #[cfg(feature = "tokio-plain")]
                Socket::Tokio(stream) => stream.write(bytes),
            };
            match written {
                Ok(0) if !bytes.is_empty() => return Err(io::ErrorKind::WriteZero.into()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                written => return written,
            }
        }
    }

    /// Reads what is there: `WouldBlock` if that is nothing.
    pub(crate) fn try_read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        use std::io::Read as _;
        match self {
            Socket::Tcp(stream) => stream.get_ref().read(bytes),
            #[cfg(unix)]
            Socket::Unix(stream) => stream.get_ref().read(bytes),
            #[cfg(feature = "tokio-plain")]
            Socket::Tokio(stream) => stream.read(bytes),
        }
    }

    /// Reads; wakes this task when there is something to read.
    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, bytes: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            match self.try_read(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready!(self.poll_readable(cx))?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return Poll::Ready(read),
            }
        }
    }

    /// Whether there may be something to read; wakes this task when there is.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Socket::Tcp(stream) => stream.poll_readable(cx),
            #[cfg(unix)]
            Socket::Unix(stream) => stream.poll_readable(cx),
            #[cfg(feature = "tokio-plain")]
            Socket::Tokio(stream) => stream.poll_readable(cx),
        }
    }

    /// Whether something may be written; wakes this task when it may.
    pub(crate) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Socket::Tcp(stream) => stream.poll_writable(cx),
            #[cfg(unix)]
            Socket::Unix(stream) => stream.poll_writable(cx),
            #[cfg(feature = "tokio-plain")]
            Socket::Tokio(stream) => stream.poll_writable(cx),
        }
    }

    /// Nobody is to be woken by it for the time being.
    pub(crate) fn unwatch(&self) {
        #[cfg(feature = "tokio-plain")]
        if let Socket::Tokio(stream) = self {
            stream.unwatch();
        }
    }
}

/// The stream within, which nobody else has.
fn alone<T>(stream: Arc<Async<T>>) -> io::Result<Async<T>> {
    Arc::into_inner(stream).ok_or_else(|| io::Error::other("somebody else has the stream"))
}

/// The stream as the `redis` crate wants it, to log in.
pub(crate) struct Greeting(pub(crate) Arc<Socket>);

impl AsyncRead for Greeting {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = ready!(self.0.poll_read(cx, buffer.initialize_unfilled()))?;
        buffer.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Greeting {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            match self.0.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready!(self.0.poll_writable(cx))?,
                written => return Poll::Ready(written),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
