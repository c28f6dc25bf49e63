//! [`Resource`]: a storage service at work. It says when an operation starts, takes effect and is
//! acknowledged, from what was admitted before it, the instant, and the operation's own draws.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::{Arc, Mutex};

use super::class::Class;
use super::factor::Factor;
use super::limit::{Bucket, Over};
use super::load::{Load, Series, Totals};
use super::lock;
use super::model::Latency;
use super::pauses::Pauses;
use super::pipe::Pipe;
use super::pool::Pool;
use super::profile::{Legs, Profile, Rates};
use super::regime::Regime;
use super::weather::Weather;
use crate::draw::{Draws, Ratio};
use crate::time::Nanos;

/// A storage service at work: a [`Profile`], its queues, and its [`Weather`]. Clones are the same
/// service, so stores that share one load each other.
///
/// Every figure depends on the seed by keys: the slow times on their own number, an operation's legs on
/// the operation's own draws. Leaving one operation out changes no other's draws, only how long others
/// wait.
///
/// An operation goes through, in this order: the rate limits of its class, where it waits or is turned
/// away; the queue for a server, first come, first served; the request leg and the upload; the effect;
/// the response leg and the download. It holds its server from the start to the acknowledgement. The
/// regime at its start holds for all of it.
#[derive(Clone, Debug)]
pub struct Resource(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    profile: Profile,
    weather: Weather,
    pauses: Option<(Pauses, Draws)>,
    cold: Option<Latency>,
    stream: Rates,
    state: Mutex<State>,
    services: Vec<(Legs, usize)>,
}

#[derive(Debug)]
struct State {
    buckets: Vec<Bucket>,
    /// The shared servers first, then those of classes that have their own; `None` needs no queue.
    pools: Vec<Option<Pool>>,
    up: Pipe,
    down: Pipe,
    latest: Nanos,
    starts: BinaryHeap<Reverse<Nanos>>,
    ends: BinaryHeap<Reverse<Nanos>>,
    series: Series,
    totals: Totals,
}

/// What becomes of an operation. All instants are nanoseconds since the start of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// When it is taken up: it no longer waits.
    pub start: Nanos,
    /// When it happens.
    pub effect: Nanos,
    /// When the caller learns of it.
    pub acknowledge: Nanos,
    /// How the service fares at the start. Whether the operation fails is for the caller to decide, by
    /// [`Regime::errors`].
    pub regime: Regime,
    /// Whether it opened a connection first.
    pub cold: bool,
    /// It was turned away by a rate limit: there is no effect, the caller learns so at `acknowledge`,
    /// and had better come back this many nanoseconds after `start`.
    pub throttled: Option<Nanos>,
}

impl Resource {
    /// A service of this profile. Give every resource of a run draws of its own.
    pub fn new(profile: Profile, draws: Draws) -> Resource {
        let weather = Weather::new(profile.chain(), draws);
        Resource::under(profile, weather, draws)
    }

    /// A service whose slow times and outages are those of `weather`, together with all that share it;
    /// the profile's own regimes do not count.
    pub fn under(profile: Profile, weather: Weather, draws: Draws) -> Resource {
        let cold = profile.cold_start().map(|cold| cold.latency().clone());
        let idle = profile.cold_start().map_or(Nanos::MAX, |cold| cold.idle());
        let pool = |limit| (limit > 0 || cold.is_some()).then(|| Pool::new(limit, idle));
        let mut pools = vec![pool(profile.server_limit())];
        let mut own = BTreeMap::new();
        let services = Class::ALL.map(|class| {
            let (service, like) = (profile.service(class), profile.like(class));
            let servers = service.own_servers();
            let place = if servers == 0 { 0 } else { *own.entry(like).or_insert(pools.len()) };
            if place == pools.len() {
                pools.push(pool(servers));
            }
            (service.legs().clone(), place)
        });
        let shared = profile.shared_rates();
        let state = State {
            buckets: profile.rate_limits().iter().cloned().map(Bucket::new).collect(),
            pools,
            up: Pipe::new(shared.up_bytes_per_second),
            down: Pipe::new(shared.down_bytes_per_second),
            latest: 0,
            starts: BinaryHeap::new(),
            ends: BinaryHeap::new(),
            series: Series::new(),
            totals: Totals::default(),
        };
        Resource(Arc::new(Inner {
            pauses: profile.pausing().map(|pauses| (pauses.clone(), draws.domain("pauses"))),
            stream: profile.stream_rates(),
            weather,
            cold,
            services: services.to_vec(),
            state: Mutex::new(state),
            profile,
        }))
    }

    /// The profile.
    pub fn profile(&self) -> &Profile {
        &self.0.profile
    }

    /// The weather, to be shared with other resources.
    pub fn weather(&self) -> &Weather {
        &self.0.weather
    }

