//! [`Builder`]: what lies between a backend and its user.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex};

use larder::{Backend, Result};

use super::Simulated;
use super::log::Log;
use super::past::Past;
use super::server::{Reopen, Server};
use super::world::{OnCancel, Pause, World};
use crate::draw::Draws;
use crate::fault::{Counters, FaultKind, Faults};
use crate::latency::{Profile, Resource};
use crate::time::{Timeline, VirtualClock};

/// Faults that change what is stored or read, and so need what was stored before.
const ALTERING: [FaultKind; 7] = [
    FaultKind::StaleRead,
    FaultKind::StaleList,
    FaultKind::Torn,
    FaultKind::Rot,
    FaultKind::Misdirect,
    FaultKind::LostWrite,
    FaultKind::AckBeforeSync,
];

/// What lies between a backend and its user: without more, nothing.
pub struct Builder<B> {
    inner: B,
    timeline: Arc<dyn Timeline>,
    seed: u64,
    name: String,
    service: Service,
    faults: Faults,
    log: Option<Log>,
    on_cancel: OnCancel,
    ordered: bool,
    external: bool,
    clock: Option<VirtualClock>,
    reopen: Option<Reopen<B>>,
}

enum Service {
    Profile(Box<Profile>),
    Resource(Resource),
}

impl<B: Backend> Builder<B> {
    pub(super) fn new(inner: B, timeline: Arc<dyn Timeline>, seed: u64) -> Builder<B> {
        let name = inner.capabilities().name.to_owned();
        Builder {
            inner,
            timeline,
            seed,
            name,
            service: Service::Profile(Box::new(Profile::none())),
            faults: Faults::none(),
            log: None,
            on_cancel: OnCancel::Detach,
            ordered: true,
            external: false,
            clock: None,
            reopen: None,
        }
    }

    /// The name of the store, for logs; stores of one seed with different names have different fates.
    /// The backend's, unless said otherwise.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Builder<B> {
        Builder { name: name.into(), ..self }
    }

    /// It takes as long as this: a service that nobody else uses.
    #[must_use]
    pub fn profile(self, profile: Profile) -> Builder<B> {
        Builder { service: Service::Profile(Box::new(profile)), ..self }
    }

    /// It takes as long as this service, which others may use, too: they load each other, and have the
    /// same slow times and outages.
    #[must_use]
    pub fn resource(self, resource: Resource) -> Builder<B> {
        Builder { service: Service::Resource(resource), ..self }
    }

    /// This can go wrong.
    #[must_use]
    pub fn faults(self, faults: Faults) -> Builder<B> {
        Builder { faults, ..self }
    }

    /// What becomes of every operation is written down here.
    #[must_use]
    pub fn log(self, log: &Log) -> Builder<B> {
        Builder { log: Some(log.clone()), ..self }
    }

    /// What becomes of an operation whose reply is dropped before its effect.
    #[must_use]
    pub fn on_cancel(self, on_cancel: OnCancel) -> Builder<B> {
        Builder { on_cancel, ..self }
    }

    /// What one client changes under one key need not take effect in the order of its calls, as over many
    /// connections: also a write whose caller has gone may then undo a later one that was acknowledged.
    #[must_use]
    pub fn unordered(self) -> Builder<B> {
        Builder { ordered: false, ..self }
    }

    /// The backend works in threads or beyond a socket: virtual time stands still while it does. Not for
    /// backends that wait for virtual time themselves.
    #[must_use]
    pub fn external(self) -> Builder<B> {
        Builder { external: true, ..self }
    }

    /// The clock whose time of day jumps by [`ClockStep`](FaultKind::ClockStep).
    #[must_use]
    pub fn clock(self, clock: &VirtualClock) -> Builder<B> {
        Builder { clock: Some(clock.clone()), ..self }
    }

    /// How the store is opened again after a crash. Without this, the same backend comes back, and has
    /// lost nothing but what was under way.
    #[must_use]
    pub fn reopen<F>(self, reopen: impl Fn() -> F + Send + Sync + 'static) -> Builder<B>
    where
        F: Future<Output = Result<B>> + Send + 'static,
    {
        Builder { reopen: Some(Box::new(move || Box::pin(reopen()))), ..self }
    }

    /// The store, for client 0.
    pub fn build(self) -> Simulated<B> {
        let draws = Draws::new(self.seed).domain("store").domain(&self.name);
        let resource = match self.service {
            Service::Profile(profile) => Resource::new(*profile, draws.domain("resource")),
            Service::Resource(resource) => resource,
        };
        let decider = self.faults.decider(draws.domain("swarm").at(0));
        let remembers = decider.may(&ALTERING) || decider.quota().is_some();
        let world = World {
            name: self.name.into(),
            bare: *resource.profile() == Profile::none(),
            timeline: self.timeline,
            resource,
            server: Server::new(self.inner, self.reopen),
            on_cancel: self.on_cancel,
            ordered: self.ordered,
            external: self.external,
            counters: Counters::new(),
            log: self.log,
            draws: draws.domain("clients"),
            quiet: AtomicBool::new(decider.is_quiet()),
            decider,
            past: remembers.then(|| Mutex::new(Past::default())),
            clock: self.clock,
            clients: Mutex::new(BTreeMap::new()),
            injected: Mutex::new(Vec::new()),
            hung: Mutex::new(Vec::new()),
            pause: Pause::default(),
            latest_effect: AtomicU64::new(0),
        };
        let client = world.client(0);
        Simulated { world: Arc::new(world), client }
    }
}

impl<B: fmt::Debug> fmt::Debug for Builder<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("inner", &self.inner)
            .field("name", &self.name)
            .field("seed", &self.seed)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}
