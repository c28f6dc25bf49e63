//! Many clients that do the same thing.

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::future::{join_all, select};

use super::context::Context;
use crate::draw::Draws;
use crate::time::{JoinHandle, Nanos, nanos};

/// One of the clients of a run.
#[derive(Clone, Debug)]
pub struct Client {
    cx: Context,
    id: u64,
    round: u64,
}

impl Client {
    /// Its number, from 0 up.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// How many sessions it has had before this one.
    pub fn round(&self) -> u64 {
        self.round
    }

    /// The run.
    pub fn context(&self) -> &Context {
        &self.cx
    }

    /// Draws for this session of this client.
    pub fn draws(&self) -> Draws {
        self.cx.draws().domain("clients").of(self.id).of(self.round)
    }
}

/// What the session of a client may end with: nothing, or a result. An error is the run's failure.
pub trait Ending: Send + 'static {
    /// What to fail with.
    fn failure(self) -> Option<String>;
}

impl Ending for () {
    fn failure(self) -> Option<String> {
        None
    }
}

impl<T: Send + 'static, E: fmt::Display + Send + 'static> Ending for Result<T, E> {
    fn failure(self) -> Option<String> {
        self.err().map(|error| error.to_string())
    }
}

/// Clients that have not begun yet.
#[must_use = "say `.each().await` or `.until(time).await`"]
pub struct Clients<S> {
    cx: Context,
    count: u64,
    session: S,
    spawned: &'static Location<'static>,
}

impl<F, S> Clients<S>
where
    S: Fn(Client) -> F + Send + Sync + 'static,
    F: Future<Output: Ending> + Send + 'static,
{
    pub(super) fn new(cx: Context, count: u64, session: S, spawned: &'static Location<'static>) -> Self {
        Clients { cx, count, session, spawned }
    }

    /// Each has one session. Completes when all have ended.
    pub async fn each(self) {
        join_all(self.spawn(None, false)).await;
    }

    /// Each has one session after the other; the last is the one that goes on when this time is over.
    /// Completes when all have ended.
    pub async fn until(self, time: Duration) {
        let end = self.end(time);
        join_all(self.spawn(Some(end), false)).await;
    }

    /// Each has one session after the other; those that go on when this time is over are dropped where
    /// they are, as when a machine goes away.
    pub async fn during(self, time: Duration) {
        let end = self.end(time);
        join_all(self.spawn(Some(end), true)).await;
    }

    fn end(&self, time: Duration) -> Nanos {
        self.cx.clock().nanos().saturating_add(nanos(time))
    }

    fn spawn(self, until: Option<Nanos>, cut: bool) -> Vec<JoinHandle<()>> {
        let session = Arc::new(self.session);
        let client = |id| {
            let client = Client { cx: self.cx.clone(), id, round: 0 };
            let (clock, session) = (self.cx.clock().clone(), Arc::clone(&session));
            let sessions = async move {
                let sessions = pin!(sessions(client, session, until));
                match until.filter(|_| cut) {
                    Some(end) => drop(select(sessions, clock.sleep_until(end)).await),
                    None => sessions.await,
                }
            };
            self.cx.spawn_at(format!("client {id}"), self.spawned, sessions)
        };
        (0..self.count).map(client).collect()
    }
}

async fn sessions<F, S>(mut client: Client, session: Arc<S>, until: Option<Nanos>)
where
    S: Fn(Client) -> F,
    F: Future<Output: Ending>,
{
    loop {
        if let Some(message) = session(client.clone()).await.failure() {
            client.cx.fail(format_args!("client {}: {message}", client.id));
            return;
        }
        client.round += 1;
        match until {
            Some(end) if client.cx.clock().nanos() < end => step_back().await,
            _ => return,
        }
    }
}

/// Lets the others run: sessions that take no time would otherwise never let go of the thread, and the
/// livelock would not be seen.
async fn step_back() {
    let mut stepped = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut stepped, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl<S> fmt::Debug for Clients<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clients({})", self.count)
    }
}
