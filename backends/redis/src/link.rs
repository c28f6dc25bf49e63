//! One connection that many tasks share, and that is made anew when it is lost: by whoever needs it next,
//! once for all who wait, after a pause that grows with every failure and is drawn by chance.

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use futures::FutureExt;
use futures::future::{BoxFuture, Either, Shared, select};
use larder::{Clock, Error, ErrorKind};
use redis::{Client, RedisResult};

use crate::connection::Connection;
use crate::failure::{self, Trouble};
use crate::request::Request;
use crate::scripts::Script;
use crate::target::Target;
use crate::tls::Tls;
use crate::wire::Asked;

/// The pause after the first failure, and the longest.
const SHORTEST_MS: u64 = 5;
const LONGEST_MS: u64 = 500;

type Attempt = Shared<BoxFuture<'static, Result<(), Trouble>>>;

/// A connection, and how to make another.
#[derive(Clone)]
pub(crate) struct Link(Arc<Inner>);

/// Where a connection comes from.
#[derive(Clone)]
pub(crate) enum Source {
    Client(Arc<Client>),
    /// Whoever the sentinels say is the primary.
    Sentinels(Arc<(Target, Tls)>),
}

impl Source {
    async fn client(&self) -> RedisResult<Client> {
        match self {
            Source::Client(client) => Ok(Client::clone(client)),
            Source::Sentinels(watched) => watched.0.primary(&watched.1).await,
        }
    }
}

struct Inner {
    source: Source,
    /// How long connecting may take.
    patience: Duration,
    clock: Arc<dyn Clock>,
    /// Changed under the mutex of the state only, but read without it: every operation does.
    current: ArcSwapOption<Current>,
    state: Mutex<State>,
}

struct Current {
    epoch: u64,
    connection: Connection,
}

#[derive(Default)]
struct State {
    /// Counts the connections, so that each is given up once.
    epoch: u64,
    attempt: Option<Attempt>,
    /// In a row.
    failures: u32,
    /// Of the last attempt.
    failure: Option<Error>,
    closed: bool,
}

impl Link {
    pub(crate) fn new(source: Source, patience: Duration, clock: Arc<dyn Clock>) -> Link {
        Link(Arc::new(Inner {
            source,
            patience,
            clock,
            current: ArcSwapOption::empty(),
            state: Mutex::default(),
        }))
    }

    /// The connection and its number; a new one if there is none.
    pub(crate) async fn connection(&self) -> Result<(u64, Connection), Trouble> {
        loop {
            let attempt = {
                let mut state = self.0.state();
                if state.closed {
                    return Err(Trouble::Refused(failure::closed()));
                }
                if let Some(current) = &*self.0.current.load() {
                    return Ok((current.epoch, current.connection.clone()));
                }
                let failures = state.failures;
                state.attempt.get_or_insert_with(|| self.attempt(failures)).clone()
            };
            attempt.await?;
        }
    }

    /// Sends a request at once, which has time until then by the clock, and the number of the connection that it
    /// goes over: `None` if there is no connection, or none that can do that.
    pub(crate) fn ask(&self, request: &Request, due: Duration) -> Option<(u64, Asked)> {
        let current = self.0.current.load();
        let Current { epoch, connection } = current.as_deref()?;
        match connection {
            Connection::Wire(wire) => Some((*epoch, wire.ask(request, Some(due)))),
            Connection::Crate(_) => None,
        }
    }

    fn attempt(&self, failures: u32) -> Attempt {
        // Weak, so that an attempt that nobody pursues keeps nothing alive.
        let (inner, source) = (Arc::downgrade(&self.0), self.0.source.clone());
        let (clock, patience) = (Arc::clone(&self.0.clock), self.0.patience);
        async move {
            if failures > 0 {
                let most = (SHORTEST_MS << failures.min(16)).min(LONGEST_MS);
                clock.sleep(Duration::from_millis(most / 2 + clock.random() % (most / 2 + 1))).await;
            }
            let connecting = pin!(connect(&source, patience, &clock));
            let connected = match select(connecting, clock.sleep(patience)).await {
                Either::Left((connected, _)) => connected,
                Either::Right(_) => Err(Trouble::Lost(failure::error(
                    ErrorKind::Unavailable,
                    format!("the server took no connection within {} ms", patience.as_millis()),
                ))),
            };
            settle(&inner, connected)
        }
        .boxed()
        .shared()
    }

    /// Gives up this connection. Whoever still waits for an answer on it may get one.
    pub(crate) fn lost(&self, epoch: u64) {
        let state = self.0.state();
        if state.epoch == epoch {
            self.0.current.store(None);
        }
    }

    /// Whether there is a connection, as far as that is known.
    pub(crate) fn is_connected(&self) -> bool {
        self.0.current.load().is_some()
    }

    /// Why there is no connection, as far as that is known.
    pub(crate) fn failure(&self) -> Option<Error> {
        self.0.state().failure.clone()
    }

    /// Lets go of the connection, for good.
    pub(crate) fn close(&self) {
        let mut state = self.0.state();
        state.closed = true;
        state.attempt = None;
        self.0.current.store(None);
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn connect(source: &Source, patience: Duration, clock: &Arc<dyn Clock>) -> Result<Connection, Trouble> {
    let client = source.client().await.map_err(|failure| failure::sorted(&failure))?;
    let connected = Connection::open(&client, patience, clock).await;
    let mut connection = connected.map_err(|failure| failure::sorted(&failure))?;
    let loaded = connection.send(&Script::load_all()).await;
    // A server that is loading its data, or that does not let this user load scripts, says so again when
    // they are called.
    match loaded {
        Err(failure) if failure.is_io_error() => Err(failure::sorted(&failure)),
        _ => Ok(connection),
    }
}

fn settle(inner: &Weak<Inner>, connected: Result<Connection, Trouble>) -> Result<(), Trouble> {
    let Some(inner) = inner.upgrade() else { return Err(Trouble::Refused(failure::closed())) };
    let mut state = inner.state();
    state.attempt = None;
    match connected {
        Ok(connection) => {
            state.failures = 0;
            state.failure = None;
            state.epoch += 1;
            if !state.closed {
                inner.current.store(Some(Arc::new(Current { epoch: state.epoch, connection })));
            }
            Ok(())
        }
        Err(trouble) => {
            state.failures = state.failures.saturating_add(1);
            if let Trouble::Lost(error) | Trouble::Wait(error) | Trouble::Elsewhere(error) = &trouble {
                state.failure = Some(error.clone());
            }
            Err(trouble)
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({})", self.0.state().epoch)
    }
}
