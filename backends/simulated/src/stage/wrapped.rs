//! [`Wrap`] and [`Wrapped`]: a backend of a run, and the handles to it.

use std::fmt;
use std::sync::Arc;

use larder::{Backend, Larder, Records};

use super::staging::{Staging, Store};
use crate::draw::Draws;
use crate::fault::Faults;
use crate::history::Recorder;
use crate::latency::{Profile, Resource};
use crate::run::Context;
use crate::store::{Builder, Log, Simulated};
use crate::time::VirtualClock;

/// A backend that is being wrapped. Without more, it is only recorded.
#[must_use = "say `.build()`"]
pub struct Wrap<B> {
    backend: B,
    cx: Context,
    staging: Arc<Staging>,
    name: String,
    profile: Profile,
    /// In place of one made of the profile.
    resource: Option<Resource>,
    faults: Faults,
    configure: Vec<Configure<B>>,
}

type Configure<B> = Box<dyn FnOnce(Builder<B>) -> Builder<B>>;

impl<B: Backend> Wrap<B> {
    pub(super) fn new(backend: B, cx: Context) -> Wrap<B> {
        let staging = cx.extension::<Staging>();
        let name = match staging.count() {
            0 => "store".to_owned(),
            more => format!("store {}", more + 1),
        };
        Wrap {
            backend,
            cx,
            staging,
            name,
            profile: Profile::none(),
            resource: None,
            faults: Faults::none(),
            configure: Vec::new(),
        }
    }

    /// The name in reports, which is also part of what decides its fate: stores of one run must have different
    /// ones. `store`, `store 2` and so on if it is not said.
    pub fn named(self, name: impl Into<String>) -> Wrap<B> {
        Wrap { name: name.into(), ..self }
    }

    /// It takes as long as this.
    pub fn profile(self, profile: Profile) -> Wrap<B> {
        Wrap { profile, resource: None, ..self }
    }

    /// It takes as long as this service, which other stores may use, too.
    pub fn resource(self, resource: Resource) -> Wrap<B> {
        Wrap { resource: Some(resource), ..self }
    }

    /// This can go wrong.
    pub fn faults(self, faults: Faults) -> Wrap<B> {
        Wrap { faults, ..self }
    }

    /// Whatever else a [`Builder`] can be told.
    pub fn configure(mut self, configure: impl FnOnce(Builder<B>) -> Builder<B> + 'static) -> Wrap<B> {
        self.configure.push(Box::new(configure));
        self
    }

    /// The store. When a failure of the run is cut down, each of its faults is an item.
    pub fn build(self) -> Wrapped<B> {
        let (clock, seed) = (self.cx.clock().clone(), self.cx.seed().value());
        let plan = format!("faults of {}", self.name);
        let faults = self.cx.given(&plan).map_or(self.faults, Faults::planned);
        let draws = Draws::new(seed).domain("stage").domain(&self.name);
        let resource = self.resource.unwrap_or_else(|| Resource::new(self.profile, draws));
        let log = Log::new();
        let recorder = Recorder::with_clock(Arc::new(clock.clone()));
        let builder = Simulated::builder(self.backend, Arc::new(clock.clone()), seed)
            .named(self.name.clone())
            .resource(resource.clone())
            .faults(faults)
            .clock(&clock)
            .log(&log);
        let store = self.configure.into_iter().fold(builder, |builder, configure| configure(builder)).build();
        let (counted, healed, struck) = (store.clone(), store.clone(), store.clone());
        self.cx.at_end(move |cx| {
            cx.found(&plan, &struck.injected());
            Ok(())
        });
        self.staging.add(Store {
            name: self.name,
            log,
            recorder: recorder.clone(),
            resource,
            counts: Box::new(move || counted.counts()),
            heal: Box::new(move || healed.heal()),
        });
        Wrapped { store, recorder, clock }
    }
}

impl<B: fmt::Debug> fmt::Debug for Wrap<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wrap")
            .field("name", &self.name)
            .field("backend", &self.backend)
            .finish_non_exhaustive()
    }
}

/// A store of a run. Clones are the same store.
pub struct Wrapped<B> {
    store: Simulated<B>,
    recorder: Recorder,
    clock: VirtualClock,
}

impl<B: Backend> Wrapped<B> {
    /// A handle for this client, recorded. Every handle is one process: what goes through one handle is combined as
    /// within a process, what goes through several meets only in the store. Within a process, clone the
    /// handle.
    pub fn larder(&self, client: u64) -> Larder {
        let records = Records::with_clock(self.store.client(client), Arc::new(self.clock.clone()));
        Larder::over(Arc::new(self.recorder.record(client, Arc::new(records))))
    }

    /// The store beneath, to crash it, pause it, or look behind it.
    pub fn store(&self) -> &Simulated<B> {
        &self.store
    }

    /// The recorder, to note what goes past the handles.
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }
}

impl<B> Clone for Wrapped<B> {
    fn clone(&self) -> Wrapped<B> {
        Wrapped { store: self.store.clone(), recorder: self.recorder.clone(), clock: self.clock.clone() }
    }
}

impl<B: fmt::Debug> fmt::Debug for Wrapped<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wrapped").field("store", &self.store).finish_non_exhaustive()
    }
}
