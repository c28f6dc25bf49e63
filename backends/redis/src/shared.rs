//! What the operations of an open store share, and [`Shared::ask`]: one command or script, sent until it
//! is answered or its time is over.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use larder::{Clock, Durability, Error, ErrorKind, Result};

use crate::deadline::Deadlines;
use crate::failure::{self, Trouble};
use crate::misses::Misses;
use crate::names::Names;
use crate::nodes::{Nodes, Sent, To};
use crate::request::{Answer, Effect, Request};
use crate::scripts::Load;
use crate::server::Server;
use crate::slots::Place;
use crate::stamp::Stamps;

/// What one answer on the main connection may bring: a stored value up to this size is read at once, and
/// written at once.
pub(crate) const SMALL: usize = 512 * 1024;

/// An open store.
pub(crate) struct Shared {
    pub(crate) names: Names,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) nodes: Nodes,
    pub(crate) stamps: Stamps,
    pub(crate) misses: Misses,
    /// How long an operation may take, and every part of a large one.
    pub(crate) deadline: Duration,
    pub(crate) deadlines: Deadlines,
    /// How long what is replaced is held for a reader who does not come on, and an upload for its writer.
    pub(crate) hold: Duration,
    pub(crate) durability: Durability,
    pub(crate) server: Server,
    pub(crate) closed: AtomicBool,
}

impl Shared {
    /// Sends what `make` makes until it is answered.
    ///
    /// # Errors
    /// `TimedOut` or `Unavailable` after the deadline, ambiguous if a write was sent; what the server says;
    /// `Closed`.
    pub(crate) fn ask(
        &self,
        to: To<'_>,
        effect: Effect,
        make: impl Fn(Load) -> Request,
    ) -> impl Future<Output = Result<Answer>> {
        async move {
            let since = self.clock.now();
            let (mut load, mut pauses) = (Load::Known, 0);
            let mut sent = Sent::default();
            let mut last: Option<Error> = None;
            loop {
                self.check_open()?;
                let now = if pauses == 0 { since } else { self.clock.now() };
                let left = self.deadline.saturating_sub(now.saturating_sub(since));
                let request = make(load);
                // What is sent when the time is over could only be ambiguous.
                let at_once = if left.is_zero() {
                    None
                } else {
                    self.nodes.send_at_once(to, effect, &request, now + left, &mut sent)
                };
                let answered = match at_once {
                    Some(asked) => asked
                        .answer()
                        .await
                        .map(|answered| sent.settle(answered.and_then(|answer| request.answered(answer)))),
                    // In a box, like all that is large and that most operations need not: a future is moved as a whole.
                    None => {
                        let mut sending = Box::pin(self.nodes.send(to, effect, &request, &mut sent));
                        self.deadlines.within(now, left, sending.as_mut()).await
                    }
                };
                let trouble = match answered {
                    Some(Ok(answer)) => return Ok(answer),
                    Some(Err(trouble)) => trouble,
                    None => {
                        // Who waited for a connection hears why there is none.
                        let why = sent.give_up();
                        let error = last.take().or(why).unwrap_or_else(|| {
                            let ms = self.deadline.as_millis();
                            failure::error(
                                ErrorKind::TimedOut,
                                format!("the server gave no answer within {ms} ms"),
                            )
                        });
                        let error = self.unless_closed(error);
                        let ambiguous = effect == Effect::Write && sent.may_have_happened();
                        return Err(if ambiguous { error.ambiguous() } else { error });
                    }
                };
                match trouble {
                    Trouble::NoScript => load = Load::Send,
                    Trouble::Again(error) => {
                        last = Some(error);
                        pauses += 1;
                        // Servers that do not agree yet, or a slot that is on its way.
                        if pauses > 2 {
                            self.pause(pauses, left).await;
                        }
                    }
                    // Whoever has several servers has followed it.
                    Trouble::Moved(..) | Trouble::Ask(_) => return Err(failure::nonsense("a command")),
                    Trouble::Refused(error) => return Err(self.unless_closed(error)),
                    Trouble::Lost(error) => {
                        last = Some(error);
                        pauses += 1;
                        if pauses > 1 {
                            self.pause(pauses, left).await;
                        }
                    }
                    Trouble::Wait(error) | Trouble::Elsewhere(error) => {
                        last = Some(error);
                        pauses += 1;
                        self.pause(pauses, left).await;
                    }
                }
            }
        }
    }

    async fn pause(&self, pauses: u32, left: Duration) {
        let most = (5u64 << pauses.min(8)).min(250);
        let pause = Duration::from_millis(1 + self.clock.random() % most);
        self.clock.sleep(pause.min(left)).await;
    }

    /// All servers that hold records, asked until the deadline.
    ///
    /// # Errors
    /// As [`Shared::ask`].
    pub(crate) async fn primaries(&self) -> Result<Vec<Option<Place>>> {
        let since = self.clock.now();
        for pauses in 1.. {
            self.check_open()?;
            let left = self.deadline.saturating_sub(self.clock.now().saturating_sub(since));
            match self.deadlines.within(self.clock.now(), left, pin!(self.nodes.primaries())).await {
                Some(Ok(primaries)) => return Ok(primaries),
                Some(Err(Trouble::Refused(error))) => return Err(self.unless_closed(error)),
                Some(Err(_)) => self.pause(pauses, left).await,
                None => break,
            }
        }
        let ms = self.deadline.as_millis();
        let message = format!("no server of the cluster told within {ms} ms what it knows of it");
        Err(failure::error(ErrorKind::TimedOut, message))
    }

    pub(crate) fn check_open(&self) -> Result<()> {
        if self.closed.load(Ordering::Acquire) { Err(failure::closed()) } else { Ok(()) }
    }

    /// What fails because the store was closed meanwhile is `Closed`.
    fn unless_closed(&self, error: Error) -> Error {
        if self.closed.load(Ordering::Acquire) { failure::closed() } else { error }
    }

    /// The time for which a marker must tell that something was done: longer than anybody asks for it.
    pub(crate) fn marker_ms(&self) -> u64 {
        millis(self.deadline) * 2 + 1000
    }

    pub(crate) fn hold_ms(&self) -> u64 {
        millis(self.hold)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX / 4).max(1)
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("names", &self.names).finish_non_exhaustive()
    }
}
