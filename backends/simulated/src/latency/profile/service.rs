//! [`Service`]: how one class of operation is served.

use std::time::Duration;

use larder::Result;
use serde::{Deserialize, Serialize};

use crate::draw::Draws;
use crate::latency::model::Latency;
use crate::latency::text::{Span, invalid};
use crate::time::Nanos;

/// The two legs of an operation: to the effect, and from there to the acknowledgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Legs {
    /// One time for both, of which the effect comes after so many percent. One draw.
    Whole {
        /// The time from start to acknowledgement.
        latency: Latency,
        /// 0 (at the start) to 100 (at the acknowledgement).
        effect_percent: u8,
    },
    /// Two times, independent of each other. Two draws.
    Apart {
        /// From the start to the effect.
        request: Latency,
        /// From the effect to the acknowledgement.
        response: Latency,
    },
}

impl Legs {
    /// Both legs of one operation: request and response. Draw 0 is the first, draw 1 the second.
    pub fn sample(&self, draws: Draws) -> (Nanos, Nanos) {
        match self {
            Legs::Whole { latency, effect_percent } => {
                let whole = latency.sample(draws.at(0));
                // A year in nanoseconds, times 100, is less than 2^64.
                let request = whole * u64::from(*effect_percent).min(100) / 100;
                (request, whole - request)
            }
            Legs::Apart { request, response } => (request.sample(draws.at(0)), response.sample(draws.at(1))),
        }
    }

    /// The time from start to acknowledgement, as one distribution.
    pub fn total(&self) -> Latency {
        match self {
            Legs::Whole { latency, .. } => latency.clone(),
            Legs::Apart { request, response } => request.then(response),
        }
    }
}

/// The quantiles that the sources give, for comparison with what the model makes of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Documented {
    p50: Span,
    p99: Span,
}

impl Documented {
    /// The median.
    pub fn p50(&self) -> Duration {
        Duration::from_nanos(self.p50.0)
    }

    /// The 99th percentile.
    pub fn p99(&self) -> Duration {
        Duration::from_nanos(self.p99.0)
    }
}

/// How one class of operation is served.
///
/// In a profile: either `latency` from start to acknowledgement and `effect_percent` (how much of it
/// passes before the effect, 50 unless given), or `request` and `response` apart; `servers`, if the
/// class does not use those of the profile; and `documented`, the `p50` and `p99` of the sources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Text", into = "Text")]
pub struct Service {
    legs: Legs,
    servers: u32,
    documented: Option<Documented>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    latency: Option<Latency>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    effect_percent: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<Latency>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    response: Option<Latency>,
    #[serde(default, skip_serializing_if = "is_zero")]
    servers: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    documented: Option<Documented>,
}

fn is_zero(servers: &u32) -> bool {
    *servers == 0
}

impl Service {
    /// Served in these legs.
    pub fn new(legs: Legs) -> Service {
        Service { legs, servers: 0, documented: None }
    }

    /// By servers of its own, so many (0: those of the profile).
    #[must_use]
    pub fn servers(self, servers: u32) -> Service {
        Service { servers, ..self }
    }

    /// The legs.
    pub fn legs(&self) -> &Legs {
        &self.legs
    }

    /// How many servers of its own it has; 0 if it uses those of the profile.
    pub fn own_servers(&self) -> u32 {
        self.servers
    }

    /// What the sources say.
    pub fn documented(&self) -> Option<Documented> {
        self.documented
    }

    pub(super) fn set_legs(&mut self, legs: Legs) {
        self.legs = legs;
        self.documented = None;
    }
}

impl Default for Service {
    /// In no time.
    fn default() -> Service {
        Service::new(Legs::Whole { latency: Latency::zero(), effect_percent: 50 })
    }
}

impl TryFrom<Text> for Service {
    type Error = larder::Error;

    fn try_from(text: Text) -> Result<Service> {
        let legs = match (text.latency, text.effect_percent, text.request, text.response) {
            (Some(latency), percent, None, None) => {
                let effect_percent = percent.unwrap_or(50);
                if effect_percent > 100 {
                    return Err(invalid("effect_percent is above 100; 100 is at the acknowledgement"));
                }
                Legs::Whole { latency, effect_percent }
            }
            (None, None, Some(request), Some(response)) => Legs::Apart { request, response },
            _ => {
                return Err(invalid(
                    "a class needs either \"latency\" (with \"effect_percent\"), or \"request\" and \"response\"",
                ));
            }
        };
        Ok(Service { legs, servers: text.servers, documented: text.documented })
    }
}

impl From<Service> for Text {
    fn from(service: Service) -> Text {
        let Service { legs, servers, documented } = service;
        let (latency, effect_percent, request, response) = match legs {
            Legs::Whole { latency, effect_percent } => (Some(latency), Some(effect_percent), None, None),
            Legs::Apart { request, response } => (None, None, Some(request), Some(response)),
        };
        Text { latency, effect_percent, request, response, servers, documented }
    }
}
