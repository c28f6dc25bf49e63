//! The `larder` command: a map-like key-value store for people and for shell scripts.
//!
//! `args` knows the words, `commands` does what they say; `notation` and `json` translate keys and
//! values, `output` and `failure` are the way back: results, one-line errors and exit codes.

#![forbid(unsafe_code)]

mod args;
mod commands;
mod failure;
mod json;
mod notation;
mod output;
mod progress;
mod segments;
mod stores;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::args::Cli;
use crate::failure::Outcome;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return explain(&error),
    };
    match async_std::task::block_on(commands::run(cli)) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Absent) => ExitCode::from(1),
        Ok(Outcome::Undecided) => ExitCode::from(4),
        Err(failure) => {
            let line = failure.to_string();
            if !line.is_empty() {
                complain(&line);
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

/// One line on standard error. If that is closed, there is nobody left to tell.
fn complain(line: &str) {
    use std::io::Write;
    _ = writeln!(std::io::stderr(), "larder: {line}");
}

/// Help and version go out as they are; everything else becomes one line.
fn explain(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A closed pipe is no failure.
            _ = error.print();
            ExitCode::SUCCESS
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            _ = error.print();
            ExitCode::from(2)
        }
        _ => {
            let text = error.to_string();
            let parts: Vec<&str> = text
                .lines()
                .map(str::trim)
                .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"))
                .filter(|line| !line.is_empty())
                .collect();
            let line = notation::visible(&parts.join(" "));
            complain(&format!("{} (see larder --help)", line.trim_start_matches("error: ")));
            ExitCode::from(2)
        }
    }
}
