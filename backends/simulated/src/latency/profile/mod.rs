//! [`Profile`]: a storage service as a text that people can read and correct: latencies, bandwidth,
//! servers, rate limits, slow periods, with their sources.

mod change;
mod service;
mod shipped;

use std::collections::BTreeMap;
use std::time::Duration;

use larder::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

pub use self::service::{Documented, Legs, Service};
use super::class::Class;
use super::limit::Limit;
use super::model::Latency;
use super::pauses::Pauses;
use super::regime::Regimes;
use super::text::{Span, invalid};

/// How long a storage service takes for what. The figures of the shipped ones are indicative:
/// calibrate yours with a [`Recorder`](super::Recorder).
///
/// As text it is JSON; times are written like `"25ms"` or `"1ms 500us"`. What is left out does not
/// happen or has no limit.
///
/// | field | meaning |
/// |---|---|
/// | `name`, `about` | what it is called, and what it describes |
/// | `sources`, `date`, `note` | where the figures come from, from when they are, how far to trust them |
/// | `classes` | by class, a [`Service`]. `read` and `write` must be there unless all are missing; `head` and `list` default to `read`, `remove` and `batch` to `write`, `sync` to no time; they then share its servers |
/// | `servers` | operations that are served at once, of all classes that have no `servers` of their own; others wait in line. 0: no limit |
/// | `stream` | `up_bytes_per_second` and `down_bytes_per_second` of one operation. 0: no limit |
/// | `shared` | the same, for all operations together |
/// | `limits` | rate limits: `classes`, `per_second`, `burst`, and `over`: `"wait"` or `"throttle"` |
/// | `cold` | what the first operation on a connection takes in addition: `latency`, and after how long `idle` a connection closes |
/// | `pauses` | moments in which all stands still: one in `every` such period, for a `length` |
/// | `regimes` | slow times and outages: a list of `kind` (`normal`, `slow`, `brown-out`, `down`), `mean` length, `factor_percent`, `errors_per_million`, and `next`: the weights of what may follow. The first is where it begins |
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    name: String,
    #[serde(default)]
    about: String,
    #[serde(default)]
    sources: Vec<String>,
    #[serde(default)]
    date: String,
    #[serde(default)]
    note: String,
    #[serde(default)]
    classes: BTreeMap<Class, Service>,
    #[serde(default)]
    servers: u32,
    #[serde(default)]
    stream: Rates,
    #[serde(default)]
    shared: Rates,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    limits: Vec<Limit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cold: Option<Cold>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pauses: Option<Pauses>,
    #[serde(default, skip_serializing_if = "no_phases")]
    regimes: Regimes,
}

fn no_phases(regimes: &Regimes) -> bool {
    regimes.phases().is_empty()
}

/// Bandwidth in both directions. 0 is unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rates {
    /// Towards the service.
    pub up_bytes_per_second: u64,
    /// From the service.
    pub down_bytes_per_second: u64,
}

/// What opening a connection costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cold {
    latency: Latency,
    idle: Span,
}

impl Cold {
    /// The first operation on a connection takes `latency` longer. A connection that was not used for
    /// `idle` has closed.
    pub fn new(latency: Latency, idle: Duration) -> Cold {
        Cold { latency, idle: Span::of(idle) }
    }

    /// What it costs.
    pub fn latency(&self) -> &Latency {
        &self.latency
    }

    pub(super) fn idle(&self) -> crate::time::Nanos {
        self.idle.0
    }
}

impl Profile {
    /// A service that takes no time and has no limits, to be given some.
    pub fn new(name: &str) -> Profile {
        Profile {
            name: name.to_owned(),
            about: String::new(),
            sources: Vec::new(),
            date: String::new(),
            note: String::new(),
            classes: BTreeMap::new(),
            servers: 0,
            stream: Rates::default(),
            shared: Rates::default(),
            limits: Vec::new(),
            cold: None,
            pauses: None,
            regimes: Regimes::calm(),
        }
    }

    /// No latency and no limit: a wrapper with this profile is invisible.
    pub fn none() -> Profile {
        Profile::new("none")
    }

