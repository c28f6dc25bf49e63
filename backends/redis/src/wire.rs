//! One stream that many tasks share. Whoever asks while nothing is under way writes at once, on its own
//! thread; what is asked while others wait is gathered and written together by the driver, a task that also
//! reads the answers and hands them out, in the order of the questions. Whoever asks alone may read its own.

mod asked;
mod driving;
mod joint;
mod lone;
mod reading;
mod waiting;

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use futures::channel::oneshot;
use larder::Clock;
use larder::io::AdaptiveSpin;
use redis::{RedisError, RedisResult, Value};

pub(crate) use self::asked::Asked;
use self::driving::Driving;
use self::joint::Joint;
use self::reading::Reading;
use self::waiting::{Asker, Sender, Waiting};
use crate::alarm::Alarm;
use crate::request::Request;
use crate::socket::Socket;

/// A buffer of that size is kept for what comes next; a larger one is let go.
const KEPT: usize = 1024 * 1024;

/// After those who have joined were refused, so many do not join.
const APART: u32 = 1024;

/// The stream. After the last clone is gone the task that drives it ends as soon as nobody waits any more.
#[derive(Clone)]
pub(crate) struct Wire(Arc<Driven>);

struct Driven {
    inner: Arc<Inner>,
    /// Rings when the time of somebody who waits is over. That does not depend on the driver, whose runtime may be at
    /// rest.
    alarm: Arc<Alarm>,
}

struct Inner {
    socket: Arc<Socket>,
    state: Mutex<State>,
    reading: Mutex<Reading>,
}

#[derive(Default)]
struct State {
    /// What is still to be written.
    out: Vec<u8>,
    /// And after that.
    joint: Joint,
    /// So many more do not join, since those who did were refused.
    apart: u32,
    /// A buffer that has been written, for what comes next.
    spare: Vec<u8>,
    /// What goes before that, from `at` on: the stream took no more.
    rest: Vec<u8>,
    at: usize,
    /// Somebody writes right now what was in one of them; nobody else may.
    writing: bool,
    /// Who waits for an answer, in the order in which it will come.
    waiting: VecDeque<Waiting>,
    /// How many of the last of them nobody has begun to write.
    gathered: usize,
    /// How many questions nobody has begun to write.
    asked: usize,
    /// How many were answered together the last time.
    crowd: usize,
    /// The last who asked did so alone, and looks for the answer: the driver does not watch for it.
    lone: bool,
    spin: AdaptiveSpin,
    /// The driver, when it has nothing to write.
    driver: Option<Waker>,
    /// When the alarm rings next, if it is set.
    rings: Option<Duration>,
    /// Nobody will ask any more.
    ending: bool,
    /// Why there will be no more answers.
    lost: Option<RedisError>,
}

impl Wire {
    /// Begins to drive a stream that nobody else reads.
    pub(crate) fn over(socket: Arc<Socket>, clock: Arc<dyn Clock>) -> Wire {
        let wire = Wire::undriven(Arc::clone(&socket), clock);
        socket.spawn(Driving::new(&wire.0.inner).run());
        wire
    }

    fn undriven(socket: Arc<Socket>, clock: Arc<dyn Clock>) -> Wire {
        let inner = Arc::new(Inner::over(socket));
        let weak = Arc::downgrade(&inner);
        let alarm = Alarm::new(clock, move |now| weak.upgrade()?.expire(now));
        Wire(Arc::new(Driven { inner, alarm }))
    }

    /// Sends a request. Several commands are answered by an array.
    pub(crate) async fn send(&self, request: &Request) -> RedisResult<Value> {
        self.ask(request, None).answer().await.unwrap_or_else(|| Err(ended()))
    }

    /// Sends a request, which has time until then by the clock.
    pub(crate) fn ask(&self, request: &Request, due: Option<Duration>) -> Asked {
        let (sender, receiver) = oneshot::channel();
        let put = match self.0.inner.ask(request, sender, due) {
            Ok(put) => put,
            Err(lost) => return Asked::lost(lost),
        };
        if let Some(at) = put.rings {
            self.0.alarm.set(at);
        }
        Asked::new(receiver, put.lone.then(|| self.clone()))
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        self.inner.end();
    }
}

/// What is to be done for a question that was put.
#[derive(Default)]
struct Put {
    /// Whoever asks is to look for the answer.
    lone: bool,
    /// The alarm is to be set to this.
    rings: Option<Duration>,
}

fn ended() -> RedisError {
    io::Error::new(io::ErrorKind::BrokenPipe, "the connection is no longer driven").into()
}

impl State {
    /// Whether there is nobody left for whom there is anything to do.
    fn is_over(&self) -> bool {
        self.ending && self.waiting.iter().all(Waiting::is_gone) && self.joint.is_gone()
    }

    fn has_more(&self) -> bool {
        !self.rest.is_empty() || !self.out.is_empty() || !self.joint.is_empty()
    }

    /// Whether the server has nothing to do, and as many have asked as make half a crowd: it gets that, and works
    /// on it while the other half asks.
    fn is_due(&self) -> bool {
        let idle = self.gathered == self.waiting.len() && !self.writing && self.rest.is_empty();
        idle && self.asked >= self.crowd.div_ceil(2)
    }

    /// Whether the last who asked is the only one who waits.
    fn is_alone(&self) -> bool {
        self.waiting.len() + self.joint.len() == 1
    }

