//! The backend behind: it can crash, and come back as another.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use futures::future::BoxFuture;
use larder::{Backend, Capabilities, Error, Reply, Result};

use super::error::Failure;

/// Opens the storage again after a crash.
pub(super) type Reopen<B> = Box<dyn Fn() -> BoxFuture<'static, Result<B>> + Send + Sync>;

pub(super) struct Server<B> {
    state: RwLock<State<B>>,
    /// A copy of the state's, written under its lock.
    epoch: AtomicU64,
    reopen: Option<Reopen<B>>,
    /// Of the backend as it was at first: what it claims must not depend on the moment.
    capabilities: Capabilities,
}

struct State<B> {
    /// Counts the crashes: what was submitted before one is over when it comes to its effect.
    epoch: u64,
    up: Option<Arc<B>>,
    /// While it is down: what comes back, if it is not opened anew.
    kept: Option<Arc<B>>,
    /// Why it did not come back.
    failed: Option<Error>,
    /// It was closed while it was down.
    closed: bool,
}

impl<B: Backend> Server<B> {
    pub(super) fn new(inner: B, reopen: Option<Reopen<B>>) -> Server<B> {
        let capabilities = inner.capabilities();
        let state = State { epoch: 0, up: Some(Arc::new(inner)), kept: None, failed: None, closed: false };
        Server { state: RwLock::new(state), epoch: AtomicU64::new(0), reopen, capabilities }
    }

    pub(super) fn capabilities(&self) -> Capabilities {
        self.capabilities.clone()
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// The backend, for an operation that was submitted in this epoch.
    pub(super) fn enter(&self, epoch: u64) -> Result<Arc<B>, Failure> {
        let state = self.read();
        match &state.up {
            _ if state.epoch != epoch => Err(Failure::Crashed),
            Some(inner) => Ok(Arc::clone(inner)),
            None if state.closed => Err(Failure::Closed),
            None => Err(Failure::Down),
        }
    }

    /// Takes the backend away. Returns the new epoch, and the backend if it was there.
    pub(super) fn crash(&self) -> (u64, Option<Arc<B>>) {
        let mut state = self.write();
        state.epoch += 1;
        self.epoch.store(state.epoch, Ordering::Release);
        state.failed = None;
        let lost = state.up.take();
        if self.reopen.is_none() && lost.is_some() {
            state.kept.clone_from(&lost);
        }
        (state.epoch, lost)
    }

    /// Brings the backend back, unless it has crashed again since `epoch`, or was closed.
    pub(super) async fn restart(&self, epoch: u64) {
        let is_due = |state: &State<B>| state.epoch == epoch && state.up.is_none() && !state.closed;
        if !is_due(&self.read()) {
            return;
        }
        let opened = match &self.reopen {
            Some(reopen) => reopen().await.map(|opened| Some(Arc::new(opened))),
            None => Ok(None),
        };
        let mut state = self.write();
        if is_due(&state) {
            match opened {
                Ok(opened) => state.up = opened.or_else(|| state.kept.take()),
                Err(error) => state.failed = Some(error),
            }
        }
    }

    /// Closes the backend; one that is down does not come back.
    pub(super) fn close(&self) -> Reply<()> {
        let mut state = self.write();
        match state.up.clone() {
            Some(inner) => {
                drop(state);
                inner.close()
            }
            None => {
                state.closed = true;
                let kept = state.kept.take();
                drop(state);
                kept.map_or_else(|| Reply::ready(Ok(())), |kept| kept.close())
            }
        }
    }
}

impl<B> Server<B> {
    /// Why the backend has not come back, if that was tried.
    pub(super) fn failed(&self) -> Option<Error> {
        self.read().failed.clone()
    }

    pub(super) fn inner(&self) -> Option<Arc<B>> {
        self.read().up.clone()
    }

    fn read(&self) -> RwLockReadGuard<'_, State<B>> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State<B>> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B> fmt::Debug for Server<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.read();
        write!(f, "Server(epoch {}, {})", state.epoch, if state.up.is_some() { "up" } else { "down" })
    }
}
