//! Listing keys: a page at a time, each an operation of its own, and none before it is asked for.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use futures::StreamExt;
use futures::stream;
use larder::{Backend, Error, Key, Keys, Result};

use super::client::Client;
use super::error::Failure;
use super::log::{Entry, Outcome};
use super::plan::{Fate, Plan};
use super::timer::Timer;
use super::world::World;
use crate::fault::Fault;
use crate::latency::Class;

/// So many keys come in one answer, as from S3.
const PAGE: usize = 1000;

/// All keys, or the text keys that begin with this text. A page that fails ends the listing with its error.
pub(super) fn keys<B: Backend>(world: &Arc<World<B>>, client: &Arc<Client>, prefix: Option<&str>) -> Keys {
    let listing = Listing {
        world: Arc::clone(world),
        client: Arc::clone(client),
        prefix: prefix.map(str::to_owned),
        begun: None,
        page: VecDeque::new(),
        stale: None,
        over: false,
    };
    Keys::new(stream::unfold(listing, |mut listing| async move {
        loop {
            if let Some(key) = listing.page.pop_front() {
                return Some((key, listing));
            }
            if listing.over {
                return None;
            }
            if let Err(error) = listing.turn().await {
                listing.over = true;
                listing.page.clear();
                return Some((Err(error), listing));
            }
        }
    }))
}

struct Listing<B> {
    world: Arc<World<B>>,
    client: Arc<Client>,
    prefix: Option<String>,
    /// The listing of the backend, and the epoch in which it began.
    begun: Option<(Keys, u64)>,
    page: VecDeque<Result<Key>>,
    stale: Option<Stale>,
    /// No more pages come.
    over: bool,
}

/// A listing of some time ago.
struct Stale {
    /// To be named although they are gone.
    gone: BTreeSet<Key>,
    /// Not to be named although they are there.
    new: BTreeSet<Key>,
}

impl<B: Backend> Listing<B> {
    /// Fetches a page.
    async fn turn(&mut self) -> Result<()> {
        let world = Arc::clone(&self.world);
        let mut plan = Plan::draw(&world, &self.client, Class::List, 0, std::iter::empty());
        let prefix = self.prefix.as_deref().map(Key::from);
        let mut entry = world.entry(&plan, prefix.as_ref(), 0);
        let result = self.fetch(&mut plan, &mut entry).await;
        let now = world.timeline.nanos();
        entry.ends(now, result.as_ref().map(|()| (Outcome::Done, 0)));
        if let Some(fault) = plan.fault {
            let shown = result.is_err() || (self.stale.is_some() && matches!(fault, Fault::StaleList { .. }));
            world.counters.ended(fault.kind(), shown);
        }
        result
    }

    async fn fetch(&mut self, plan: &mut Plan, entry: &mut Entry) -> Result<()> {
        let world = Arc::clone(&self.world);
        let fail = |failure: Failure| Err::<(), Error>(failure.error(Class::List));
        match plan.fate {
            Fate::FailsBefore(failure) | Fate::FailsFirst(failure) | Fate::FailsAfter(failure) => {
                Timer::at(&world.timeline, plan.acknowledge).await;
                return fail(failure);
            }
            Fate::Hangs { .. } => {
                entry.hangs();
                world.seen(plan);
                return fail(world.hangs().await);
            }
            Fate::Answered | Fate::Crashes { .. } => {}
        }
        Timer::at(&world.timeline, plan.effect).await;
        world.passes_pause().await;
        if let Fate::Crashes { down, .. } = plan.fate {
            world.crash(down);
            return fail(Failure::Crashed);
        }
        entry.effect(world.timeline.nanos());
        let inner = match world.server.enter(plan.epoch) {
            Ok(inner) => inner,
            Err(failure) => return fail(failure),
        };
        if let Some(Fault::StaleList { lag_ns }) = plan.fault {
            self.go_stale(lag_ns);
        }
        let (keys, epoch) =
            self.begun.get_or_insert_with(|| (inner.keys(self.prefix.as_deref()), plan.epoch));
        if *epoch != plan.epoch {
            // What the listing stood on is gone.
            return fail(Failure::Crashed);
        }
        while self.page.len() < PAGE {
            match keys.next().await {
                Some(key) => self.page.push_back(key),
                None => {
                    self.over = true;
                    break;
                }
            }
        }
        self.distort();
        let back = plan.acknowledge.saturating_sub(plan.effect);
        Timer::at(&world.timeline, world.timeline.nanos().saturating_add(back)).await;
        if world.server.epoch() == plan.epoch { Ok(()) } else { fail(Failure::Crashed) }
    }

    /// From now on this listing is of so long ago.
    fn go_stale(&mut self, lag: u64) {
        let at = self.world.timeline.nanos().saturating_sub(lag);
        let Some((gone, new)) = self.world.past(|past| past.stale_keys(at)) else { return };
        let of_prefix = |key: &Key| match &self.prefix {
            None => true,
            Some(prefix) => key.as_text().is_some_and(|text| text.starts_with(prefix.as_str())),
        };
        let gone: BTreeSet<Key> = gone.into_iter().filter(of_prefix).collect();
        if !gone.is_empty() || !new.is_empty() {
            self.stale = Some(Stale { gone, new: new.into_iter().collect() });
        }
    }

    fn distort(&mut self) {
        let Some(stale) = &mut self.stale else { return };
        self.page.retain(|key| {
            key.as_ref().map_or(true, |key| !stale.new.contains(key) && !stale.gone.contains(key))
        });
        if self.over {
            self.page.extend(std::mem::take(&mut stale.gone).into_iter().map(Ok));
        }
    }
}
