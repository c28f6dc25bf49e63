//! A stream that tokio watches only as long as somebody waits for it. Otherwise every answer that is read by whoever
//! asked for it would wake one of the runtime's threads for nothing.

use std::io::{self, Read, Write};
use std::net::TcpStream;
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::Interest;
use tokio::runtime::Handle;

/// The stream, which never blocks.
pub(crate) struct Watchable {
    stream: Stream,
    watch: Mutex<Option<Watch>>,
}

enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// The same stream, as the runtime knows it.
enum Watch {
    Tcp(tokio::net::TcpStream),
    #[cfg(unix)]
    Unix(tokio::net::UnixStream),
}

impl Watchable {
    /// # Errors
    /// Those of the system.
    pub(crate) fn tcp(stream: tokio::net::TcpStream) -> io::Result<Watchable> {
        Ok(Watchable { stream: Stream::Tcp(stream.into_std()?), watch: Mutex::default() })
    }

    /// # Errors
    /// Those of the system.
    #[cfg(unix)]
    pub(crate) fn unix(stream: tokio::net::UnixStream) -> io::Result<Watchable> {
        Ok(Watchable { stream: Stream::Unix(stream.into_std()?), watch: Mutex::default() })
    }

    pub(crate) fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        match &self.stream {
            Stream::Tcp(stream) => (&*stream).read(bytes),
            #[cfg(unix)]
            Stream::Unix(stream) => (&*stream).read(bytes),
        }
    }

    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match &self.stream {
            Stream::Tcp(stream) => (&*stream).write(bytes),
            #[cfg(unix)]
            Stream::Unix(stream) => (&*stream).write(bytes),
        }
    }

    /// Whether there may be something to read; wakes this task when there is. For whoever has found nothing.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(|watch| match watch {
            Watch::Tcp(stream) => {
                ready!(stream.poll_read_ready(cx))?;
                forgotten(stream.try_io(Interest::READABLE, nothing))
            }
            #[cfg(unix)]
            Watch::Unix(stream) => {
                ready!(stream.poll_read_ready(cx))?;
                forgotten(stream.try_io(Interest::READABLE, nothing))
            }
        })
    }

    /// Whether something may be written; wakes this task when it may. For whoever could write nothing.
    pub(crate) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(|watch| match watch {
            Watch::Tcp(stream) => {
                ready!(stream.poll_write_ready(cx))?;
                forgotten(stream.try_io(Interest::WRITABLE, nothing))
            }
            #[cfg(unix)]
            Watch::Unix(stream) => {
                ready!(stream.poll_write_ready(cx))?;
                forgotten(stream.try_io(Interest::WRITABLE, nothing))
            }
        })
    }

    fn poll(&self, ready: impl FnOnce(&Watch) -> Poll<io::Result<()>>) -> Poll<io::Result<()>> {
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        ready(match &mut *watch {
            Some(watch) => watch,
            none => none.insert(self.stream.watch()?),
        })
    }

    /// From now on the runtime hears nothing of it, until somebody waits for it again.
    pub(crate) fn unwatch(&self) {
        *self.watch.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Nothing is known to be there. Said before the caller looks for himself: what comes after that is heard anew.
fn nothing() -> io::Result<()> {
    Err(io::ErrorKind::WouldBlock.into())
}

fn forgotten(_: io::Result<()>) -> Poll<io::Result<()>> {
    Poll::Ready(Ok(()))
}

impl Stream {
    fn watch(&self) -> io::Result<Watch> {
        // Outside of a runtime there would be a panic.
        Handle::try_current().map_err(io::Error::other)?;
        Ok(match self {
            Stream::Tcp(stream) => Watch::Tcp(tokio::net::TcpStream::from_std(stream.try_clone()?)?),
            #[cfg(unix)]
            Stream::Unix(stream) => Watch::Unix(tokio::net::UnixStream::from_std(stream.try_clone()?)?),
        })
    }
}

#[cfg(all(test, unix))]
#[expect(clippy::disallowed_methods, reason = "a test is no simulated run")]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    /// A stream, and its other end.
    async fn pair() -> (Watchable, UnixStream) {
        let (here, there) = tokio::net::UnixStream::pair().unwrap();
        let there = there.into_std().unwrap();
        there.set_nonblocking(false).unwrap();
        (Watchable::unix(here).unwrap(), there)
    }

    async fn read(stream: &Watchable) -> Vec<u8> {
        let mut room = [0; 100];
        loop {
            match stream.read(&mut room) {
                Ok(read) => return room[..read].to_vec(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    poll_fn(|cx| stream.poll_readable(cx)).await.unwrap();
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    #[test]
    fn what_comes_is_heard_whether_or_not_it_was_watched_before() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (stream, mut there) = pair().await;
            for round in 0..20u8 {
                if round % 3 == 0 {
                    stream.unwatch();
                }
                let mut later = there.try_clone().unwrap();
                let writer = tokio::task::spawn_blocking(move || {
                    if round % 2 == 0 {
                        std::thread::sleep(Duration::from_millis(2));
                    }
                    later.write_all(&[round]).unwrap();
                });
                assert_eq!(read(&stream).await, [round]);
                writer.await.unwrap();
            }
            there.write_all(b"last").unwrap();
            drop(there);
            assert_eq!(read(&stream).await, b"last");
            assert_eq!(read(&stream).await, b"");
        });
    }

    #[test]
    fn whoever_could_write_nothing_hears_when_he_can() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (stream, mut there) = pair().await;
            const ALL: usize = 5_000_000;
            let reader = tokio::task::spawn_blocking(move || {
                let mut all = Vec::new();
                there.read_to_end(&mut all).map(|_| all.len()).unwrap()
            });
            let mut written = 0;
            while written < ALL {
                match stream.write(&vec![7; ALL - written]) {
                    Ok(some) => written += some,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        stream.unwatch();
                        poll_fn(|cx| stream.poll_writable(cx)).await.unwrap();
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            drop(stream);
            assert_eq!(reader.await.unwrap(), ALL);
        });
    }

    #[test]
    fn outside_of_a_runtime_there_is_an_error() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (stream, _there) = runtime.block_on(pair());
        let waited = pollster::block_on(poll_fn(|cx| stream.poll_readable(cx)));
        assert!(waited.is_err());
    }
}
