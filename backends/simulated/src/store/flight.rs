//! [`Flight`]: an operation under way, from its submission to its end. Its instants are events on the
//! timeline.

use std::sync::Arc;

use larder::{Backend, Error, Reply, Responder, Result};

use super::altered::Altered;
use super::call::{Call, later, poll_now};
use super::client::Client;
use super::error::Failure;
use super::log::Entry;
use super::plan::{Fate, Plan};
use super::world::{OnCancel, World};
use crate::fault::Fault;
use crate::time::{Nanos, drive};

/// An operation under way.
struct Flight<B, C: Call> {
    world: Arc<World<B>>,
    plan: Plan,
    entry: Entry,
    /// `None` once the caller has been told.
    responder: Option<Responder<C::Answer>>,
    /// It has taken effect once already, and will again.
    doubled: bool,
}

/// Submits an operation.
pub(super) fn submit<B: Backend, C: Call>(
    world: &Arc<World<B>>,
    client: &Client,
    call: C,
) -> Reply<C::Answer> {
    let bytes = call.bytes_in();
    let plan = Plan::draw(world, client, call.class(), bytes, call.changes());
    let entry = world.entry(&plan, call.key(), bytes);
    if world.is_bare() && plan.is_at_once() && world.pause.defers(plan.submitted).is_none() {
        return at_once(world, plan, entry, call);
    }
    let (responder, reply) = Reply::channel();
    let flight = Flight { world: Arc::clone(world), plan, entry, responder: Some(responder), doubled: false };
    flight.begin(call);
    reply
}

/// Closes the store when everything that was submitted before has taken effect.
pub(super) fn close<B: Backend>(world: &Arc<World<B>>) -> Reply<()> {
    use std::sync::atomic::Ordering;

    let latest = world.latest_effect.load(Ordering::Acquire);
    if latest <= world.timeline.nanos() {
        return world.close();
    }
    let (responder, reply) = Reply::channel();
    let closing = Arc::clone(world);
    // Not at the same instant, in which it might come first.
    world.timeline.call_at(
        later(latest, 1),
        Box::new(move || match poll_now(closing.close()) {
            Ok(closed) => responder.answer(closed),
            Err(closed) => drive(&closing.timeline, Box::pin(async move { responder.answer(closed.await) })),
        }),
    );
    reply
}

/// An operation without any time and without anything happening to it: the backend's own reply.
pub(super) fn at_once<B: Backend, C: Call>(
    world: &Arc<World<B>>,
    plan: Plan,
    mut entry: Entry,
    call: C,
) -> Reply<C::Answer> {
    let inner = match world.server.enter(plan.epoch) {
        Ok(inner) => inner,
        Err(failure) => {
            let result = Err(failure.error(plan.class));
            entry.end::<C>(plan.submitted, &result);
            return Reply::ready(result);
        }
    };
    entry.effect(plan.submitted);
    let reply = call.perform(&*inner);
    if entry.is_none() {
        return reply;
    }
    match poll_now(reply) {
        Ok(result) => {
            entry.end::<C>(plan.submitted, &result);
            Reply::ready(result)
        }
        Err(reply) => {
            let timeline = Arc::clone(&world.timeline);
            Reply::future(async move {
                let result = reply.await;
                entry.end::<C>(timeline.nanos(), &result);
                result
            })
        }
    }
}

impl<B: Backend, C: Call> Flight<B, C> {
    fn begin(self, call: C) {
        match self.plan.fate {
            Fate::FailsBefore(failure) => self.tell(failure),
            Fate::Hangs { effect: false } => self.hang(),
            Fate::FailsFirst(failure) => {
                let at = self.plan.acknowledge;
                self.at(at, move |flight| flight.fail_first(failure, call));
            }
            _ => {
                let at = self.plan.effect;
                self.at(at, move |flight| flight.effect(call));
            }
        }
    }

    /// Tells the caller about a failure, and takes effect later.
    fn fail_first(mut self, failure: Failure, call: C) {
        let error = failure.error(self.plan.class);
        self.entry.told(self.world.timeline.nanos(), &error);
        if let Some(responder) = self.responder.take() {
            if let Some(fault) = self.plan.fault.filter(|_| !responder.is_abandoned()) {
                self.world.counters.ended(fault.kind(), true);
            }
            responder.answer(Err(error));
        }
        let at = self.plan.effect;
        self.at(at, move |flight| flight.effect(call));
    }

    /// Goes on at this instant: here and now, if it has come.
    fn at(self, at: Nanos, go_on: impl FnOnce(Self) + Send + 'static) {
        if at <= self.world.timeline.nanos() {
            return go_on(self);
        }
        let timeline = Arc::clone(&self.world.timeline);
        timeline.call_at(at, Box::new(move || go_on(self)));
    }

