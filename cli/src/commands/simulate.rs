//! `simulate`: clients with a workload on a simulated store, in virtual time, and a verdict.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueHint};
use larder_memory::Memory;
use larder_simulated::draw::Ratio;
use larder_simulated::fault::{FaultKind, Faults};
use larder_simulated::history::json;
use larder_simulated::latency::Profile;
use larder_simulated::report::{Conclusion, Fact, Report};
use larder_simulated::workload::{Finished, Pace, Simulation, Until, Workload};

use crate::failure::{Failure, Outcome, Result};
use crate::output::Output;

/// The words of the command.
#[derive(Args, Debug)]
pub(crate) struct Simulate {
    /// How long the storage takes: a name (see below) or a JSON file
    #[arg(long, value_name = "P", default_value = "s3-standard")]
    profile: String,
    /// What clients do
    #[arg(long, value_name = "W", default_value = "mixed")]
    workload: String,
    /// Decides everything that is left to chance
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// How many clients there are
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    clients: u64,
    /// How long they work, in virtual time, such as 1h or 90s
    #[arg(long = "for", value_name = "TIME", value_parser = time, conflicts_with = "operations")]
    time: Option<Duration>,
    /// How many operations they perform, all together; 10000 unless --for is given
    #[arg(long, value_name = "N")]
    operations: Option<u64>,
    /// So many operations a second, all together, whatever became of those before (otherwise each client
    /// waits for the answer before it asks again)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    rate: Option<u64>,
    /// What goes wrong: none, swarm (by seed), or kinds with their rates, such as lost-ack=1%,hang=0.1%
    #[arg(long, value_name = "FAULTS", default_value = "none")]
    faults: String,
    /// After how long without an answer a client gives an operation up
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    patience: Duration,
    /// Write the report as an HTML page
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    report: Option<PathBuf>,
    /// Write what clients saw, as JSON Lines
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    history: Option<PathBuf>,
}

/// What `larder simulate --help` says at its end.
pub(crate) fn help() -> String {
    let mut help = String::from("Profiles:\n  none\n");
    for name in Profile::names() {
        let about = Profile::named(name).map(|profile| profile.about().to_owned()).unwrap_or_default();
        help.push_str(&format!("  {name:<22} {about}\n"));
    }
    help.push_str("\nWorkloads:\n");
    for name in Workload::names() {
        let about = Workload::named(name).map(|workload| workload.about()).unwrap_or_default();
        help.push_str(&format!("  {name:<22} {about}\n"));
    }
    let kinds: Vec<&str> = FaultKind::ALL.iter().map(|kind| kind.name()).collect();
    help.push_str(&format!("\nFaults:\n  {}\n", kinds.join(", ")));
    help.push_str(
        "
The store is in memory, behind the profile and the faults; everything happens in virtual time.
The same words are the same run: what is printed and both files are the same, byte for byte.

Exit codes: 0 the promises were kept, 1 one was broken, 4 the checker could not tell.

Examples:
  larder simulate --profile s3-standard --workload hot-key --for 10m --report hot.html
  larder simulate --faults swarm --seed 7
  larder simulate --faults stale-read=1% --history seen.jsonl",
    );
    help
}

impl Simulate {
    /// Runs it and says what came of it.
    pub(crate) fn run(self) -> Result<Outcome> {
        let (faults, offered) = faults(&self.faults)?;
        let simulation = Simulation {
            profile: profile(&self.profile)?,
            faults,
            clients: self.clients,
            until: self.until(),
            patience: self.patience,
            ..Simulation::new(self.workload()?, self.seed)
        };
        // Whatever cannot be written is said before the run, not after.
        let page = self.report.as_deref().map(|path| Output::open(Some(path))).transpose()?;
        let seen = self.history.as_deref().map(|path| Output::open(Some(path))).transpose()?;
        let finished = simulation.run(Memory::new());
        let report = self.describe(&finished, finished.report(&offered));
        write(Some(Output::open(None)?), &report.text())?;
        write(page, &report.html())?;
        if seen.is_some() {
            let mut lines = Vec::new();
            json::write(&finished.history, &mut lines).map_err(|error| Failure::output(&error))?;
            write(seen, &String::from_utf8_lossy(&lines))?;
        }
        Ok(outcome(&report.conclusion))
    }

