//! [`Workload`]: which operations, on which keys, how large and how often. Some have names.

use std::time::Duration;

use larder::{Error, ErrorKind, Result};

use super::keys::Keys;
use super::pace::Pace;
use super::request::Request;
use super::sizes::Sizes;
use crate::draw::{Draws, below};
use crate::time::Nanos;

/// What clients ask for.
#[derive(Clone, Debug)]
pub struct Workload {
    name: &'static str,
    about: &'static str,
    /// Weights of the operations.
    mix: Vec<(u64, Kind)>,
    keys: Keys,
    sizes: Sizes,
    pace: Pace,
    filled: bool,
}

/// A request without its key and its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Get,
    Exists,
    Assoc,
    Dissoc,
    Count,
    Add,
    Bget,
    Bassoc,
    Keys,
}

/// The names, in the order in which they are listed.
const NAMES: [&str; 4] = ["mixed", "hot-key", "read-mostly", "large-binaries"];

impl Workload {
    /// The workload of this name.
    ///
    /// # Errors
    /// `Invalid` if there is none; the message lists those there are.
    pub fn named(name: &str) -> Result<Workload> {
        let closed = Pace::Closed { think: Duration::from_millis(1) };
        let workload = match name {
            "mixed" => Workload {
                name: "mixed",
                about: "all operations on 100 keys, by Zipf's law, values of 64 bytes to 4 KiB",
                mix: vec![
                    (35, Kind::Get),
                    (6, Kind::Exists),
                    (20, Kind::Assoc),
                    (6, Kind::Dissoc),
                    (5, Kind::Count),
                    (15, Kind::Add),
                    (7, Kind::Bget),
                    (5, Kind::Bassoc),
                    (1, Kind::Keys),
                ],
                keys: Keys::zipf(100),
                sizes: Sizes::between(64, 4096),
                pace: closed,
                filled: false,
            },
            "hot-key" => Workload {
                name: "hot-key",
                about: "counters: four of five operations on one key, half of them updates",
                mix: vec![(50, Kind::Add), (50, Kind::Count)],
                keys: Keys::hot(80, 15),
                sizes: Sizes::exactly(0),
                pace: closed,
                filled: false,
            },
            "read-mostly" => Workload {
                name: "read-mostly",
                about: "19 of 20 operations read, 1000 keys by Zipf's law, values of 1 KiB, all there from the start",
                mix: vec![(95, Kind::Get), (5, Kind::Assoc)],
                keys: Keys::zipf(1000),
                sizes: Sizes::exactly(1024),
                pace: closed,
                filled: true,
            },
            "large-binaries" => Workload {
                name: "large-binaries",
                about: "binaries of 64 KiB to 8 MiB under 20 keys, two of three operations read",
                mix: vec![(65, Kind::Bget), (30, Kind::Bassoc), (5, Kind::Get)],
                keys: Keys::uniform(20),
                sizes: Sizes::between(64 * 1024, 8 * 1024 * 1024),
                pace: closed,
                filled: false,
            },
            _ => {
                let message = format!("no workload is called {name:?}; there are {}", NAMES.join(", "));
                return Err(Error::new(ErrorKind::Invalid, message));
            }
        };
        Ok(workload)
    }

    /// The names there are.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.into_iter()
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it does, in one line.
    pub fn about(&self) -> &'static str {
        self.about
    }

    /// When clients begin their operations.
    pub fn pace(&self) -> Pace {
        self.pace
    }

    /// With another pace.
    #[must_use]
    pub fn at_pace(self, pace: Pace) -> Workload {
        Workload { pace, ..self }
    }

    /// Of values of other sizes.
    #[must_use]
    pub fn of_sizes(self, sizes: Sizes) -> Workload {
        Workload { sizes, ..self }
    }

    /// On other keys.
    #[must_use]
    pub fn on_keys(self, keys: Keys) -> Workload {
        Workload { keys, ..self }
    }

    /// What must be there before it begins.
    pub fn filling(&self) -> impl Iterator<Item = Request> + '_ {
        let count = if self.filled { self.keys.count() } else { 0 };
        (0..count).map(|key| Request::Assoc { key, size: self.sizes.pick(0) })
    }

    /// The step with this number of a client whose draws these are.
    pub fn request(&self, draws: Draws, number: u64) -> Request {
        let draws = draws.of(number);
        let total = self.mix.iter().map(|(weight, _)| weight).sum();
        let mut at = below(draws.at(0), total);
        let kind = self.mix.iter().find_map(|(weight, kind)| match at.checked_sub(*weight) {
            Some(rest) => {
                at = rest;
                None
            }
            None => Some(*kind),
        });
        let key = self.keys.pick(draws.at(1));
        let size = self.sizes.pick(draws.at(2));
        match kind.unwrap_or(Kind::Get) {
            Kind::Get => Request::Get(key),
            Kind::Exists => Request::Exists(key),
            Kind::Assoc => Request::Assoc { key, size },
            Kind::Dissoc => Request::Dissoc(key),
            Kind::Count => Request::Count(key),
            Kind::Add => Request::Add(key),
            Kind::Bget => Request::Bget(key),
            Kind::Bassoc => Request::Bassoc { key, size },
            Kind::Keys => Request::Keys,
        }
    }

    /// When the step with this number should begin, since the client began, if this is an open loop.
    pub(super) fn intended(&self, draws: Draws, number: u64) -> Option<Nanos> {
        self.pace.intended(number, draws.of(number).at(3))
    }

    /// How long the client thinks before the step with this number.
    pub(super) fn think(&self, draws: Draws, number: u64) -> Duration {
        self.pace.think(draws.of(number).at(4))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_step_depends_on_seed_client_and_number_alone() {
        for name in Workload::names() {
            let (workload, draws) = (Workload::named(name).unwrap(), Draws::new(7));
            let forwards: Vec<Request> = (0..200).map(|n| workload.request(draws.of(1), n)).collect();
            let backwards: Vec<Request> = (0..200).rev().map(|n| workload.request(draws.of(1), n)).collect();
            assert!(forwards.iter().eq(backwards.iter().rev()));
            let other: Vec<Request> = (0..200).map(|n| workload.request(draws.of(2), n)).collect();
            assert_ne!(forwards, other);
        }
    }

    #[test]
    fn operations_come_as_often_as_the_mix_says() {
        let workload = Workload::named("mixed").unwrap();
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for n in 0..100_000 {
            *counts.entry(workload.request(Draws::new(1), n).name()).or_default() += 1;
        }
        for (name, percent) in [("get", 40), ("assoc", 20), ("update_in", 15), ("keys", 1), ("bget", 7)] {
            assert!(counts[name].abs_diff(percent * 1000) < 500, "{name}: {}", counts[name]);
        }
        assert_eq!(counts.len(), 8);
    }

    #[test]
    fn an_unknown_name_is_told_the_known_ones() {
        let error = Workload::named("mixd").unwrap_err();
        assert!(error.to_string().contains("mixed, hot-key, read-mostly, large-binaries"), "{error}");
        for name in Workload::names() {
            assert_eq!(Workload::named(name).unwrap().name(), name);
        }
    }

    #[test]
    fn what_is_read_mostly_is_there_from_the_start() {
        assert_eq!(Workload::named("read-mostly").unwrap().filling().count(), 1000);
        assert_eq!(Workload::named("mixed").unwrap().filling().count(), 0);
    }
}
