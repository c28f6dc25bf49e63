//! A failure in a file: all that is needed to see it again.

use std::fs;
use std::path::{Path, PathBuf};

use larder::{Error, ErrorKind};
use serde::{Deserialize, Serialize};

use super::{Outcome, Plan, Seed, Setup, place};
use crate::draw;
use crate::time::{Deviation, Limits};

/// A failure that can be run again: the seed, what was done, and how the schedule deviated from FIFO. As a
/// file it is JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repro {
    /// The version of the draws that the seed belongs to: [`draw::VERSION`].
    pub version: String,
    /// The test.
    pub test: String,
    /// The seed.
    pub seed: u64,
    /// What went wrong, for people.
    pub message: String,
    /// The digest of the run, as text.
    pub digest: String,
    /// What was done.
    pub plan: Plan,
    /// How the schedule deviated from FIFO.
    pub deviations: Vec<Deviation>,
}

impl Repro {
    /// Of a run that was recorded ([`Setup::record`]).
    pub fn of(test: &str, outcome: &Outcome) -> Repro {
        Repro {
            version: draw::VERSION.to_owned(),
            test: test.to_owned(),
            seed: outcome.seed.value(),
            message: outcome.failure.as_ref().map(|failure| failure.cause.to_string()).unwrap_or_default(),
            digest: outcome.digest.to_string(),
            plan: outcome.plan.clone(),
            deviations: outcome.deviations.clone(),
        }
    }

    /// The seed.
    pub fn seed(&self) -> Seed {
        Seed::from(self.seed)
    }

    /// How to run it again.
    pub fn setup(&self, limits: Limits) -> Setup {
        Setup::replay(limits, self.plan.clone(), self.deviations.clone())
    }

    /// How many items the plan has, and how many deviations the schedule.
    pub fn size(&self) -> (usize, usize) {
        (self.plan.values().map(Vec::len).sum(), self.deviations.len())
    }

    /// Writes it into this directory, which is made if need be, under a name made of test and seed.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn save(&self, directory: &Path) -> larder::Result<PathBuf> {
        let path = directory.join(place::file_name(&self.test, self.seed()));
        let text = serde_json::to_string_pretty(self).map_err(|error| {
            Error::new(ErrorKind::Invalid, format!("cannot write the reproduction: {error}"))
        })?;
        let written = fs::create_dir_all(directory).and_then(|()| fs::write(&path, text + "\n"));
        written.map_err(|error| Error::io(format!("cannot write {}", path.display()), error))?;
        Ok(path)
    }

    /// Reads it.
    ///
    /// # Errors
    /// Those of the file system; `Invalid` if it is none, or belongs to another version of the draws.
    pub fn load(path: &Path) -> larder::Result<Repro> {
        let name = path.display();
        let text =
            fs::read_to_string(path).map_err(|error| Error::io(format!("cannot read {name}"), error))?;
        let repro: Repro = serde_json::from_str(&text)
            .map_err(|error| Error::new(ErrorKind::Invalid, format!("{name} is no reproduction: {error}")))?;
        if repro.version != draw::VERSION {
            let message = format!(
                "{name} was made with the draws {:?}; these are {:?}, and the seed means something else",
                repro.version,
                draw::VERSION
            );
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        Ok(repro)
    }
}
