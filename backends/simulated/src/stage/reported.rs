//! Reports of runs that are over.

use std::path::PathBuf;

use super::staging::Staging;
use crate::report::{Conclusion, Fact, Report};
use crate::run::{Outcome, Runs};

/// Writes the report of the first run that failed, or else of the first, as an HTML page into this file, whose
/// directory is made if need be. For [`Seeds::after`](crate::run::Seeds::after); say
/// [`keep_extensions`](crate::run::Seeds::keep_extensions) to have a report also when no run fails. A report that
/// cannot be written is said on standard error; it fails no test.
///
/// ```
/// # let directory = tempfile::tempdir()?;
/// # let file = directory.path().join("visits.html");
/// use larder_simulated::{run, stage::write_report};
/// # let written = file.clone();
/// run::seeds(0..3).keep_extensions().after(write_report("visits", file)).run(|cx| async move {
///     # use larder_simulated::stage::Stage;
///     # cx.wrap(larder_memory::Memory::new()).build().larder(0).assoc("visits", &1).await?;
///     // ..
///     Ok(())
/// });
/// # assert!(std::fs::read_to_string(written)?.contains("linearizable"));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn write_report(title: impl Into<String>, file: impl Into<PathBuf>) -> impl FnOnce(&Runs) + 'static {
    let (title, file) = (title.into(), file.into());
    move |runs: &Runs| {
        let failed = runs.outcomes().iter().find(|outcome| outcome.failure.is_some());
        let Some(report) = failed.or(runs.outcomes().first()).and_then(|outcome| of(outcome, &title)) else {
            return;
        };
        let directory = file.parent().filter(|directory| !directory.as_os_str().is_empty());
        let made = directory.map_or(Ok(()), std::fs::create_dir_all);
        match made.and_then(|()| std::fs::write(&file, report.html())) {
            Ok(()) => eprintln!("the report is in {}", file.display()),
            Err(error) => eprintln!("the report cannot be written to {}: {error}", file.display()),
        }
    }
}

/// The report of a run that is over, if it staged anything.
fn of(outcome: &Outcome, title: &str) -> Option<Report> {
    let mut report = outcome.extensions.get::<Staging>()?.report(outcome.time);
    if let (Some(failure), false) = (&outcome.failure, matches!(report.conclusion, Conclusion::Broken(_))) {
        report.conclusion = Conclusion::Broken(failure.cause.to_string());
    }
    Some(Report {
        title: title.to_owned(),
        seed: Some(outcome.seed.value()),
        command: format!("LARDER_SIM_SEED={} cargo test", outcome.seed),
        facts: vec![Fact::new("digest", outcome.digest)],
        ..report
    })
}
