//! One connection that many tasks share, and that is made anew when it is lost: by whoever needs it next,
//! once for all who wait, after a pause that grows with every failure and is drawn by chance.

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Either, Shared, select};
use larder::{Clock, Error, ErrorKind};
use redis::{Client, RedisResult};

use crate::connection::Connection;
use crate::failure::{self, Trouble};
use crate::scripts::Script;
use crate::target::Target;

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
    Sentinels(Arc<Target>),
}

impl Source {
    async fn client(&self) -> RedisResult<Client> {
        match self {
            Source::Client(client) => Ok(Client::clone(client)),
            Source::Sentinels(target) => target.primary().await,
        }
    }
}

struct Inner {
    source: Source,
    /// How long connecting may take.
    patience: Duration,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Counts the connections, so that each is given up once.
    epoch: u64,
    connection: Option<Connection>,
    attempt: Option<Attempt>,
    /// In a row.
    failures: u32,
    /// Of the last attempt.
    failure: Option<Error>,
    closed: bool,
}

impl Link {
    pub(crate) fn new(source: Source, patience: Duration, clock: Arc<dyn Clock>) -> Link {
        Link(Arc::new(Inner { source, patience, clock, state: Mutex::default() }))
    }

    /// The connection and its number; a new one if there is none.
    pub(crate) async fn connection(&self) -> Result<(u64, Connection), Trouble> {
        loop {
            let attempt = {
                let mut state = self.0.state();
                if state.closed {
                    return Err(Trouble::Refused(failure::closed()));
                }
                if let Some(connection) = &state.connection {
                    return Ok((state.epoch, connection.clone()));
                }
                let failures = state.failures;
                state.attempt.get_or_insert_with(|| self.attempt(failures)).clone()
            };
            attempt.await?;
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
            let connecting = pin!(connect(&source, patience));
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
        let mut state = self.0.state();
        if state.epoch == epoch {
            state.connection = None;
        }
    }

    /// Whether there is a connection, as far as that is known.
    pub(crate) fn is_connected(&self) -> bool {
        self.0.state().connection.is_some()
    }

    /// Why there is no connection, as far as that is known.
    pub(crate) fn failure(&self) -> Option<Error> {
        self.0.state().failure.clone()
    }

    /// Lets go of the connection, for good.
    pub(crate) fn close(&self) {
        let mut state = self.0.state();
        state.closed = true;
        (state.connection, state.attempt) = (None, None);
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn connect(source: &Source, patience: Duration) -> Result<Connection, Trouble> {
    let client = source.client().await.map_err(|failure| failure::sorted(&failure))?;
    let connected = Connection::open(&client, patience).await;
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
                state.connection = Some(connection);
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
