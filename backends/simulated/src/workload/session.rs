//! [`Session`]: one client at work.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, FutureExt, select};
use futures::stream::{FuturesUnordered, StreamExt};
use larder::{Clock, Key, Larder, Result};

use super::named::Workload;
use super::request::{Request, Stamp};
use crate::draw::Draws;
use crate::time::{Nanos, nanos};

/// When a client stops beginning operations. It waits for the answers to those it has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// After this time.
    Time(Duration),
    /// After so many operations.
    Operations(u64),
}

/// What came of one operation. Instants are in nanoseconds since the clock's zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// Who asked.
    pub client: u64,
    /// The number of the step.
    pub number: u64,
    /// What was asked.
    pub request: Request,
    /// When it should have begun: in a closed loop that is when it did, in an open loop it may have been
    /// earlier. How long it took is counted from here.
    pub intended: Nanos,
    /// When it began.
    pub began: Nanos,
    /// When it was answered, or given up.
    pub ended: Nanos,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
}

/// Why an operation of a client failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The store said so: the kind, and the whole message.
    Error(larder::ErrorKind, String),
    /// The client has lost patience.
    GaveUp,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Error(_, message) => f.write_str(message),
            Failure::GaveUp => f.write_str("no answer came"),
        }
    }
}

impl Done {
    /// How long the client waited.
    pub fn took(&self) -> Nanos {
        self.ended.saturating_sub(self.intended)
    }

    /// The key, if there is one.
    pub fn key(&self) -> Option<Key> {
        self.request.key()
    }
}

/// One client with its workload.
#[derive(Clone)]
pub struct Session {
    workload: Workload,
    draws: Draws,
    client: u64,
    clock: Arc<dyn Clock>,
    patience: Option<Duration>,
    at_once: usize,
    before: Arc<dyn Fn(u64) + Send + Sync>,
}

impl Session {
    /// The client with this number. Its steps are drawn from the seed's draws for workloads.
    pub fn new(workload: Workload, draws: Draws, client: u64, clock: Arc<dyn Clock>) -> Session {
        let draws = draws.domain("workload").of(client);
        Session { workload, draws, client, clock, patience: None, at_once: 1000, before: Arc::new(|_| {}) }
    }

    /// Gives up an operation that was not answered after this time: it is dropped, and whether it has
    /// happened is not known.
    #[must_use]
    pub fn patience(self, patience: Duration) -> Session {
        Session { patience: Some(patience), ..self }
    }

    /// Calls this with the number of every step just before it begins.
    #[must_use]
    pub fn before(self, before: impl Fn(u64) + Send + Sync + 'static) -> Session {
        Session { before: Arc::new(before), ..self }
    }

    /// In an open loop, at most so many operations at a time (1000 unless it is said); those that would
    /// be more begin late, and are measured from when they should have begun.
    #[must_use]
    pub fn at_once(self, most: usize) -> Session {
        Session { at_once: most.max(1), ..self }
    }

    /// The steps, one by one, until it is time to stop; answers with what came of them, in the order of
    /// their numbers.
    pub async fn run(&self, larder: &Larder, until: Until) -> Vec<Done> {
        let start = self.now();
        let mut done = Vec::new();
        let mut under_way = FuturesUnordered::new();
        for number in 0.. {
            match self.workload.intended(self.draws, number) {
                None => {
                    let think = self.workload.think(self.draws, number);
                    if self.is_over(until, number, self.now().saturating_add(nanos(think)), start) {
                        break;
                    }
                    if !think.is_zero() {
                        self.clock.sleep(think).await;
                    }
                    done.push(self.step(larder, number, self.now()).await);
                }
                Some(after) => {
                    let intended = start.saturating_add(after);
                    if self.is_over(until, number, intended, start) {
                        break;
                    }
                    self.wait(intended, &mut under_way, &mut done).await;
                    under_way.push(self.step(larder, number, intended));
                }
            }
        }
        while let Some(each) = under_way.next().await {
            done.push(each);
        }
        done.sort_by_key(|each| each.number);
        done
    }

