//! Runs all rows, or those of some themes, prints the tables, and with `--write` puts them into
//! `benches/README.md`.
//!
//!     cargo run --release --bin table -- [--write] [--quick] [--only THEME]... [--date YYYY-MM-DD] [--dir DIR]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use larder_benches::harness::Effort;
use larder_benches::report::{self, Section};
use larder_benches::rows::{Failure, pack::child};
use larder_benches::{machine, readme, results, rows};

struct Wanted {
    write: bool,
    effort: Effort,
    only: Vec<String>,
    date: String,
    dir: PathBuf,
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.split_first() {
        // A process of its own for one store, started by the rows themselves.
        Some((first, rest)) if first == child::COMMAND => child::run(rest),
        _ => wanted(args.into_iter()).and_then(|wanted| run(&wanted)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("table: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn wanted(mut args: impl Iterator<Item = String>) -> Result<Wanted, Failure> {
    let mut wanted = Wanted {
        write: false,
        effort: Effort::FULL,
        only: Vec::new(),
        date: machine::today(),
        dir: Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tables"),
    };
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--write" => wanted.write = true,
            "--quick" => wanted.effort = Effort::QUICK,
            "--only" => wanted.only.push(value()?),
            "--date" => wanted.date = value()?,
            "--dir" => wanted.dir = value()?.into(),
            _ => return Err(format!("unknown argument {arg}").into()),
        }
    }
    Ok(wanted)
}

fn run(wanted: &Wanted) -> Result<(), Failure> {
    std::fs::create_dir_all(&wanted.dir)?;
    let figures = if wanted.write {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("results")
    } else {
        wanted.dir.join("results")
    };
    let mut sections: Vec<Section> = Vec::new();
    for (theme, measure) in rows::THEMES {
        if wanted.only.is_empty() || wanted.only.iter().any(|only| only == theme) {
            let section = measure(wanted.effort, &wanted.dir)?;
            results::write(&figures.join(theme).with_extension("jsonl"), &section)?;
            sections.push(section);
        }
    }
    if sections.is_empty() {
        let themes: Vec<&str> = rows::THEMES.iter().map(|(theme, _)| *theme).collect();
        return Err(format!("no such theme; there are {}", themes.join(", ")).into());
    }
    let mut tables = machine::describe(&wanted.dir, &wanted.date);
    tables.push_str(&format!("\n### Targets\n\n{}", report::targets(&sections)));
    for section in &sections {
        tables.push('\n');
        tables.push_str(&report::section(section));
    }
    println!("{tables}");
    if wanted.write {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
        let text = std::fs::read_to_string(&path)?;
        let text = match wanted.only.is_empty() {
            true => readme::with_all(&text, &tables)?,
            false => readme::with_some(&text, &sections, &wanted.date)?,
        };
        std::fs::write(&path, text)?;
    }
    Ok(())
}