    fn until(&self) -> Until {
        match (self.time, self.operations) {
            (Some(time), _) => Until::Time(time),
            (None, operations) => Until::Operations(operations.unwrap_or(10_000)),
        }
    }

    fn workload(&self) -> Result<Workload> {
        let workload = Workload::named(&self.workload)?;
        Ok(match self.rate {
            // Each client has its share of the rate.
            Some(rate) => workload.at_pace(Pace::Open {
                every: Duration::from_nanos(self.clients.saturating_mul(1_000_000_000) / rate),
            }),
            None => workload,
        })
    }

    /// The report with what identifies the run.
    fn describe(&self, finished: &Finished, report: Report) -> Report {
        let failed = finished.done.iter().filter(|done| done.failure.is_some()).count();
        let facts = vec![
            Fact::new("profile", &self.profile),
            Fact::new("workload", &self.workload),
            Fact::new("clients", self.clients),
            Fact::new("faults", &self.faults),
            Fact::new("operations", finished.done.len()),
            Fact::new("failed", failed),
            Fact::new("digest", &finished.digest),
        ];
        Report {
            title: format!("{} on {}", self.workload, self.profile),
            seed: Some(self.seed),
            command: self.command(),
            facts,
            ..report
        }
    }

    /// The command that runs it again.
    fn command(&self) -> String {
        let mut words = vec!["larder simulate".to_owned()];
        let mut word = |name: &str, value: &str| words.push(format!("--{name} {}", quoted(value)));
        word("profile", &self.profile);
        word("workload", &self.workload);
        word("seed", &self.seed.to_string());
        word("clients", &self.clients.to_string());
        match self.until() {
            Until::Time(time) => word("for", &spelled(time)),
            Until::Operations(operations) => word("operations", &operations.to_string()),
        }
        if let Some(rate) = self.rate {
            word("rate", &rate.to_string());
        }
        word("faults", &self.faults);
        word("patience", &spelled(self.patience));
        words.join(" ")
    }
}

fn outcome(conclusion: &Conclusion) -> Outcome {
    match conclusion {
        Conclusion::Broken(_) => Outcome::Absent,
        Conclusion::Unknown(_) => Outcome::Undecided,
        Conclusion::Kept(_) | Conclusion::Unchecked => Outcome::Done,
    }
}

fn write(output: Option<Output>, text: &str) -> Result {
    let Some(mut output) = output else { return Ok(()) };
    output.write(text.as_bytes())?;
    output.finish()
}

fn time(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|why| format!("{why}; write 90s, 5m or 1h"))?;
    if time.is_zero() || time > Duration::from_secs(366 * 86_400) {
        return Err("the time must be more than nothing and at most a year".to_owned());
    }
    Ok(time)
}

