//! Visiting every state of every point of a recorded run, and judging each.

use std::collections::BTreeMap;
use std::fmt;

use super::SimDisk;
use super::crash::CrashModel;
use super::recording::Recording;

/// How to go through the crashes of a recorded run: [`Exploration::run`].
///
/// ```
/// use std::path::Path;
/// use larder::io::{Disk, Mode};
/// use larder_simulated::disk::{CrashModel, Exploration, SimDisk};
///
/// let disk = SimDisk::new(7);
/// disk.record();
/// let file = disk.open(Path::new("/new"), Mode::Create)?;
/// file.write_all_at(b"text", 0)?;
/// // Forgotten: file.sync()?;
/// disk.sync_dir(Path::new("/"))?;
/// let written = disk.mark();
///
/// let explored = Exploration::new(CrashModel::AllLost, 100).run(&disk.recorded(), |crash| {
///     let found = crash.disk.bytes(Path::new("/new")).unwrap_or_default();
///     if crash.passed(written) && found != b"text" { Err(format!("found {found:?}")) } else { Ok(()) }
/// });
/// assert_eq!((explored.states, explored.violations.len()), (4, 1));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Exploration {
    /// The model and the cap of a crash, of a crash while that is recovered from, and so on.
    levels: Vec<(CrashModel, usize)>,
    /// Only the points before something becomes durable.
    before_syncs: bool,
    /// So many wrong states are enough.
    enough: u64,
}

/// One crash, to be judged.
#[derive(Clone, Debug)]
pub struct Crash {
    /// What it left. Calls on it are recorded if crashes during the recovery are explored too.
    pub disk: SimDisk,
    /// The point of the recording at which it happened.
    pub point: usize,
    /// How often recovery was cut short before: 0 at first.
    pub depth: usize,
    /// How many marks had been made.
    marks: usize,
}

impl Crash {
    /// Whether the mark with this number had been made when the power failed.
    pub fn passed(&self, mark: usize) -> bool {
        mark < self.marks
    }
}

/// What an exploration came upon.
#[derive(Clone, Debug, Default)]
pub struct Explored {
    /// The moments at which the power failed.
    pub points: u64,
    /// The states that it left, of all points.
    pub states: u64,
    /// Of these, those that were judged: others were the same, with the same marks made.
    pub judged: u64,
    /// Points with more states than the cap: of these only as many were visited.
    pub capped: u64,
    /// The moments during recoveries at which the power failed again.
    pub nested_points: u64,
    /// The states that this left, judged or not.
    pub nested_states: u64,
    /// States that were judged to be wrong.
    pub wrong: u64,
    /// The first of them.
    pub violations: Vec<Violation>,
}

/// A state that was judged to be wrong.
#[derive(Clone, Debug)]
pub struct Violation {
    /// What is wrong.
    pub message: String,
    /// Where the power failed: the last call before, and for each crash after the first, that of the
    /// recovery that it cut short.
    pub after: Vec<String>,
    /// The files that the crash left, with their lengths.
    pub files: Vec<String>,
    /// The calls that were made on it while it was judged.
    pub trace: Vec<String>,
}

/// So many violations are kept.
const KEPT: usize = 5;

impl Exploration {
    /// All crashes under a model, with no more than `cap` states of each.
    pub fn new(model: CrashModel, cap: usize) -> Exploration {
        Exploration { levels: vec![(model, cap)], before_syncs: false, enough: u64::MAX }
    }

    /// Also the crashes, under this model, at every point of what the judge does with each state. May be
    /// said again, for crashes during the recovery from those.
    #[must_use]
    pub fn then(mut self, model: CrashModel, cap: usize) -> Exploration {
        self.levels.push((model, cap));
        self
    }

    /// Only the points [before something becomes durable](Recording::is_before_sync): for long runs.
    #[must_use]
    pub fn before_syncs(mut self) -> Exploration {
        self.before_syncs = true;
        self
    }

    /// Ends when so many states were wrong.
    #[must_use]
    pub fn until_wrong(mut self, enough: u64) -> Exploration {
        self.enough = enough;
        self
    }

    /// Judges every state: `Err` says what is wrong. A state that comes again with the same marks made is
    /// judged once.
    pub fn run(
        &self,
        recording: &Recording,
        mut judge: impl FnMut(&Crash) -> Result<(), String>,
    ) -> Explored {
        let mut run = Run {
            exploration: self,
            judge: &mut judge,
            seen: BTreeMap::new(),
            after: Vec::new(),
            explored: Explored::default(),
        };
        run.level(recording, 0, 0, 0);
        run.explored
    }
}

struct Run<'a> {
    exploration: &'a Exploration,
    judge: &'a mut dyn FnMut(&Crash) -> Result<(), String>,
    /// The states that were judged, by content and marks, with the depth at which they were.
    seen: BTreeMap<(u64, usize), usize>,
    after: Vec<String>,
    explored: Explored,
}

