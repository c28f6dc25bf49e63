//! A store in a process of its own: for what it takes of memory, for loading it without what others left
//! behind, for being killed, and for a profiler. The process is the same program, called with [`COMMAND`].

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::entrant::Entrant;
use super::entrants;
use crate::peers::embedded::{Shape, Use};
use crate::rows::Failure;
use crate::time::{Clock, Sample};

/// The first argument of the process: `pack-child TASK NAME RECORDS LEN DIR NUMBER`.
pub const COMMAND: &str = "pack-child";

/// What a process found about itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Report {
    /// How long it took for one record.
    pub(super) sample: Sample,
    /// By how much the most memory that it had grew, with the pages of files that it mapped.
    pub(super) peak: u64,
    /// The memory of its own that the store took.
    pub(super) own: u64,
}

/// Fills a store.
pub(super) fn load(name: &str, shape: Shape, dir: &Path) -> Result<Report, Failure> {
    report("load", name, shape, dir, 0)
}

/// Reads so many random records.
pub(super) fn read(name: &str, shape: Shape, dir: &Path, count: u64) -> Result<Report, Failure> {
    report("read", name, shape, dir, count)
}

/// Writes new records by 16 tasks until so many were acknowledged, and is then killed. Returns how many
/// were acknowledged at the least.
pub(super) fn killed(name: &str, shape: Shape, dir: &Path, from: u64, count: u64) -> Result<u64, Failure> {
    let mut child = start("write", name, shape, dir, from)?;
    let acknowledged = wait_for(&mut child, count);
    child.kill()?;
    child.wait()?;
    acknowledged
}

fn wait_for(child: &mut Child, count: u64) -> Result<u64, Failure> {
    let lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
    for line in lines {
        let acknowledged = line?.parse()?;
        if acknowledged >= count {
            return Ok(acknowledged);
        }
    }
    Err("the process to be killed ended by itself".into())
}

fn start(task: &str, name: &str, shape: Shape, dir: &Path, number: u64) -> Result<Child, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([COMMAND, task, name]).args([shape.records.to_string(), shape.len.to_string()]);
    command.arg(dir).arg(number.to_string()).stdin(Stdio::null()).stdout(Stdio::piped());
    Ok(command.spawn()?)
}

fn report(task: &str, name: &str, shape: Shape, dir: &Path, number: u64) -> Result<Report, Failure> {
    let output = start(task, name, shape, dir, number)?.wait_with_output()?;
    if !output.status.success() {
        return Err(format!("{name}: a process of its own could not {task}").into());
    }
    let text = String::from_utf8(output.stdout)?;
    let numbers: Vec<u64> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let &[operations, nanos, peak, own] = numbers.as_slice() else {
        return Err(format!("{name}: strange report: {text}").into());
    };
    Ok(Report { sample: Sample::new(operations, std::time::Duration::from_nanos(nanos)), peak, own })
}

/// What the process does; `args` are those after [`COMMAND`].
pub fn run(args: &[String]) -> Result<(), Failure> {
    let [task, name, records, len, dir, number] = args else {
        return Err(format!("{COMMAND} wants TASK NAME RECORDS LEN DIR NUMBER").into());
    };
    let shape = Shape { records: records.parse()?, len: len.parse()? };
    let number = number.parse()?;
    let mut entrant = entrants(shape)?
        .into_iter()
        .find(|entrant| entrant.name() == name)
        .ok_or_else(|| format!("no store is named {name}"))?;
    entrant.move_to(dir.into());
    match task.as_str() {
        "load" => measured(entrant, Use::Loading, |entrant| entrant.load(Clock::Wall), shape.records),
        "read" => measured(entrant, Use::Serving, |entrant| entrant.reads(Clock::Wall, 1, number), number),
        // These are for a profiler.
        "keys" | "reopen" | "writes" => again(entrant, task, number),
        "write" => write_on(entrant, number),
        _ => Err(format!("no task {task}").into()),
    }
}

fn measured(
    mut entrant: Box<dyn Entrant>,
    used: Use,
    work: impl FnOnce(&dyn Entrant) -> Result<Sample, Failure>,
    operations: u64,
) -> Result<(), Failure> {
    let (before, peak_before) = (memory("RssAnon")?, memory("VmHWM")?);
    entrant.open(used)?;
    let sample = work(entrant.as_ref())?;
    let own = memory("RssAnon")?.saturating_sub(before);
    entrant.close()?;
    let peak = memory("VmHWM")?.saturating_sub(peak_before);
    println!("{operations} {} {peak} {own}", sample.took().as_nanos());
    Ok(())
}

/// Does something so many times, and says how long each took.
fn again(mut entrant: Box<dyn Entrant>, task: &str, times: u64) -> Result<(), Failure> {
    entrant.open(Use::Serving)?;
    entrant.skip_to(entrant.next() + u64::from(std::process::id()) * 100_000);
    for _ in 0..times {
        let sample = match task {
            "keys" => entrant.keys(Clock::Wall)?,
            "reopen" => entrant.reopen(Clock::Wall)?,
            _ => entrant.writes(Clock::Wall, 1, 100)?,
        };
        println!("{task}: {:.0} ns", sample.nanos());
    }
    entrant.close()
}

/// Writes until it is killed; says after each group how many are acknowledged.
fn write_on(mut entrant: Box<dyn Entrant>, from: u64) -> Result<(), Failure> {
    const TASKS: usize = 16;
    const EACH: u64 = 8;
    entrant.open(Use::Serving)?;
    entrant.skip_to(from);
    let mut out = std::io::stdout().lock();
    loop {
        entrant.writes(Clock::Wall, TASKS, EACH)?;
        writeln!(out, "{}", entrant.next() - from)?;
        out.flush()?;
    }
}

/// A line of /proc/self/status, in bytes.
fn memory(name: &str) -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kib = line.and_then(|line| line.split_whitespace().next()).ok_or("no such line")?;
    Ok(kib.parse::<u64>()? * 1024)
}