    /// Lets the operations under way go on until it is time for the next and there is room for it.
    async fn wait<F>(&self, intended: Nanos, under_way: &mut FuturesUnordered<F>, done: &mut Vec<Done>)
    where
        F: Future<Output = Done>,
    {
        let time = Duration::from_nanos(intended.saturating_sub(self.now()));
        let mut alarm = self.clock.sleep(time).fuse();
        let mut due = time.is_zero();
        while !due || under_way.len() >= self.at_once {
            // Whoever is due is let in before others are looked at: no choice here is by chance.
            if due {
                done.extend(under_way.next().await);
            } else if under_way.is_empty() {
                (&mut alarm).await;
                due = true;
            } else {
                match select(&mut alarm, under_way.next()).await {
                    Either::Left(_) => due = true,
                    Either::Right((each, _)) => done.extend(each),
                }
            }
        }
    }

    async fn step(&self, larder: &Larder, number: u64, intended: Nanos) -> Done {
        (self.before)(number);
        let request = self.workload.request(self.draws, number);
        Done { intended, ..self.perform(larder, number, request).await }
    }

    /// Performs this request now, as the step with this number.
    pub async fn perform(&self, larder: &Larder, number: u64, request: Request) -> Done {
        let began = self.now();
        let operation = request.perform(larder, Stamp { client: self.client, number });
        let failure = match self.patience {
            None => failure(operation.await),
            Some(patience) => {
                let operation = std::pin::pin!(operation);
                match select(operation, self.clock.sleep(patience)).await {
                    Either::Left((result, _)) => failure(result),
                    Either::Right(_) => Some(Failure::GaveUp),
                }
            }
        };
        Done { client: self.client, number, request, intended: began, began, ended: self.now(), failure }
    }

    fn is_over(&self, until: Until, number: u64, next: Nanos, start: Nanos) -> bool {
        match until {
            Until::Operations(most) => number >= most,
            Until::Time(time) => next.saturating_sub(start) >= nanos(time),
        }
    }

    fn now(&self) -> Nanos {
        nanos(self.clock.now())
    }
}

fn failure(result: Result<()>) -> Option<Failure> {
    result.err().map(|error| Failure::Error(error.kind(), error.to_string()))
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let workload = self.workload.name();
        f.debug_struct("Session")
            .field("client", &self.client)
            .field("workload", &workload)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use larder_memory::Memory;

    use super::*;
    use crate::time::Sim;
    use crate::workload::Pace;

    const MS: Nanos = 1_000_000;

    /// A client on memory, which answers at once.
    fn run(pace: Pace, until: Until, seed: u64) -> Vec<Done> {
        Sim::run(seed, |sim| async move {
            let clock: Arc<dyn Clock> = Arc::new(sim.clock().clone());
            let larder = Larder::with_clock(Memory::new(), Arc::clone(&clock));
            let workload = Workload::named("mixed").unwrap().at_pace(pace);
            Session::new(workload, Draws::new(seed), 3, clock).run(&larder, until).await
        })
        .unwrap()
    }

    #[test]
    fn a_client_does_as_many_operations_as_it_is_told() {
        let done = run(Pace::Closed { think: Duration::ZERO }, Until::Operations(50), 1);
        assert_eq!(done.iter().map(|each| each.number).collect::<Vec<_>>(), (0..50).collect::<Vec<_>>());
        assert!(done.iter().all(|each| each.failure.is_none() && each.took() == 0 && each.client == 3));
    }

    #[test]
    fn a_client_in_a_closed_loop_stops_when_its_time_is_over() {
        let done =
            run(Pace::Closed { think: Duration::from_millis(10) }, Until::Time(Duration::from_secs(10)), 1);
        assert!((900..1100).contains(&done.len()), "{}", done.len());
        assert!(done.last().unwrap().began < 10_000 * MS);
    }

    #[test]
    fn a_client_in_an_open_loop_begins_on_time() {
        let pace = Pace::Open { every: Duration::from_millis(10) };
        let done = run(pace, Until::Time(Duration::from_secs(1)), 1);
        assert_eq!(done.len(), 100);
        assert!(
            done.iter().all(|each| each.began == each.intended && each.intended / (10 * MS) == each.number)
        );
    }

    #[test]
    fn the_same_seed_is_the_same_session() {
        let pace = Pace::Open { every: Duration::from_millis(3) };
        let once = |seed| run(pace, Until::Operations(200), seed);
        assert_eq!(once(5), once(5));
        assert_ne!(once(5), once(6));
    }
}