    /// The names of the shipped profiles.
    pub fn names() -> impl Iterator<Item = &'static str> + Clone {
        shipped::TEXTS.iter().map(|(name, _)| *name)
    }

    /// A shipped profile, or `"none"`.
    ///
    /// # Errors
    /// `Invalid` if there is none of that name; the message lists those there are.
    pub fn named(name: &str) -> Result<Profile> {
        if name == "none" {
            return Ok(Profile::none());
        }
        let text = shipped::TEXTS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text);
        text.map_or_else(
            || {
                let names: Vec<&str> = Profile::names().collect();
                Err(invalid(format!("no profile is called {name:?}; there are none, {}", names.join(", "))))
            },
            Profile::parse,
        )
    }

    /// Reads a profile from its text.
    ///
    /// # Errors
    /// `Invalid` with line and column if it is no JSON, a field is unknown, or a figure makes no sense.
    pub fn parse(text: &str) -> Result<Profile> {
        let profile: Profile = serde_json::from_str(text).map_err(|why| {
            Error::new(ErrorKind::Invalid, "the profile cannot be read; correct its text").with_source(why)
        })?;
        let lacks = |class| !profile.classes.contains_key(&class);
        if !profile.classes.is_empty() && (lacks(Class::Read) || lacks(Class::Write)) {
            return Err(invalid(format!(
                "the profile {:?} describes some classes, but not both read and write; add them",
                profile.name
            )));
        }
        if let Some(limit) = profile.limits.iter().find(|limit| limit.burst == 0 || limit.classes.is_empty())
        {
            return Err(invalid(format!(
                "the limit of {} a second lets nothing through or concerns no class; give it a burst of 1 \
                 or more, and classes",
                limit.per_second
            )));
        }
        Ok(profile)
    }

    /// The text of the profile; [`parse`](Profile::parse) reads it back.
    pub fn to_text(&self) -> String {
        // Maps have text keys and no value can fail to be written.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it describes.
    pub fn about(&self) -> &str {
        &self.about
    }

    /// Where its figures come from.
    pub fn sources(&self) -> &[String] {
        &self.sources
    }

    /// From when they are, as `YYYY-MM-DD`.
    pub fn date(&self) -> &str {
        &self.date
    }

    /// How far to trust them.
    pub fn note(&self) -> &str {
        &self.note
    }

    /// How a class of operation is served.
    pub fn service(&self, class: Class) -> Service {
        self.classes.get(&self.like(class)).cloned().unwrap_or_default()
    }

    /// The class whose description holds for this one.
    pub(super) fn like(&self, class: Class) -> Class {
        match class {
            _ if self.classes.contains_key(&class) => class,
            Class::Head | Class::List => Class::Read,
            Class::Remove | Class::Batch => Class::Write,
            Class::Read | Class::Write | Class::Sync => class,
        }
    }

    /// How long an operation of this class with so many bytes takes when nothing is in its way: no
    /// queue, no cold connection, no slow period.
    pub fn unloaded(&self, class: Class, bytes: u64) -> Latency {
        let rate = |rates: Rates| {
            if class.is_upload() { rates.up_bytes_per_second } else { rates.down_bytes_per_second }
        };
        let rates = [rate(self.stream), rate(self.shared)];
        let rate = rates.into_iter().filter(|rate| *rate > 0).min();
        let transfer = rate.map_or(0, |rate| (u128::from(bytes) * 1_000_000_000).div_ceil(u128::from(rate)));
        let total = self.service(class).legs().total();
        if transfer == 0 {
            total
        } else {
            total.plus(Duration::from_nanos(transfer.min(u64::MAX.into()) as u64))
        }
    }

    pub(super) fn server_limit(&self) -> u32 {
        self.servers
    }

    pub(super) fn stream_rates(&self) -> Rates {
        self.stream
    }

    pub(super) fn shared_rates(&self) -> Rates {
        self.shared
    }

    pub(super) fn rate_limits(&self) -> &[Limit] {
        &self.limits
    }

    pub(super) fn cold_start(&self) -> Option<&Cold> {
        self.cold.as_ref()
    }

    pub(super) fn pausing(&self) -> Option<&Pauses> {
        self.pauses.as_ref()
    }

    /// How regimes follow one another in it.
    pub fn chain(&self) -> &Regimes {
        &self.regimes
    }
}
