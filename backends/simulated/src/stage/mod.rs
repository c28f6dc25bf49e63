//! An app on stores that are simulated, recorded and checked: what a test of an app says. It stands on all
//! other rooms.
//!
//! [`Stage`] gives the [`Context`] of a run what it takes: a backend is wrapped, its handles record what the app
//! sees, and at the end there are a verdict and a report.
//!
//! ```
//! use std::time::Duration;
//! use larder_memory::Memory;
//! use larder_simulated::fault::Faults;
//! use larder_simulated::latency::Profile;
//! use larder_simulated::run;
//! use larder_simulated::stage::Stage;
//!
//! run::seeds(0..5).run(|cx| async move {
//!     let store = cx.wrap(Memory::new()).profile(Profile::named("s3-standard")?).faults(Faults::swarm()).build();
//!     let visits = store.clone();
//!     cx.clients(4, move |client| {
//!         let larder = visits.larder(client.id());
//!         async move {
//!             // An error is no failure of the test: the app must live with it, and the checker with the app.
//!             _ = client.context().measure("visit", larder.update_in("visits", |n: Option<u64>| n.unwrap_or(0) + 1)).await;
//!         }
//!     })
//!     .during(Duration::from_secs(30))
//!     .await;
//!     cx.heal();
//!     cx.assert_linearizable();
//!     cx.assert_quantile("visit", 0.5, Duration::from_secs(2));
//!     Ok(())
//! });
//! ```

mod reported;
mod staging;
mod wrapped;

use std::future::Future;
use std::time::Duration;

use larder::{Backend, Error, ErrorKind};

use self::staging::Staging;
use crate::check::Verdict;
use crate::history::History;
use crate::report::Report;
use crate::run::Context;
use crate::time::VirtualClock;

pub use self::reported::write_report;
pub use self::wrapped::{Wrap, Wrapped};

/// The guide, whose examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../../../../docs/simulation.md")]
pub struct Guide;

/// What the test of an app says to its run.
pub trait Stage {
    /// Begins to wrap a backend: say what lies before it, and then [`Wrap::build`].
    fn wrap<B: Backend>(&self, backend: B) -> Wrap<B>;

    /// Does this, and counts how long it took under this name, for [`assert_quantile`](Stage::assert_quantile) and
    /// the report. Dropped before its end, it does not count.
    fn measure<F: Future + Send>(&self, what: &str, work: F) -> impl Future<Output = F::Output> + Send;

    /// Ends all faults of all stores; what comes now must succeed. What is under way comes to its end.
    fn heal(&self);

    /// Ends all faults, and lets this time pass, in which everything that is under way must come to its end.
    ///
    /// # Errors
    /// `TimedOut` if some operations still have no answer then.
    fn heal_and_drain(&self, within: Duration) -> impl Future<Output = larder::Result<()>> + Send;

    /// What the app saw of each store, in the order in which they were built.
    fn histories(&self) -> Vec<History>;

    /// Whether what the app saw of every store is linearizable: of the first of which it is not, or not known,
    /// that.
    fn verdict(&self) -> Verdict;

    /// # Panics
    /// If what the app saw of some store is not linearizable, or that was not found out; with the operations
    /// that show it.
    fn assert_linearizable(&self);

    /// # Panics
    /// If the share `q` (0 to 1) of what was [measured](Stage::measure) under this name took longer than that, or
    /// nothing was measured.
    fn assert_quantile(&self, what: &str, q: f64, at_most: Duration);

    /// The report of the run so far.
    fn report(&self, title: &str) -> Report;
}

impl Stage for Context {
    fn wrap<B: Backend>(&self, backend: B) -> Wrap<B> {
        Wrap::new(backend, self.clone())
    }

    fn measure<F: Future + Send>(&self, what: &str, work: F) -> impl Future<Output = F::Output> + Send {
        let (staging, clock, what) = (self.extension::<Staging>(), self.clock().clone(), what.to_owned());
        async move {
            let began = clock.nanos();
            let output = work.await;
            staging.measured(&what, began, clock.nanos());
            output
        }
    }

    fn heal(&self) {
        self.extension::<Staging>().heal();
    }

    fn heal_and_drain(&self, within: Duration) -> impl Future<Output = larder::Result<()>> + Send {
        let (staging, clock) = (self.extension::<Staging>(), self.clock().clone());
        async move {
            staging.heal();
            clock.sleep_for(within).await;
            match staging.unanswered() {
                0 => Ok(()),
                left => Err(Error::new(
                    ErrorKind::TimedOut,
                    format!("{left} operations have no answer {within:?} after the end of all faults"),
                )),
            }
        }
    }

    fn histories(&self) -> Vec<History> {
        self.extension::<Staging>().histories()
    }

    fn verdict(&self) -> Verdict {
        self.extension::<Staging>().verdict()
    }

    fn assert_linearizable(&self) {
        let verdict = self.verdict();
        assert!(verdict.is_linearizable(), "{verdict}");
    }

    fn assert_quantile(&self, what: &str, q: f64, at_most: Duration) {
        let found = self.extension::<Staging>().quantile(what, q);
        let Some(found) = found else { panic!("nothing was measured as {what:?}") };
        let found = Duration::from_nanos(found);
        assert!(found <= at_most, "{} of {what:?} took up to {found:?}, more than {at_most:?}", percent(q));
    }

    fn report(&self, title: &str) -> Report {
        let (staging, clock): (_, &VirtualClock) = (self.extension::<Staging>(), self.clock());
        Report { title: title.to_owned(), seed: Some(self.seed().value()), ..staging.report(clock.nanos()) }
    }
}

fn percent(q: f64) -> String {
    let text = format!("{:.3}", q * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn a_share_is_said_in_percent() {
        assert_eq!([0.5, 0.99, 0.999, 1.0].map(percent), ["50 %", "99 %", "99.9 %", "100 %"]);
    }
}
