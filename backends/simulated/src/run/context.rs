//! [`Context`]: what the body of a run is given.

use std::borrow::Cow;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::Location;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use futures::future::{Either, select};
use larder::{Error, ErrorKind};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::clients::{Client, Clients, Ending};
use super::plan::Plans;
use super::{Extensions, Seed};
use crate::draw::Draws;
use crate::time::{JoinHandle, Sim, Timeline, VirtualClock};

/// A run, as its body sees it: its time, its chance, its tasks. Clones share it.
#[derive(Clone)]
pub struct Context(Arc<Inner>);

struct Inner {
    seed: Seed,
    sim: Sim,
    plans: Plans,
    extensions: Extensions,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    failed: Option<String>,
    /// The run's own future.
    body: Option<Waker>,
    ends: Vec<End>,
}

type End = Box<dyn FnOnce(&Context) -> super::Result + Send>;

impl Context {
    pub(super) fn new(seed: Seed, sim: Sim, plans: Plans) -> Context {
        let (extensions, state) = (Extensions::default(), Mutex::default());
        Context(Arc::new(Inner { seed, sim, plans, extensions, state }))
    }

    /// The seed of this run.
    pub fn seed(&self) -> Seed {
        self.0.seed
    }

    /// The clock of this run.
    pub fn clock(&self) -> &VirtualClock {
        self.0.sim.clock()
    }

    /// The clock as a timeline, for what stands on one.
    pub fn timeline(&self) -> Arc<dyn Timeline> {
        Arc::new(self.clock().clone())
    }

    /// Draws for the body's own use: a function of the seed, apart from everybody else's.
    pub fn draws(&self) -> Draws {
        Draws::new(self.0.seed.value()).domain("body")
    }

    /// Starts a task; see [`Sim::spawn`]. A panic of it is the run's failure.
    #[track_caller]
    pub fn spawn<T: Send + 'static>(
        &self,
        name: impl Into<Cow<'static, str>>,
        future: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.0.sim.spawn(name, future)
    }

    pub(super) fn spawn_at<T: Send + 'static>(
        &self,
        name: String,
        spawned: &'static Location<'static>,
        future: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.0.sim.spawn_at(name.into(), spawned, future)
    }

    /// So many clients, each with a number from 0 up, which do what `session` says: once
    /// ([`Clients::each`]) or again and again ([`Clients::until`], [`Clients::during`]).
    #[track_caller]
    pub fn clients<F, S>(&self, count: u64, session: S) -> Clients<S>
    where
        S: Fn(Client) -> F + Send + Sync + 'static,
        F: Future<Output: Ending> + Send + 'static,
    {
        Clients::new(self.clone(), count, session, Location::caller())
    }

    /// The future's output, if it comes within this time; otherwise the future is dropped.
    ///
    /// # Errors
    /// [`Elapsed`] if the time has passed.
    pub async fn timeout<F: Future>(&self, time: Duration, future: F) -> Result<F::Output, Elapsed> {
        let sleep = self.clock().sleep_for(time);
        match select(pin!(future), sleep).await {
            Either::Left((output, _)) => Ok(output),
            Either::Right(((), _)) => Err(Elapsed(time)),
        }
    }

    /// Notes that something happened: it counts in the digest, and the latest notes are shown with a
    /// failure.
    pub fn note(&self, event: impl AsRef<[u8]>) {
        self.clock().note(event.as_ref());
    }

    /// Ends the run as a failure, as soon as whoever calls this lets go of the thread. The first counts.
    pub fn fail(&self, message: impl fmt::Display) {
        let mut state = self.lock();
        state.failed.get_or_insert_with(|| message.to_string());
        let body = state.body.take();
        drop(state);
        if let Some(body) = body {
            body.wake();
        }
    }

    /// A list of what the run is going to do, such as `"operations"` or `"faults"`: what `generate` makes of
    /// [`draws`](Context::draws), or, in a replay, what is left of it. A run that takes all it does from such
    /// lists can be cut down to the few items that make it fail. An item must mean the same without the
    /// others: let it carry the number that its draws are keyed by.
    pub fn plan<T: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        generate: impl FnOnce(Draws) -> Vec<T>,
    ) -> Vec<T> {
        self.0.plans.list(name, || generate(self.draws().domain(name))).unwrap_or_else(|error| {
            self.does_not_fit(name, &error);
            Vec::new()
        })
    }

    /// The list of this name that a replay gives, if it does. For what a run cannot know beforehand, and notes
    /// down when it is over ([`found`](Context::found)).
    pub(crate) fn given<T: DeserializeOwned>(&self, name: &str) -> Option<Vec<T>> {
        self.0.plans.given(name)?.map_err(|error| self.does_not_fit(name, &error)).ok()
    }

    /// Notes down a list of what has happened, for a replay to be [`given`](Context::given).
    pub(crate) fn found<T: Serialize>(&self, name: &str, items: &[T]) {
        if let Err(error) = self.0.plans.note(name, items) {
            self.does_not_fit(name, &error);
        }
    }

    fn does_not_fit(&self, name: &str, error: &serde_json::Error) {
        self.fail(format_args!("the list {name:?} of the reproduction does not fit: {error}"));
    }

    /// The run's value of this type: how rooms keep their things with a run. It can be read from
    /// [`Outcome::extensions`](super::Outcome::extensions) when the run is over.
    pub fn extension<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        self.0.extensions.get_or_insert_with(T::default)
    }

    /// All of them.
    pub fn extensions(&self) -> &Extensions {
        &self.0.extensions
    }

    /// Calls this when the run is over, whether or not it has failed, in the order of these calls. Its
    /// tasks are gone then. An error or a panic is the failure of a run that has none yet.
    pub fn at_end(&self, end: impl FnOnce(&Context) -> super::Result + Send + 'static) {
        self.lock().ends.push(Box::new(end));
    }

    pub(super) fn take_ends(&self) -> Vec<End> {
        std::mem::take(&mut self.lock().ends)
    }

    pub(super) fn failed(&self) -> Option<String> {
        self.lock().failed.clone()
    }

    pub(super) fn plans(&self) -> &Plans {
        &self.0.plans
    }

    /// The body, until it ends or something calls [`fail`](Context::fail): then `None`.
    pub(super) async fn body<F: Future>(self, body: F) -> Option<F::Output> {
        let mut body = pin!(body);
        poll_fn(|cx| {
            if self.lock().failed.is_some() {
                return Poll::Ready(None);
            }
            if let Poll::Ready(output) = body.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
            let mut state = self.lock();
            if state.failed.is_some() {
                return Poll::Ready(None);
            }
            let before = state.body.replace(cx.waker().clone());
            drop(state);
            drop(before);
            Poll::Pending
        })
        .await
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Context(seed {}, {:?})", self.0.seed, self.clock())
    }
}

/// The time has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed(Duration);

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no answer within {:?}", self.0)
    }
}

impl std::error::Error for Elapsed {}

impl From<Elapsed> for Error {
    fn from(elapsed: Elapsed) -> Error {
        Error::new(ErrorKind::TimedOut, elapsed.to_string())
    }
}
