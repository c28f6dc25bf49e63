//! Making a profile of a recording.

use std::collections::BTreeMap;
use std::time::Duration;

use larder::Result;

use super::{Cell, Recording, SizeClass};
use crate::latency::class::Class;
use crate::latency::factor::Factor;
use crate::latency::model::Latency;
use crate::latency::profile::{Legs, Profile, Rates, Service};
use crate::latency::regime::{Phase, RegimeKind, Regimes};
use crate::latency::text::invalid;
use crate::time::Nanos;

/// With fewer samples in a size class, another is looked at first.
const ENOUGH: u64 = 30;

impl Recording {
    /// A profile of what was recorded: for every class the times of its smallest operations, as they
    /// were distributed; the bandwidth from how much longer the larger ones took, by medians; the share
    /// of errors.
    ///
    /// What no recording shows is not in it: how many are served at once, rate limits, when it is slow.
    /// Record one operation at a time, or waiting in line counts as latency. Where the effect lies is
    /// not seen either; it is put in the middle.
    ///
    /// # Errors
    /// `Invalid` if nothing was recorded.
    pub fn fit(&self) -> Result<Profile> {
        let (operations, errors) = self.counts();
        if operations == 0 {
            return Err(invalid("the recording is empty; run some operations through the recorder first"));
        }
        let up = self.bandwidth(&[Class::Write, Class::Batch]);
        let down = self.bandwidth(&[Class::Read]);
        let mut profile = Profile::new(&format!("{}-recorded", self.backend))
            .stream(Rates { up_bytes_per_second: up, down_bytes_per_second: down });
        let mut missing = Vec::new();
        for class in Class::ALL {
            let Some(base) = base(&self.sizes(class)) else {
                missing.push(class.name());
                continue;
            };
            let rate = if class.is_upload() { up } else { down };
            let transfer = transfer(base.mean_bytes(), rate);
            let latency = Latency::from_histogram(&base.times)?.less(transfer);
            profile = profile.with_service(class, Service::new(Legs::Whole { latency, effect_percent: 50 }));
        }
        if errors > 0 {
            let share = errors.saturating_mul(1_000_000) / operations.saturating_add(errors);
            let always = Phase::new(RegimeKind::Normal, Duration::from_secs(3600), Factor::ONE, share as u32);
            profile = profile.regime(Regimes::new(vec![always.then(RegimeKind::Normal, 1)])?);
        }
        let unseen = if missing.is_empty() {
            String::new()
        } else {
            format!("; not recorded: {}", missing.join(", "))
        };
        Ok(profile.describe(
            &format!("The backend {:?} as it was recorded.", self.backend),
            &[&format!("a recording of {operations} operations, of which {errors} more failed")],
            &self.date,
            &format!("Holds for the machine, the load and the day of the recording{unseen}."),
        ))
    }

    fn sizes(&self, class: Class) -> BTreeMap<SizeClass, &Cell> {
        let own = self.cells.iter().filter(|((of, _), cell)| *of == class && cell.times.count() > 0);
        own.map(|((_, size), cell)| (*size, cell)).collect()
    }

    /// Bytes per second, from the smallest and the largest operations of the first of these classes that
    /// has both; 0 if size makes no difference.
    fn bandwidth(&self, classes: &[Class]) -> u64 {
        classes.iter().find_map(|class| rate(&self.sizes(*class))).unwrap_or(0)
    }
}

/// The cell of the smallest operations of which there are enough, or else that with most.
fn base<'a>(sizes: &BTreeMap<SizeClass, &'a Cell>) -> Option<&'a Cell> {
    let enough = sizes.values().find(|cell| cell.times.count() >= ENOUGH).copied();
    enough.or_else(|| sizes.values().max_by_key(|cell| cell.times.count()).copied())
}

fn rate(sizes: &BTreeMap<SizeClass, &Cell>) -> Option<u64> {
    let small = base(sizes)?;
    let large = *sizes.values().rev().find(|cell| cell.times.count() >= ENOUGH)?;
    let bytes = large.mean_bytes().checked_sub(small.mean_bytes().saturating_mul(4))?;
    let (fast, slow) = (small.times.quantile(0.5), large.times.quantile(0.5));
    // A difference within the spread of the small ones says nothing.
    let longer = slow.checked_sub(fast).filter(|longer| *longer > fast / 20 && bytes > 0)?;
    let bytes = u128::from(large.mean_bytes() - small.mean_bytes());
    u64::try_from(bytes * 1_000_000_000 / u128::from(longer.max(1))).ok().filter(|rate| *rate > 0)
}

fn transfer(bytes: u64, rate: u64) -> Nanos {
    let time = (u128::from(bytes) * 1_000_000_000).checked_div(u128::from(rate)).unwrap_or(0);
    Nanos::try_from(time).unwrap_or(Nanos::MAX)
}