    /// Takes an operation in that comes at `now` with so many bytes, and says when what will happen to
    /// it. `draws` are those of this operation and no other: of its purpose `"latency"`, draw 0 is the
    /// request or the whole, 1 the response, 2 the opening of a connection.
    pub fn admit(&self, now: Nanos, class: Class, bytes: u64, draws: Draws) -> Times {
        let (inner, draws) = (&*self.0, draws.domain("latency"));
        let (legs, pool) = &inner.services[class as usize];
        let (request, response) = legs.sample(draws);
        let mut state = lock(&inner.state);
        state.latest = state.latest.max(now);
        let ready = match state.pass_limits(class, now) {
            Ok(ready) => ready,
            Err(retry_after) => {
                state.totals.throttled += 1;
                drop(state);
                let regime = inner.weather.at(now);
                let effect = now.saturating_add(regime.factor.of(request));
                let acknowledge = effect.saturating_add(regime.factor.of(response));
                let throttled = Some(retry_after);
                return Times { start: now, effect, acknowledge, regime, cold: false, throttled };
            }
        };
        let (start, cold) = state.pools[*pool].as_mut().map_or((ready, false), |pool| pool.take(ready));
        let cold = cold && inner.cold.is_some();
        let opening = if cold { inner.cold.as_ref().map_or(0, |cold| cold.sample(draws.at(2))) } else { 0 };
        let regime = inner.weather.at(start);
        let factor = regime.factor;
        let request = factor.of(request.saturating_add(opening));
        let (up, down) = if class.is_upload() { (bytes, 0) } else { (0, bytes) };
        let sent = {
            state.up.forget(now);
            state.up.transfer(start, up, slowed(inner.stream.up_bytes_per_second, factor))
        };
        let effect = inner.through_pauses(start, request.saturating_add(sent - start));
        let received = {
            state.down.forget(now);
            state.down.transfer(effect, down, slowed(inner.stream.down_bytes_per_second, factor))
        };
        let back = factor.of(response).saturating_add(received - effect);
        let acknowledge = inner.through_pauses(effect, back);
        if let Some(pool) = &mut state.pools[*pool] {
            pool.give(acknowledge);
        }
        state.account(now, start, acknowledge);
        Times { start, effect, acknowledge, regime, cold, throttled: None }
    }

    /// When so many bytes, of an operation that was admitted without them, are through if they begin to
    /// move at `from`: those of a read, whose number nobody knows before its effect, or a chunk of a
    /// stream. At the bandwidth of the operation, of what all share, and of the weather. The server that
    /// the operation held is not held for it.
    pub fn transfer(&self, from: Nanos, class: Class, bytes: u64) -> Nanos {
        let inner = &*self.0;
        let (stream, shared) = (inner.stream, inner.profile.shared_rates());
        let upload = class.is_upload();
        let (stream, shared) = if upload {
            (stream.up_bytes_per_second, shared.up_bytes_per_second)
        } else {
            (stream.down_bytes_per_second, shared.down_bytes_per_second)
        };
        if bytes == 0 || (stream == 0 && shared == 0) {
            return from;
        }
        let rate = slowed(stream, inner.weather.at(from).factor);
        let mut state = lock(&inner.state);
        let pipe = if upload { &mut state.up } else { &mut state.down };
        inner.through_pauses(from, pipe.transfer(from, bytes, rate) - from)
    }

    /// A brown-out from one instant to another: everything takes `factor` times as long, and so many
    /// fail.
    pub fn brown_out(&self, from: Nanos, to: Nanos, factor: Factor, errors: Ratio) {
        self.0.weather.brown_out(from, to, factor, errors);
    }

    /// An outage from one instant to another: everything fails.
    pub fn outage(&self, from: Nanos, to: Nanos) {
        self.0.weather.outage(from, to);
    }

    /// From the latest admission on, the weather is normal: slow times and outages, drawn or scheduled,
    /// are over, for all that share it.
    pub fn heal(&self) {
        let latest = lock(&self.0.state).latest;
        self.0.weather.heal(latest);
    }

    /// How many wait at `now`, and how many are started and not yet acknowledged.
    pub fn depth(&self, now: Nanos) -> (u64, u64) {
        lock(&self.0.state).depth(now)
    }

    /// The load over time, in at most 512 intervals of equal length.
    pub fn load(&self) -> Vec<Load> {
        lock(&self.0.state).series.loads()
    }

    /// What it has done so far.
    pub fn totals(&self) -> Totals {
        lock(&self.0.state).totals
    }
}

fn slowed(rate: u64, factor: Factor) -> u64 {
    if rate == 0 { 0 } else { factor.divide(rate).max(1) }
}

impl Inner {
    fn through_pauses(&self, from: Nanos, work: Nanos) -> Nanos {
        match &self.pauses {
            None => from.saturating_add(work),
            Some((pauses, draws)) => pauses.through(*draws, from, work),
        }
    }
}

impl State {
    /// When all rate limits let it through; or after how long it might come back. One that is turned
    /// away takes no token.
    fn pass_limits(&mut self, class: Class, now: Nanos) -> Result<Nanos, Nanos> {
        let throttling =
            self.buckets.iter().filter(|bucket| bucket.holds(class) && bucket.over() == Over::Throttle);
        let free = throttling.map(|bucket| bucket.next(now)).max().unwrap_or(now);
        if free > now {
            return Err(free - now);
        }
        let concerned = self.buckets.iter_mut().filter(|bucket| bucket.holds(class));
        Ok(concerned.map(|bucket| bucket.take(now)).fold(now, Nanos::max))
    }

    fn depth(&mut self, now: Nanos) -> (u64, u64) {
        let reached = |heap: &mut BinaryHeap<Reverse<Nanos>>| {
            while heap.peek().is_some_and(|Reverse(at)| *at <= now) {
                heap.pop();
            }
            heap.len() as u64
        };
        let (queued, present) = (reached(&mut self.starts), reached(&mut self.ends));
        (queued, present.saturating_sub(queued))
    }

    fn account(&mut self, now: Nanos, start: Nanos, end: Nanos) {
        if start > now {
            self.starts.push(Reverse(start));
        }
        if end > now {
            self.ends.push(Reverse(end));
        }
        let (queued, in_flight) = self.depth(now);
        let totals = &mut self.totals;
        totals.admitted += 1;
        totals.waited_ns += u128::from(start - now);
        totals.served_ns += u128::from(end - start);
        totals.most_queued = totals.most_queued.max(queued);
        totals.most_in_flight = totals.most_in_flight.max(in_flight);
        self.series.add(now, start, end);
    }
}
