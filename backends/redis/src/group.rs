//! Writes that are acknowledged only when replicas have them too: all that gather while others are under
//! way go as one pipeline that ends with one `WAIT`, on a connection of their own, since it keeps whatever is
//! behind it waiting.
//!
//! `WAIT` covers what its own connection has written, so it must be the same one; and it never covers what
//! was found to be done already, so whoever sends a write again writes something else along with it.

use std::mem;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Either, Shared, select};
use larder::{Clock, Error, ErrorKind};
use redis::{RedisResult, Value};

use crate::connection::Connection;
use crate::failure::{self, Trouble};
use crate::link::Link;
use crate::request::{Request, decisive};

/// The most writes that wait together.
const MOST: usize = 256;

/// What writes wait for.
#[derive(Debug)]
pub(crate) struct Safety {
    pub(crate) replicas: u64,
    /// How long an operation may take.
    pub(crate) patience: Duration,
    /// Whether the replicas must have it in their append-only files.
    pub(crate) appended: AtomicBool,
}

impl Safety {
    /// Half of what an operation may take: so that it hears how many there were.
    fn wait_ms(&self) -> u64 {
        u64::try_from(self.patience.as_millis() / 2).unwrap_or(u64::MAX / 4).max(1)
    }

    fn command(&self) -> Request {
        let appended = self.appended.load(Ordering::Acquire);
        let mut request = Request::new(if appended { "WAITAOF" } else { "WAIT" });
        if appended {
            request.word(0u64);
        }
        request.word(self.replicas).word(self.wait_ms());
        request
    }

    /// Whether this answer to it is enough.
    fn kept(&self, answer: Option<Value>) -> Result<(), Error> {
        let found = match answer.map(Value::extract_error) {
            Some(Ok(Value::Int(found))) => Ok(found),
            Some(Ok(Value::Array(counts))) if matches!(counts[..], [_, Value::Int(_)]) => {
                if let [_, Value::Int(found)] = counts[..] { Ok(found) } else { Ok(0) }
            }
            Some(Err(why)) => Err(failure::plain(&why)),
            _ => Err("the server gave no number".to_owned()),
        };
        let wanted = self.replicas;
        let error = match found {
            Ok(found) if u64::try_from(found).is_ok_and(|found| found >= wanted) => return Ok(()),
            Ok(found) => failure::error(
                ErrorKind::TimedOut,
                format!(
                    "the write was carried out, but {found} replicas of {wanted} confirmed it within {} ms: \
                     it may be lost with its primary",
                    self.wait_ms()
                ),
            ),
            Err(why) => failure::error(
                ErrorKind::Unavailable,
                format!("the write was carried out, but its replicas cannot be waited for: {why}"),
            ),
        };
        Err(error.ambiguous())
    }
}

/// A write's place in a group: nobody sends it any more once this is gone.
#[derive(Debug)]
pub(crate) struct Turn(Arc<AtomicU8>);

const WAITING: u8 = 0;
const TAKEN: u8 = 1;
const LEFT: u8 = 2;

impl Turn {
    pub(crate) fn new() -> Turn {
        Turn(Arc::new(AtomicU8::new(WAITING)))
    }

    /// Gives the place up; tells whether it was sent before.
    pub(crate) fn leave(&self) -> bool {
        self.0.swap(LEFT, Ordering::AcqRel) == TAKEN
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.leave();
    }
}

/// What one write sends: the command that is answered is at `answer`; the others must not fail.
pub(crate) struct Item {
    pub(crate) commands: Request,
    pub(crate) answer: usize,
}

struct Waiting {
    item: Item,
    turn: Arc<AtomicU8>,
}

/// What became of a round.
enum Outcome {
    /// Nothing was sent.
    Unsent(Trouble),
    /// Everything may have happened.
    Lost(Error),
    Answered {
        epoch: u64,
        /// Of each write, unless it had been given up.
        answers: Vec<Option<Result<Value, Trouble>>>,
        kept: Result<(), Error>,
    },
}

/// Whoever takes part drives it, so nobody who goes away holds up the others.
type Round = Shared<BoxFuture<'static, Arc<Outcome>>>;
/// `None` once it is under way.
type Gathered = Arc<Mutex<Option<Vec<Waiting>>>>;