    /// Takes in a question.
    fn add(&mut self, request: &Request, asker: Asker) {
        self.asked += 1;
        if let Some(joint) = request.joint()
            && self.joins()
        {
            if self.joint.is_full() {
                self.finish_joint();
            }
            self.joint.push(joint, asker);
            return;
        }
        self.out.extend_from_slice(request.as_bytes());
        self.waiting.push_back(Waiting::new(asker, request.len()));
        self.gathered += 1;
    }

    /// Whether the next one who may join does.
    fn joins(&mut self) -> bool {
        self.apart = self.apart.saturating_sub(1);
        self.apart == 0
    }

    /// What became of some that were answered. A proxy in front of several servers, or one that knows what it may
    /// forward, refuses all who have joined, and they have to ask again: then it is seldom tried.
    fn may_join(&mut self, joined: bool) {
        if !joined {
            self.apart = APART;
        }
    }

    /// Those who have joined wait for no more.
    fn finish_joint(&mut self) {
        if let Some(waiting) = self.joint.finish(&mut self.out) {
            self.waiting.push_back(waiting);
            self.gathered += 1;
        }
    }

    /// All who wait.
    fn askers(&mut self) -> impl Iterator<Item = &mut Asker> {
        self.waiting.iter_mut().flat_map(Waiting::askers).chain(self.joint.askers())
    }

    /// Begins to write what is gathered.
    fn begin(&mut self) -> Vec<u8> {
        self.finish_joint();
        (self.writing, self.gathered, self.asked) = (true, 0, 0);
        let spare = std::mem::take(&mut self.spare);
        std::mem::replace(&mut self.out, spare)
    }
}

impl Inner {
    fn over(socket: Arc<Socket>) -> Inner {
        Inner { socket, state: Mutex::default(), reading: Mutex::default() }
    }

    fn reading(&self) -> MutexGuard<'_, Reading> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a question.
    fn ask(&self, request: &Request, sender: Sender, due: Option<Duration>) -> RedisResult<Put> {
        let mut state = self.state();
        if let Some(lost) = &state.lost {
            return Err(lost.clone());
        }
        if request.is_empty() {
            drop(state);
            _ = sender.send(Ok(Value::Array(Vec::new())));
            return Ok(Put::default());
        }
        let rings = due.filter(|due| state.rings.is_none_or(|rings| *due < rings));
        state.rings = rings.or(state.rings);
        state.add(request, Asker::new(sender, due));
        let begins = state.is_due();
        let lone = begins && state.is_alone() && state.spin.is_worthwhile();
        let watched = !std::mem::replace(&mut state.lone, lone);
        if !begins {
            // A driver who has a rest to write waits for the stream.
            let driver = if state.rest.is_empty() { state.driver.take() } else { None };
            drop(state);
            if let Some(driver) = driver {
                driver.wake();
            }
            return Ok(Put { lone: false, rings });
        }
        let bytes = state.begin();
        let driver = if watched || lone { None } else { state.driver.take() };
        drop(state);
        self.write(bytes, 0);
        if let Some(driver) = driver {
            driver.wake();
        }
        Ok(Put { lone, rings })
    }

    /// Writes these bytes, but for those that were written before, as far as that goes at once. Only for whoever
    /// has set `writing`.
    fn write(&self, mut bytes: Vec<u8>, mut at: usize) {
        let failed = loop {
            if at == bytes.len() {
                break None;
            }
            match self.socket.try_write(&bytes[at..]) {
                Ok(written) => at += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break None,
                Err(error) => break Some(error),
            }
        };
        let mut state = self.state();
        state.writing = false;
        if let Some(error) = failed {
            drop(state);
            return self.lose(error.into());
        }
        if at < bytes.len() {
            (state.rest, state.at) = (bytes, at);
        } else if bytes.capacity() <= KEPT {
            bytes.clear();
            state.spare = bytes;
        }
        if state.has_more() {
            let driver = state.driver.take();
            drop(state);
            if let Some(driver) = driver {
                driver.wake();
            }
        }
    }

    /// Tells all who wait that there will be no answer.
    fn lose(&self, why: RedisError) {
        let mut state = self.state();
        let why = state.lost.get_or_insert(why).clone();
        state.lone = false;
        state.finish_joint();
        let waiting = std::mem::take(&mut state.waiting);
        (state.out, state.rest, state.spare) = (Vec::new(), Vec::new(), Vec::new());
        let driver = state.driver.take();
        drop(state);
        if let Some(driver) = driver {
            driver.wake();
        }
        for sender in waiting.into_iter().flat_map(Waiting::into_senders) {
            _ = sender.send(Err(why.clone()));
        }
    }

    /// Has those go whose time is over; when that is so for the next.
    fn expire(&self, now: Duration) -> Option<Duration> {
        let mut state = self.state();
        let mut late = Vec::new();
        let mut next = None;
        for asker in state.askers() {
            match asker.due {
                Some(due) if due <= now => late.extend(asker.sender.take()),
                Some(due) if !asker.is_gone() => {
                    next = Some(next.map_or(due, |next: Duration| next.min(due)))
                }
                _ => {}
            }
        }
        state.rings = next;
        let driver = if state.ending { state.driver.take() } else { None };
        drop(state);
        // They hear that there will be no answer.
        drop(late);
        if let Some(driver) = driver {
            driver.wake();
        }
        next
    }

    /// Nobody will ask any more.
    fn end(&self) {
        let mut state = self.state();
        state.ending = true;
        let driver = state.driver.take();
        drop(state);
        if let Some(driver) = driver {
            driver.wake();
        }
    }
}

#[cfg(all(test, unix))]
mod tests;