impl Run<'_> {
    /// All crashes of a recording. Those of a recovery have the point and the marks of the first crash.
    fn level(&mut self, recording: &Recording, depth: usize, first: usize, first_marks: usize) {
        let Some((model, cap)) = self.exploration.levels.get(depth).copied() else { return };
        for point in 0..recording.points() {
            if self.explored.wrong >= self.exploration.enough {
                return;
            }
            if self.exploration.before_syncs && !recording.is_before_sync(point) {
                continue;
            }
            let (at, marks) =
                if depth == 0 { (point, recording.marks_at(point)) } else { (first, first_marks) };
            self.after.push(recording.after(point).to_owned());
            let mut states = recording.crash_states(point, model, cap);
            let explored = &mut self.explored;
            *(if depth == 0 { &mut explored.points } else { &mut explored.nested_points }) += 1;
            explored.capped += u64::from(states.is_capped());
            while let Some(disk) = states.next() {
                let explored = &mut self.explored;
                if explored.wrong >= self.exploration.enough {
                    break;
                }
                *(if depth == 0 { &mut explored.states } else { &mut explored.nested_states }) += 1;
                if let Some(digest) = states.digest() {
                    let seen = self.seen.entry((digest, marks)).or_insert(usize::MAX);
                    if *seen <= depth {
                        continue;
                    }
                    *seen = depth;
                }
                self.judge(Crash { disk, point: at, depth, marks });
            }
            self.after.pop();
        }
    }

    fn judge(&mut self, crash: Crash) {
        let nested = crash.depth + 1 < self.exploration.levels.len();
        if nested {
            crash.disk.record();
        }
        let (disk, depth, point, marks) = (crash.disk.fork(), crash.depth, crash.point, crash.marks);
        self.explored.judged += 1;
        let verdict = (self.judge)(&crash);
        if let Err(message) = verdict {
            self.explored.wrong += 1;
            if self.explored.violations.len() < KEPT {
                let files = disk.files();
                let files = files.iter().map(|(path, bytes)| format!("{} {}", path.display(), bytes.len()));
                self.explored.violations.push(Violation {
                    message,
                    after: self.after.clone(),
                    files: files.collect(),
                    trace: crash.disk.trace(),
                });
            }
        } else if nested {
            let recovery = crash.disk.recorded();
            self.level(&recovery, depth + 1, point, marks);
        }
    }
}

impl Explored {
    /// Adds what another exploration came upon.
    pub fn add(&mut self, other: Explored) {
        self.points += other.points;
        self.states += other.states;
        self.judged += other.judged;
        self.capped += other.capped;
        self.nested_points += other.nested_points;
        self.nested_states += other.nested_states;
        self.wrong += other.wrong;
        self.violations.extend(other.violations);
        self.violations.truncate(KEPT);
    }

    /// Whether no state was wrong.
    pub fn is_sound(&self) -> bool {
        self.wrong == 0
    }
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} wrong; {} points, {} states", self.wrong, self.points, self.states)?;
        if self.nested_points > 0 {
            write!(f, "; in recoveries {} points, {} states", self.nested_points, self.nested_states)?;
        }
        write!(f, "; {} judged", self.judged)?;
        match self.capped {
            0 => f.write_str("; all states"),
            capped => write!(f, "; capped at {capped} points"),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.message)?;
        for (depth, after) in self.after.iter().enumerate() {
            let which = if depth == 0 { "the power failed after" } else { "and again after" };
            writeln!(f, "  {which}: {after}")?;
        }
        writeln!(f, "  it left:")?;
        // Files of one directory with one length, and calls of one name, tend to come in dozens.
        let place = |line: &str| {
            let (path, length) = line.rsplit_once(' ').unwrap_or((line, ""));
            format!("{} {length}", path.rsplit_once('/').map_or(path, |(dir, _)| dir))
        };
        shortly(f, &self.files, place)?;
        writeln!(f, "  the calls after that:")?;
        shortly(f, &self.trace, |line| line.split(' ').nth(1).unwrap_or(line).to_owned())
    }
}

/// Writes lines, and of many in a row that are alike only the first and the last.
fn shortly(f: &mut fmt::Formatter<'_>, lines: &[String], kind: impl Fn(&str) -> String) -> fmt::Result {
    for alike in lines.chunk_by(|one, other| kind(one) == kind(other)) {
        match alike {
            [first, between @ .., last] if between.len() > 2 => {
                writeln!(f, "    {first}\n    .. and {} more ..\n    {last}", between.len())?;
            }
            alike => alike.iter().try_for_each(|line| writeln!(f, "    {line}"))?,
        }
    }
    Ok(())
}