/// The writes of one server.
pub(crate) struct Group {
    link: Link,
    safety: Arc<Safety>,
    clock: Arc<dyn Clock>,
    last: Mutex<Option<(Gathered, Round)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Group {
    pub(crate) fn new(link: Link, safety: Arc<Safety>, clock: Arc<dyn Clock>) -> Group {
        Group { link, safety, clock, last: Mutex::default() }
    }

    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    /// Sends a write and waits for the replicas; the answer and the connection that it came on.
    pub(crate) async fn send(&self, item: Item, turn: &Turn) -> Result<(u64, Value), Trouble> {
        let (round, at) = self.join(Waiting { item, turn: Arc::clone(&turn.0) });
        match &*round.await {
            Outcome::Unsent(trouble) => Err(trouble.clone()),
            Outcome::Lost(error) => Err(Trouble::Lost(error.clone())),
            Outcome::Answered { epoch, answers, kept } => {
                let answer = answers.get(at).cloned().flatten();
                let value = match answer {
                    Some(Ok(value)) => value,
                    Some(Err(trouble)) => {
                        if matches!(trouble, Trouble::Elsewhere(_)) {
                            self.link.lost(*epoch);
                        }
                        return Err(trouble);
                    }
                    None => return Err(Trouble::Refused(failure::nonsense("WAIT"))),
                };
                kept.clone().map_err(Trouble::Refused)?;
                Ok((*epoch, value))
            }
        }
    }

    /// Joins the round that gathers.
    fn join(&self, waiting: Waiting) -> (Round, usize) {
        let mut last = lock(&self.last);
        if let Some((gathered, round)) = &*last
            && let Some(others) = &mut *lock(gathered)
            && others.len() < MOST
        {
            others.push(waiting);
            return (round.clone(), others.len() - 1);
        }
        let before = last.take().map(|(_, round)| round);
        let gathered: Gathered = Arc::new(Mutex::new(Some(vec![waiting])));
        let (link, safety) = (self.link.clone(), Arc::clone(&self.safety));
        let (clock, here) = (Arc::clone(&self.clock), Arc::clone(&gathered));
        let round = async move {
            if let Some(before) = before {
                before.await;
            }
            let connected = link.connection().await;
            let waiting = lock(&here).take().unwrap_or_default();
            match connected {
                Ok((epoch, connection)) => {
                    Arc::new(run(waiting, &link, epoch, connection, &safety, &*clock).await)
                }
                Err(trouble) => Arc::new(Outcome::Unsent(trouble)),
            }
        };
        let round = round.boxed().shared();
        *last = Some((gathered, round.clone()));
        (round, 0)
    }
}

async fn run(
    waiting: Vec<Waiting>,
    link: &Link,
    epoch: u64,
    mut connection: Connection,
    safety: &Safety,
    clock: &dyn Clock,
) -> Outcome {
    let mut request = Request::default();
    let mut places = Vec::with_capacity(waiting.len());
    for Waiting { item, turn } in waiting {
        let takes = turn.compare_exchange(WAITING, TAKEN, Ordering::AcqRel, Ordering::Acquire).is_ok();
        let (count, prepares) = (item.commands.len(), item.commands.prepares());
        places.push(takes.then_some(Place { count, answer: item.answer, prepares }));
        if takes {
            request.append(&item.commands);
        }
    }
    if request.is_empty() {
        return Outcome::Answered { epoch, answers: Vec::new(), kept: Ok(()) };
    }
    request.append(&safety.command());
    let sending = pin!(connection.send_all(&request));
    let lost = match select(sending, clock.sleep(safety.patience)).await {
        Either::Left((Ok(answers), _)) => return answered(epoch, &places, answers, safety),
        Either::Left((Err(why), _)) => failure::error(
            ErrorKind::Unavailable,
            format!("the connection to the server failed: {}", failure::plain(&why)),
        ),
        Either::Right(_) => failure::error(
            ErrorKind::TimedOut,
            format!("the server gave no answer within {} ms", safety.patience.as_millis()),
        ),
    };
    link.lost(epoch);
    Outcome::Lost(lost)
}

/// Where the answers to a write are among all.
struct Place {
    count: usize,
    /// The one that counts, of these.
    answer: usize,
    /// Those before it only prepare it.
    prepares: bool,
}

impl Place {
    /// The answer to the write, of those to its commands.
    fn settle(&self, own: impl Iterator<Item = Value>) -> Result<Value, Trouble> {
        let mut own: Vec<RedisResult<Value>> = own.map(Value::extract_error).collect();
        if self.answer >= own.len() {
            return Err(Trouble::Refused(failure::nonsense("a pipeline")));
        }
        let value = if self.prepares {
            decisive(own.drain(..=self.answer))
        } else {
            mem::replace(&mut own[self.answer], Ok(Value::Nil))
        };
        let value = value.map_err(|why| failure::sorted(&why))?;
        match own.into_iter().find_map(Result::err) {
            // What was sent along: nobody is to follow where that would be sent.
            Some(why) => Err(Trouble::Lost(failure::error(
                ErrorKind::Unavailable,
                format!("the write cannot be made safe at the moment: {}", failure::plain(&why)),
            ))),
            None => Ok(value),
        }
    }
}

/// Gives each write its answer.
fn answered(epoch: u64, places: &[Option<Place>], answers: Vec<Value>, safety: &Safety) -> Outcome {
    let mut rest = answers.into_iter();
    let settle =
        |place: &Option<Place>| place.as_ref().map(|place| place.settle(rest.by_ref().take(place.count)));
    let answers = places.iter().map(settle).collect();
    Outcome::Answered { epoch, answers, kept: safety.kept(rest.next()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_kept_only_if_as_many_replicas_say_so() {
        let safety = |appended| Safety {
            replicas: 2,
            patience: Duration::from_secs(4),
            appended: AtomicBool::new(appended),
        };
        let mut wait = Request::new("WAIT");
        wait.word(2u64).word(2000u64);
        assert_eq!(safety(false).command(), wait);
        let mut wait = Request::new("WAITAOF");
        wait.word(0u64).word(2u64).word(2000u64);
        assert_eq!(safety(true).command(), wait);
        let both = |own, copies| Value::Array(vec![Value::Int(own), Value::Int(copies)]);
        for (answer, kept) in [
            (Some(Value::Int(2)), true),
            (Some(Value::Int(3)), true),
            (Some(Value::Int(1)), false),
            (Some(Value::Int(-1)), false),
            (Some(both(0, 2)), true),
            (Some(both(2, 1)), false),
            (Some(Value::Nil), false),
            (None, false),
        ] {
            let shown = format!("{answer:?}");
            match safety(false).kept(answer) {
                Ok(()) => assert!(kept, "{shown}"),
                Err(error) => assert!(!kept && error.is_ambiguous(), "{shown}: {error}"),
            }
        }
        let error = safety(false).kept(Some(Value::Int(1))).unwrap_err();
        assert!(error.to_string().contains("1 replicas of 2 confirmed it within 2000 ms"), "{error}");
        let refused = redis::parse_redis_value(b"-UNBLOCKED instance state changed\r\n").unwrap();
        let error = safety(false).kept(Some(refused)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("UNBLOCKED"), "{error}");
    }

    #[test]
    fn of_a_write_that_was_sent_aside_the_script_decides() {
        let answer = |text: &str| redis::parse_redis_value(text.as_bytes()).unwrap();
        let full = || answer("-OOM command not allowed when used memory > 'maxmemory'.\r\n");
        let settle =
            |prepares, own: [Value; 2]| Place { count: 2, answer: 1, prepares }.settle(own.into_iter());
        assert!(matches!(settle(true, [Value::Okay, Value::Int(1)]), Ok(Value::Int(1))));
        assert!(matches!(settle(true, [full(), Value::Int(1)]), Ok(Value::Int(1))));
        let Err(Trouble::Refused(error)) = settle(true, [full(), Value::Int(-1)]) else { panic!() };
        assert_eq!(error.kind(), ErrorKind::Full);
        // Of what is only sent along, no failure passes.
        assert!(matches!(settle(false, [full(), Value::Int(1)]), Err(Trouble::Lost(_))));
    }

    #[test]
    fn a_write_that_was_given_up_says_whether_it_was_sent() {
        let turn = Turn::new();
        assert!(!turn.leave());
        let turn = Turn::new();
        turn.0.store(TAKEN, Ordering::Release);
        assert!(turn.leave());
    }
}
