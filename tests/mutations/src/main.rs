//! Breaks larder on purpose, in a copy of its source, one bug at a time, runs the simulation's tests
//! on each, and says which of them notice. A bug that none notices is a hole in the tests.
//!
//!     cargo run -p larder-mutations -- [--only NAME]... [--list] [--write]
//!
//! `--write` puts what it finds into the table in `docs/mutations.md`, row by row. Exits 1 if a bug goes unnoticed.

mod copy;
mod list;
mod run;
mod table;

use std::path::Path;
use std::process::ExitCode;

use list::Mutation;
use run::Workshop;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("mutations: {failure}");
            ExitCode::from(2)
        }
    }
}

/// The root of the workspace.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn run() -> Result<bool, String> {
    let (mut only, mut write, mut args) = (Vec::new(), false, std::env::args().skip(1));
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--only" => only.push(args.next().ok_or("--only needs the name of a mutation")?),
            "--write" => write = true,
            "--list" => {
                list::MUTATIONS.iter().for_each(|mutation| println!("{}: {}", mutation.name, mutation.what));
                return Ok(true);
            }
            _ => return Err(format!("unknown argument {arg}")),
        }
    }
    if let Some(name) = only.iter().find(|name| list::MUTATIONS.iter().all(|one| one.name != **name)) {
        return Err(format!("there is no mutation {name}; --list names them"));
    }
    let wanted = |name: &str| only.is_empty() || only.iter().any(|only| only == name);
    let workshop = Workshop::new(root())?;
    let mutations: Vec<&Mutation> =
        list::MUTATIONS.iter().copied().filter(|mutation| wanted(mutation.name)).collect();
    workshop.check_sound(&mutations.iter().map(|mutation| (mutation.package, mutation.test)).collect())?;
    let mut all_noticed = true;
    for mutation in mutations {
        let caught = workshop.try_out(mutation)?;
        all_noticed &= !caught.is_empty();
        let row = table::row(mutation, &caught);
        println!("{row}");
        if write {
            table::write(root(), &[row])?;
        }
    }
    Ok(all_noticed)
}