    /// The instant of the effect.
    fn effect(mut self, call: C) {
        let now = self.world.timeline.nanos();
        if let Some(at) = self.world.pause.defers(now) {
            self.plan.postpone(at);
            self.world.effect_at(at);
            return self.at(at, move |flight| flight.effect(call));
        }
        if self.world.on_cancel == OnCancel::Abort && self.is_abandoned() {
            return;
        }
        let inner = match self.world.server.enter(self.plan.epoch) {
            Ok(inner) => inner,
            Err(failure) => return self.tell(failure),
        };
        if let Fate::Crashes { after: false, down } = self.plan.fate {
            self.world.crash(down);
            return self.tell(Failure::Crashed);
        }
        if let Some(Fault::Duplicate { again_ns, answers_second }) = self.plan.fault
            && !self.doubled
            && let Some(second) = call.again()
        {
            self.doubled = true;
            let again = later(now, again_ns.max(1));
            self.world.effect_at(again);
            if answers_second {
                self.entry.effect(now);
                perform(&self.world, inner, call, None, |_| {});
                self.plan.postpone(again);
                return self.at(again, move |flight| flight.effect(second));
            }
            let (world, epoch) = (Arc::clone(&self.world), self.plan.epoch);
            let repeat = move || {
                if let Ok(inner) = world.server.enter(epoch) {
                    perform(&world, inner, second, None, |_| {});
                }
            };
            self.world.timeline.call_at(again, Box::new(repeat));
        }
        self.entry.effect(now);
        let (world, fault) = (Arc::clone(&self.world), self.plan.fault);
        perform(&world, inner, call, fault, move |altered| self.performed(altered));
    }

    /// The backend has answered.
    fn performed(self, altered: Altered<C::Answer>) {
        match self.plan.fate {
            Fate::FailsAfter(failure) => self.tell(failure),
            Fate::Hangs { .. } => self.hang(),
            Fate::Crashes { down, .. } => {
                self.world.crash(down);
                self.tell(Failure::Crashed);
            }
            _ => {
                let mut at = self.plan.acknowledge.max(self.world.timeline.nanos());
                if let Ok(answer) = &altered.result
                    && let bytes @ 1.. = C::bytes_out(answer)
                {
                    at = self.world.resource.transfer(at, self.plan.class, bytes);
                }
                self.at(at, move |flight| flight.end(altered));
            }
        }
    }

    /// Tells the caller about a failure when its instant comes.
    fn tell(self, failure: Failure) {
        let error = failure.error(self.plan.class);
        let at = self.plan.acknowledge;
        self.at(at, move |flight| flight.end(Altered::shown(Err(error))));
    }

    /// Says nothing, until the connection is gone.
    fn hang(mut self) {
        self.entry.hangs();
        self.world.seen(&mut self.plan);
        // The world keeps this, so this must not keep the world.
        let Flight { world, plan, entry, responder, doubled } = self;
        world.hang(Box::new(move |world, failure| {
            let flight = Flight::<B, C> { world: Arc::clone(world), plan, entry, responder, doubled };
            flight.end(Altered::shown(Err(failure.error(plan.class))));
        }));
    }

    /// The instant of the acknowledgement.
    fn end(mut self, altered: Altered<C::Answer>) {
        let Altered { mut result, mut shown } = altered;
        if self.plan.epoch != self.world.server.epoch() && result.is_ok() {
            // The answer was on its way when the store crashed.
            (result, shown) = (Err(Failure::Crashed.error(self.plan.class)), true);
        }
        let result = result.map(|answer| C::deliver(&self.world, self.plan.epoch, answer));
        self.entry.end::<C>(self.world.timeline.nanos(), &result);
        if let Some(responder) = self.responder.take() {
            if let Some(fault) = self.plan.fault.filter(|_| !responder.is_abandoned()) {
                self.world.counters.ended(fault.kind(), shown || result.is_err());
            }
            responder.answer(result);
        }
    }

    fn is_abandoned(&self) -> bool {
        self.responder.as_ref().is_some_and(Responder::is_abandoned)
    }
}

/// Makes the call, and hands on what comes of it: within this call if the backend answers at once.
fn perform<B: Backend, C: Call>(
    world: &Arc<World<B>>,
    inner: Arc<B>,
    call: C,
    fault: Option<Fault>,
    then: impl FnOnce(Altered<C::Answer>) + Send + 'static,
) {
    let reply = if world.past.is_some() {
        let (world, inner) = (Arc::clone(world), Arc::clone(&inner));
        let altered = call.perform_altered(world, inner, fault);
        Reply::future(async move { Ok(altered.await) })
    } else {
        match poll_now(call.perform(&*inner)) {
            Ok(result) => return then(Altered::faithful(result)),
            Err(reply) => Reply::future(async move { Ok(Altered::faithful(reply.await)) }),
        }
    };
    match poll_now(reply) {
        Ok(altered) => then(unwrap(altered)),
        Err(reply) => {
            let hold = world.external.then(|| world.timeline.hold());
            let driven = async move {
                let altered = reply.await;
                drop(hold);
                then(unwrap(altered));
            };
            drive(&world.timeline, Box::pin(driven));
        }
    }
}

/// A failure within is one of the result.
fn unwrap<T>(altered: Result<Altered<T>, Error>) -> Altered<T> {
    altered.unwrap_or_else(|error| Altered::faithful(Err(error)))
}
