//! Changing a profile: by methods, and by text as in a URL.

use larder::Result;

use super::{Cold, Legs, Profile, Rates, Service};
use crate::latency::class::Class;
use crate::latency::factor::Factor;
use crate::latency::limit::Limit;
use crate::latency::pauses::Pauses;
use crate::latency::regime::Regimes;
use crate::latency::text::invalid;

impl Profile {
    /// Under this name.
    #[must_use]
    pub fn rename(self, name: &str) -> Profile {
        Profile { name: name.to_owned(), ..self }
    }

    /// With these words about where its figures come from.
    #[must_use]
    pub fn describe(self, about: &str, sources: &[&str], date: &str, note: &str) -> Profile {
        let sources = sources.iter().map(|source| (*source).to_owned()).collect();
        Profile { about: about.to_owned(), sources, date: date.to_owned(), note: note.to_owned(), ..self }
    }

    /// This class takes so long.
    #[must_use]
    pub fn legs(self, class: Class, legs: Legs) -> Profile {
        let mut service = self.service(class);
        service.set_legs(legs);
        self.with_service(class, service)
    }

    /// This class is served like this.
    #[must_use]
    pub fn with_service(mut self, class: Class, service: Service) -> Profile {
        // A profile with classes has read and write.
        for class in [Class::Read, Class::Write] {
            self.classes.entry(class).or_default();
        }
        self.classes.insert(class, service);
        self
    }

    /// So many operations are served at once, others wait in line. 0: no limit.
    #[must_use]
    pub fn servers(self, servers: u32) -> Profile {
        Profile { servers, ..self }
    }

    /// This class has so many servers of its own (0: it uses those of the profile).
    #[must_use]
    pub fn class_servers(self, class: Class, servers: u32) -> Profile {
        let service = self.service(class).servers(servers);
        self.with_service(class, service)
    }

    /// One operation moves so many bytes a second, in either direction. 0: no limit.
    #[must_use]
    pub fn per_byte(self, bytes_per_second: u64) -> Profile {
        let rate = bytes_per_second;
        Profile { stream: Rates { up_bytes_per_second: rate, down_bytes_per_second: rate }, ..self }
    }

    /// The bandwidth of one operation.
    #[must_use]
    pub fn stream(self, stream: Rates) -> Profile {
        Profile { stream, ..self }
    }

    /// The bandwidth that all operations share.
    #[must_use]
    pub fn shared(self, shared: Rates) -> Profile {
        Profile { shared, ..self }
    }

    /// One more rate limit.
    #[must_use]
    pub fn limit(mut self, limit: Limit) -> Profile {
        self.limits.push(limit);
        self
    }

    /// No rate limits.
    #[must_use]
    pub fn no_limits(mut self) -> Profile {
        self.limits.clear();
        self
    }

    /// New connections cost this.
    #[must_use]
    pub fn cold(self, cold: Option<Cold>) -> Profile {
        Profile { cold, ..self }
    }

    /// It stands still at times.
    #[must_use]
    pub fn pauses(self, pauses: Option<Pauses>) -> Profile {
        Profile { pauses, ..self }
    }

    /// Its slow times and outages, in place of those it had: a [`BrownOut`](crate::latency::BrownOut), or
    /// [`Regimes`].
    #[must_use]
    pub fn regime(self, regimes: impl Into<Regimes>) -> Profile {
        Profile { regimes: regimes.into(), ..self }
    }

    /// All latencies so many times as long.
    #[must_use]
    pub fn scaled(mut self, factor: Factor) -> Profile {
        for service in self.classes.values_mut() {
            let legs = match service.legs() {
                Legs::Whole { latency, effect_percent } => {
                    Legs::Whole { latency: latency.scaled(factor), effect_percent: *effect_percent }
                }
                Legs::Apart { request, response } => {
                    Legs::Apart { request: request.scaled(factor), response: response.scaled(factor) }
                }
            };
            service.set_legs(legs);
        }
        self
    }

    /// The names that [`set`](Profile::set) knows.
    pub const SETTINGS: [&str; 3] = ["servers", "per-byte", "scale"];

    /// Changes one figure by text, as an option of a URL does: `servers` (a number), `per-byte` (bytes
    /// per second of one operation), `scale` (percent of every latency).
    ///
    /// # Errors
    /// `Invalid` if the name is unknown or the value is no whole number.
    pub fn set(self, name: &str, value: &str) -> Result<Profile> {
        let wrong = || invalid(format!("{name}={value}: give a whole number that is not negative"));
        match name {
            "servers" => Ok(self.servers(value.parse().map_err(|_| wrong())?)),
            "per-byte" => Ok(self.per_byte(value.parse().map_err(|_| wrong())?)),
            "scale" => Ok(self.scaled(Factor::percent(value.parse().map_err(|_| wrong())?))),
            _ => Err(invalid(format!(
                "a profile has no setting {name:?}; there are {}",
                Profile::SETTINGS.join(", ")
            ))),
        }
    }
}
