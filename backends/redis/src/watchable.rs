//! A stream that tokio watches only as long as somebody waits for it. Otherwise every answer that is read by whoever
//! asked for it would wake one of the runtime's threads for nothing.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use socket2::Socket;
use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};
use tokio::runtime::Handle;

/// The stream, which never blocks.
pub(crate) struct Watchable {
    /// Before the stream, so that it ends before that is closed.
    watch: Mutex<Option<Watch>>,
    stream: Socket,
}

type Watch = AsyncFd<Descriptor>;

/// The number of the stream, for the runtime.
struct Descriptor(RawFd);

impl AsRawFd for Descriptor {
    fn as_raw_fd(&self) -> RawFd {
        self.0
    }
}

impl Watchable {
    pub(crate) fn new(stream: Socket) -> Watchable {
        Watchable { watch: Mutex::default(), stream }
    }

    pub(crate) fn get_ref(&self) -> &Socket {
        &self.stream
    }

    /// Whether there may be something to read; wakes this task when there is. For whoever has found nothing.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(|watch| watch.poll_read_ready(cx))
    }

    /// Whether something may be written; wakes this task when it may. For whoever could write nothing.
    pub(crate) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(|watch| watch.poll_write_ready(cx))
    }

    fn poll(
        &self,
        ready: impl FnOnce(&Watch) -> Poll<io::Result<AsyncFdReadyGuard<'_, Descriptor>>>,
    ) -> Poll<io::Result<()>> {
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        let watch = match &mut *watch {
            Some(watch) => watch,
            none => {
                // Outside of a runtime there would be a panic.
                Handle::try_current().map_err(io::Error::other)?;
                none.insert(AsyncFd::new(Descriptor(self.stream.as_raw_fd()))?)
            }
        };
        // Forgotten before its caller looks: what comes after that is heard anew.
        ready!(ready(watch))?.clear_ready();
        Poll::Ready(Ok(()))
    }

    /// From now on the runtime hears nothing of it, until somebody waits for it again.
    pub(crate) fn unwatch(&self) {
        *self.watch.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
