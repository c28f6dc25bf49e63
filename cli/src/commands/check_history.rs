//! `check-history`: whether what clients saw of a store is linearizable.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use larder_simulated::check::{Checker, Consistency, Model, Undecided, Verdict};
use larder_simulated::history::History;

use crate::failure::{Failure, Outcome, Result};
use crate::{notation, output};

/// What `larder check-history --help` says at its end.
pub(crate) const HELP: &str = "\
Reads JSON Lines as `larder simulate --history` writes them, EDN as Jepsen's history.edn, and the console
logs of Jepsen tests. Prints one verdict a file:

  FILE: linearizable
  FILE: not linearizable         and, indented, the operations that cannot be ordered
  FILE: unknown: why             a search was given up; never to be taken for a yes

Models:
  auto, larder, register, cas-register, counter, log, text

Promises that can be asked for instead (--consistency): linearizable, sequential, read-your-writes,
monotonic-reads. The verdict then has that name.

Exit codes: 0 all are linearizable, 1 some are not, 4 none is known not to be, but some are unknown.

Examples:
  larder check-history seen.jsonl
  larder check-history --model cas-register jepsen/*.log
  larder simulate --seed 7 --history /dev/stdout --report r.html | larder check-history -";

/// The words of the command.
#[derive(Args, Debug)]
pub(crate) struct CheckHistory {
    /// Histories; - is standard input
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,
    /// What they are histories of (see below); auto looks at the operations
    #[arg(long, default_value = "auto", value_parser = model)]
    model: Chosen,
    /// The promise that the history must keep
    #[arg(long, value_name = "PROMISE", default_value_t = Consistency::Linearizable)]
    consistency: Consistency,
    /// How many dead ends a search may come to before it is given up
    #[arg(long, value_name = "N", default_value_t = Checker::BUDGET)]
    budget: u64,
}

/// A model, or the one that fits.
#[derive(Clone, Copy, Debug)]
enum Chosen {
    Auto,
    Is(Model),
}

fn model(name: &str) -> Result<Chosen, String> {
    if name == "auto" {
        return Ok(Chosen::Auto);
    }
    let known = Model::ALL.iter().find(|(known, _)| *known == name);
    known.map(|(_, model)| Chosen::Is(*model)).ok_or_else(|| {
        let names: Vec<&str> = Model::ALL.iter().map(|(name, _)| *name).collect();
        format!("there are auto, {}", names.join(", "))
    })
}

impl CheckHistory {
    /// Prints the verdicts.
    pub(crate) fn run(self) -> Result<Outcome> {
        let (mut broken, mut unknown, mut failure) = (false, false, None);
        for file in &self.files {
            match read(file).and_then(|history| self.judge(file, &history)) {
                Ok(verdict) => {
                    broken |= verdict.is_violation();
                    unknown |= matches!(verdict, Verdict::Unknown(_));
                }
                Err(Failure::OutputClosed) => return Err(Failure::OutputClosed),
                Err(why) => {
                    // The others are judged all the same; the last complaint is the command's own.
                    if let Some(before) = failure.replace(why) {
                        crate::complain(&before.to_string());
                    }
                }
            }
        }
        match (failure, broken, unknown) {
            (Some(failure), ..) => Err(failure),
            (None, true, _) => Ok(Outcome::Absent),
            (None, false, true) => Ok(Outcome::Undecided),
            (None, false, false) => Ok(Outcome::Done),
        }
    }

    /// Judges one file, and prints its verdict.
    fn judge(&self, file: &Path, history: &History) -> Result<Verdict> {
        let model = match self.model {
            Chosen::Is(model) => model,
            Chosen::Auto => Model::of(history),
        };
        let checker = Checker::new().model(model).consistency(self.consistency).budget(self.budget);
        let (verdict, name, promise) = (checker.check(history), shown(file), self.consistency);
        match &verdict {
            Verdict::Linearizable => output::line(&format!("{name}: {promise}"))?,
            Verdict::NotLinearizable(why) => {
                output::line(&format!("{name}: not {promise}\n{}", why.to_string().trim_end()))?;
            }
            Verdict::Unknown(Undecided::Foreign { operation }) => {
                let why = format!("{name}: the model {model} has no such operation: {operation}");
                return Err(Failure::usage(why));
            }
            Verdict::Unknown(why) => output::line(&format!("{name}: unknown: {why}"))?,
        }
        Ok(verdict)
    }
}

/// The name of a file, for one line of a terminal.
fn shown(file: &Path) -> String {
    notation::visible(&file.display().to_string())
}

fn read(file: &Path) -> Result<History> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().lock().read_to_string(&mut text).map(drop)
    } else {
        std::fs::read_to_string(file).map(|read| text = read)
    };
    read.map_err(|error| Failure::unreadable(file, &error))?;
    History::parse(&text).map_err(|error| Failure::usage(format!("{}: {error}", shown(file))))
}