/// A time as [`time`] reads it, without spaces.
fn spelled(time: Duration) -> String {
    humantime::format_duration(time).to_string().replace(' ', "")
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A profile by its name, or from a file.
pub(super) fn profile(name: &str) -> Result<Profile> {
    if !name.contains(['/', '\\']) && !name.ends_with(".json") {
        return Ok(Profile::named(name)?);
    }
    let path = Path::new(name);
    let text = std::fs::read_to_string(path).map_err(|error| Failure::unreadable(path, &error))?;
    Profile::parse(&text).map_err(|error| Failure::usage(format!("{name}: {error}")))
}

/// What goes wrong, and the kinds that may.
fn faults(text: &str) -> Result<(Faults, Vec<FaultKind>)> {
    let mut faults = Faults::none();
    let mut offered = Vec::new();
    for part in text.split(',').map(str::trim) {
        match (part, part.split_once('=')) {
            ("none", _) => {}
            ("swarm", _) => {
                // What was chosen by rate before stays.
                faults = Faults::swarm();
                for (kind, rate) in rates(text)? {
                    faults = faults.rate(kind, rate);
                }
            }
            (_, Some((kind, rate))) => {
                let (kind, rate) = one_rate(kind, rate)?;
                faults = faults.rate(kind, rate);
                offered.push(kind);
            }
            _ => {
                return Err(Failure::usage(format!(
                    "--faults: {part:?} is neither none, swarm nor a kind with a rate, such as hang=0.1%"
                )));
            }
        }
    }
    Ok((faults, offered))
}

fn rates(text: &str) -> Result<Vec<(FaultKind, Ratio)>> {
    let parts = text.split(',').filter_map(|part| part.trim().split_once('='));
    parts.map(|(kind, rate)| one_rate(kind, rate)).collect()
}

fn one_rate(kind: &str, rate: &str) -> Result<(FaultKind, Ratio)> {
    let kind: FaultKind = kind.trim().parse().map_err(|why| Failure::usage(format!("--faults: {why}")))?;
    let ratio = ratio(rate.trim()).ok_or_else(|| {
        Failure::usage(format!("--faults: {rate:?} is no rate; write 1%, 0.05% or 1/200, at most all"))
    })?;
    Ok((kind, ratio))
}

/// `1%`, `0.05%` or `1/200`. No floating point: a rate is the same everywhere.
fn ratio(text: &str) -> Option<Ratio> {
    if let Some((part, whole)) = text.split_once('/') {
        let (part, whole): (u64, u64) = (part.parse().ok()?, whole.parse().ok()?);
        return (part <= whole && whole > 0).then(|| Ratio::new(part, whole));
    }
    let percent = text.strip_suffix('%')?;
    let (whole, fraction) = percent.split_once('.').unwrap_or((percent, ""));
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    if fraction.len() > 4 || !digits(whole) || !digits(fraction) || percent.is_empty() || percent == "." {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction: u64 = format!("{fraction:0<4}").parse().ok()?;
    // A percent is ten thousand in a million.
    let millionths = whole.checked_mul(10_000)?.checked_add(fraction)?;
    (millionths <= 1_000_000).then(|| Ratio::millionths(millionths))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_never_taken_for_a_yes() {
        let why = String::new;
        assert_eq!(outcome(&Conclusion::Kept(why())), Outcome::Done);
        assert_eq!(outcome(&Conclusion::Broken(why())), Outcome::Absent);
        assert_eq!(outcome(&Conclusion::Unknown(why())), Outcome::Undecided);
    }

    #[test]
    fn a_rate_is_read_or_refused() {
        for (text, millionths) in
            [("1%", 10_000), ("0.05%", 500), (".5%", 5_000), ("100%", 1_000_000), ("3.%", 30_000)]
        {
            assert_eq!(ratio(text), Some(Ratio::millionths(millionths)), "{text}");
        }
        assert_eq!(ratio("1/200"), Some(Ratio::new(1, 200)));
        for bad in [
            "",
            "%",
            ".%",
            "1",
            "-1%",
            "101%",
            "2/1",
            "1/0",
            "0.00001%",
            "1e2%",
            "+1%",
            "99999999999999999999%",
        ] {
            assert_eq!(ratio(bad), None, "{bad}");
        }
    }

    #[test]
    fn faults_are_read_or_refused() {
        let (chosen, offered) = faults("hang=1%,lost-ack=1/3").unwrap();
        assert_eq!(chosen.rates(0)[&FaultKind::Hang], Ratio::millionths(10_000));
        assert_eq!(offered, [FaultKind::Hang, FaultKind::LostAck]);
        assert!(faults("none").unwrap().0.rates(0).is_empty());
        for both in ["swarm,hang=7%", "hang=7%,swarm"] {
            assert_eq!(faults(both).unwrap().0.rates(3)[&FaultKind::Hang], Ratio::millionths(70_000));
        }
        for (bad, hint) in
            [("hangs=1%", "hang"), ("hang", "with a rate"), ("hang=2", "no rate"), ("", "neither")]
        {
            let failure = faults(bad).unwrap_err().to_string();
            assert!(failure.contains(hint), "{bad}: {failure}");
        }
    }

    #[test]
    fn a_time_is_written_as_it_is_read() {
        for seconds in [1, 90, 3600, 3661] {
            let duration = Duration::from_secs(seconds);
            assert_eq!(time(&spelled(duration)), Ok(duration));
        }
        assert!(time("0s").is_err() && time("5").is_err() && time("400days").is_err());
    }

    #[test]
    fn a_word_is_quoted_where_a_shell_would_split_it() {
        assert_eq!(quoted("hang=1%,lost-ack=1/3"), "hang=1%,lost-ack=1/3");
        assert_eq!(quoted("my profile's.json"), r"'my profile'\''s.json'");
        assert_eq!(quoted(""), "''");
    }
}
