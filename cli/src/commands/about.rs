//! What the command says about itself: stores, completions, manual pages.

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::args::Cli;
use crate::failure::{Failure, Outcome, Result};
use crate::output::Output;
use crate::stores;

pub(crate) fn stores() -> Result<Outcome> {
    let mut text = String::new();
    for scheme in stores::registry().schemes() {
        text.push_str(&format!("{}:\t{}\n", scheme.name(), scheme.summary()));
        for option in scheme.options() {
            text.push_str(&format!("\t{}={}\t{}\n", option.name, option.values, option.help));
        }
    }
    text.push_str(&format!("\nOptions follow a question mark, as in pack:./data?durability=flushed; the first value\nis the default. Without --store and LARDER_STORE the store is {}.\n", stores::DEFAULT));
    print(text.as_bytes())
}

pub(crate) fn completions(shell: Shell) -> Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "larder", &mut script);
    print(&script)
}

pub(crate) fn man(of: Option<&str>) -> Result<Outcome> {
    let mut whole = Cli::command();
    // So that the options of the whole command stand on the page of each part.
    whole.build();
    let page = match of {
        None => whole,
        Some(name) => part(&whole, name)?,
    };
    let mut roff = Vec::new();
    Man::new(page).render(&mut roff).map_err(|error| Failure::output(&error))?;
    print(&roff)
}

fn part(whole: &Command, name: &str) -> Result<Command> {
    let Some(part) = whole.find_subcommand(name) else {
        return Err(Failure::usage(format!("there is no command {name:?}; larder --help lists them")));
    };
    Ok(part.clone().name(format!("larder-{name}")).version(env!("CARGO_PKG_VERSION")))
}

fn print(bytes: &[u8]) -> Result<Outcome> {
    let mut out = Output::open(None)?;
    out.write(bytes)?;
    out.finish()?;
    Ok(Outcome::Done)
}
