//! What a simulation has shown: the verdict, and the report.

use super::session::Failure;
use super::simulation::Finished;
use crate::check::{Verdict, check};
use crate::fault::FaultKind;
use crate::report::{Conclusion, Latencies, Report, Sample};

impl Finished {
    /// Whether the promises were kept: every operation ends, what was seen is linearizable, nothing that was
    /// stored comes back damaged, and when all faults are over everything can be read again.
    pub fn conclusion(&self) -> Conclusion {
        self.conclude(&check(&self.history))
    }

    fn conclude(&self, verdict: &Verdict) -> Conclusion {
        if let Some(stall) = &self.stall {
            return Conclusion::Broken(format!("The run did not come to its end: {stall}"));
        }
        let mut report = Report::default();
        report.add_verdict(verdict, &self.history);
        if let Conclusion::Broken(_) = report.conclusion {
            return report.conclusion;
        }
        if let Some(done) = self.damaged().next() {
            let why = done.failure.as_ref().map(Failure::to_string).unwrap_or_default();
            return Conclusion::Broken(format!("What was stored came back damaged: {why}"));
        }
        if let Some(done) = self.unhealed.first() {
            let why = done.failure.as_ref().map(Failure::to_string).unwrap_or_default();
            return Conclusion::Broken(format!(
                "After the end of all faults, {} failed: {why}",
                done.request
            ));
        }
        report.conclusion
    }

    /// The report: what callers waited for, by their own measure, what the storage did, and the verdict. Title,
    /// seed, facts and command are left to whoever knows them. `offered` are the kinds of fault that might have
    /// happened.
    pub fn report(&self, offered: &[FaultKind]) -> Report {
        let mut report = Report { lasted: self.lasted, ..Report::default() };
        let verdict = check(&self.history);
        report.add_verdict(&verdict, &self.history);
        report.add_history(&self.history, &self.lives);
        report.add_lives(&self.lives);
        report.add_resource(&self.resource, &self.lives);
        report.add_faults(&self.counts, offered);
        report.latencies = self.latencies();
        report.conclusion = self.conclude(&verdict);
        report
    }

    /// How long clients waited, from when an operation should have begun until it was answered or given up.
    fn latencies(&self) -> Vec<Latencies> {
        let mut classes: Vec<Latencies> = Vec::new();
        for done in &self.done {
            let sample = Sample { at: done.intended, took: done.took() };
            let name = done.request.name();
            match classes.iter_mut().find(|class| class.class == name) {
                Some(class) => class.samples.push(sample),
                None => classes.push(Latencies { class: name.to_owned(), samples: vec![sample] }),
            }
        }
        classes.sort_by(|one, other| one.class.cmp(&other.class));
        classes
    }
}
