//! Draws the chart of the embedded stores from the figures that `table` wrote.
//!
//!     cargo run --release --bin chart -- [FIGURES.jsonl [CHART.svg]]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use larder_benches::rows::Failure;
use larder_benches::{chart, results};

fn main() -> ExitCode {
    match run() {
        Ok(path) => {
            println!("{}", path.display());
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("chart: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<PathBuf, Failure> {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let figures = args.next().unwrap_or_else(|| kept.join("pack.jsonl"));
    let drawing = args.next().unwrap_or_else(|| figures.with_extension("svg"));
    let read = results::read(&figures).map_err(|failure| format!("{}: {failure}", figures.display()))?;
    let svg = chart::draw(&read).ok_or("no figures of embedded stores")?;
    std::fs::write(&drawing, svg)?;
    Ok(drawing)
}
