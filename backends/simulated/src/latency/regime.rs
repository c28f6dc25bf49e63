//! [`Regime`]: how a service fares at a moment. [`Regimes`] is how regimes follow one another: a Markov
//! chain that stays in each for an exponentially distributed time.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use larder::Result;
use serde::{Deserialize, Serialize};

use super::factor::Factor;
use super::text::{Span, invalid};
use crate::draw::Ratio;

/// The name of a regime.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegimeKind {
    /// As the latencies say.
    #[default]
    Normal,
    /// Slower.
    Slow,
    /// Much slower, and some operations fail.
    BrownOut,
    /// Everything fails.
    Down,
}

impl RegimeKind {
    /// The name in profiles and reports, such as `"brown-out"`.
    pub const fn name(self) -> &'static str {
        match self {
            RegimeKind::Normal => "normal",
            RegimeKind::Slow => "slow",
            RegimeKind::BrownOut => "brown-out",
            RegimeKind::Down => "down",
        }
    }
}

impl fmt::Display for RegimeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How a service fares at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Regime {
    /// Its name.
    pub kind: RegimeKind,
    /// How many times longer everything takes.
    pub factor: Factor,
    /// How many operations fail.
    pub errors: Ratio,
}

impl Regime {
    /// Nothing is out of the ordinary.
    pub const NORMAL: Regime = Regime { kind: RegimeKind::Normal, factor: Factor::ONE, errors: Ratio::ZERO };
    /// Nothing works.
    pub const DOWN: Regime = Regime { kind: RegimeKind::Down, factor: Factor::ONE, errors: Ratio::ONE };
}

/// One state of the chain, as it stands in a profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    kind: RegimeKind,
    mean: Span,
    #[serde(default)]
    factor_percent: Factor,
    #[serde(default)]
    errors_per_million: u32,
    next: BTreeMap<RegimeKind, u32>,
}

impl Phase {
    /// A regime that lasts for `mean` on average, in which everything takes `factor` times as long and
    /// so many operations in a million fail. Add what may follow it with [`then`](Phase::then).
    pub fn new(kind: RegimeKind, mean: Duration, factor: Factor, errors_per_million: u32) -> Phase {
        Phase {
            kind,
            mean: Span::of(mean),
            factor_percent: factor,
            errors_per_million,
            next: BTreeMap::new(),
        }
    }

    /// This may follow, with such a weight among all that may.
    #[must_use]
    pub fn then(mut self, kind: RegimeKind, weight: u32) -> Phase {
        self.next.insert(kind, weight);
        self
    }

    pub(super) fn regime(&self) -> Regime {
        Regime {
            kind: self.kind,
            factor: self.factor_percent,
            errors: Ratio::millionths(self.errors_per_million.into()),
        }
    }

    pub(super) fn mean(&self) -> Duration {
        Duration::from_nanos(self.mean.0)
    }

    pub(super) fn next(&self) -> impl Iterator<Item = (RegimeKind, u32)> + Clone + '_ {
        self.next.iter().map(|(kind, weight)| (*kind, *weight))
    }
}

/// How regimes follow one another. It begins in the first phase. None at all: always normal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Phase>", into = "Vec<Phase>")]
pub struct Regimes(Vec<Phase>);

impl Regimes {
    /// Always normal.
    pub fn calm() -> Regimes {
        Regimes::default()
    }

    /// A chain of these phases.
    ///
    /// # Errors
    /// `Invalid` if a kind stands twice, a phase lasts for less than a millisecond on average, more
    /// than a million in a million fail, or what follows a phase is missing.
    pub fn new(phases: Vec<Phase>) -> Result<Regimes> {
        for (at, phase) in phases.iter().enumerate() {
            let name = phase.kind.name();
            if phases[..at].iter().any(|other| other.kind == phase.kind) {
                return Err(invalid(format!("the regime {name} stands twice; join the two")));
            }
            if phase.mean.0 < 1_000_000 {
                return Err(invalid(format!(
                    "the regime {name} lasts for less than a millisecond; raise its mean"
                )));
            }
            if phase.errors_per_million > 1_000_000 {
                return Err(invalid(format!(
                    "in the regime {name} more fail than there are; 1000000 is all"
                )));
            }
            if phase.next().map(|(_, weight)| u64::from(weight)).sum::<u64>() == 0 {
                return Err(invalid(format!(
                    "nothing follows the regime {name}; give it \"next\" with a weight"
                )));
            }
            if let Some((kind, _)) = phase.next().find(|(kind, _)| !phases.iter().any(|p| p.kind == *kind)) {
                return Err(invalid(format!("after the regime {name} comes {kind}, which is not described")));
            }
        }
        Ok(Regimes(phases))
    }

    pub(super) fn phases(&self) -> &[Phase] {
        &self.0
    }
}

impl TryFrom<Vec<Phase>> for Regimes {
    type Error = larder::Error;

    fn try_from(phases: Vec<Phase>) -> Result<Regimes> {
        Regimes::new(phases)
    }
}

impl From<Regimes> for Vec<Phase> {
    fn from(regimes: Regimes) -> Vec<Phase> {
        regimes.0
    }
}

/// Brown-outs that come now and then: twenty times slower for half a minute, one in twenty failing,
/// unless said otherwise.
///
/// ```
/// use std::time::Duration;
/// use larder_simulated::latency::{BrownOut, Factor, Profile};
///
/// let bad_day = Profile::named("s3-standard")?.regime(
///     BrownOut::every(Duration::from_secs(600)).lasting(Duration::from_secs(30)).factor(Factor::times(20)),
/// );
/// # Ok::<(), larder::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BrownOut {
    every: Duration,
    lasting: Duration,
    factor: Factor,
    errors_per_million: u32,
}

impl BrownOut {
    /// With such a time between one and the next, on average (a millisecond at least).
    pub fn every(mean: Duration) -> BrownOut {
        BrownOut {
            every: mean,
            lasting: Duration::from_secs(30),
            factor: Factor::times(20),
            errors_per_million: 50_000,
        }
    }

    /// So long on average (a millisecond at least).
    #[must_use]
    pub fn lasting(self, mean: Duration) -> BrownOut {
        BrownOut { lasting: mean, ..self }
    }

    /// So many times slower.
    #[must_use]
    pub fn factor(self, factor: Factor) -> BrownOut {
        BrownOut { factor, ..self }
    }

    /// So many operations in a million fail, all at most.
    #[must_use]
    pub fn errors_per_million(self, errors: u32) -> BrownOut {
        BrownOut { errors_per_million: errors.min(1_000_000), ..self }
    }
}

impl From<BrownOut> for Regimes {
    fn from(brown_out: BrownOut) -> Regimes {
        use RegimeKind::{BrownOut, Normal};
        let least = Duration::from_millis(1);
        let normal = Phase::new(Normal, brown_out.every.max(least), Factor::ONE, 0).then(BrownOut, 1);
        let slow = Phase::new(
            BrownOut,
            brown_out.lasting.max(least),
            brown_out.factor,
            brown_out.errors_per_million,
        );
        Regimes(vec![normal, slow.then(Normal, 1)])
    }
}
