//! The words of the command line.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;

use crate::commands::{check_history, simulate, trace};
use crate::{notation, stores};

const EXAMPLES: &str = "\
Examples:
  larder assoc ada '{\"name\":\"Ada\",\"emails\":[\"ada@example.org\"]}'
  larder get ada emails 0                      # \"ada@example.org\"
  larder update ada visits --add 1             # {\"new\":1}
  larder import elements.jsonl --key symbol    # one entry per line
  larder get Fe name                           # \"Iron\"
  larder keys --prefix users/ | while IFS= read -r key; do larder get -- \"$key\"; done
  larder bassoc photo.png photo.png
  larder export backup.jsonl
  larder copy pack:./larder-data file:/mnt/backup";

const CODES: &str = "\
JSON:
  Values go in and out as JSON and are stored as CBOR. What JSON cannot say (bytes, tags,
  NaN, map keys that are no text) is {\"$cbor\": \"hex\"}, which is taken back everywhere.
  Integers from -2^63 to 2^64-1 are exact, longer ones become floats.

Exit codes:
  0 done   1 absent or false   2 usage   3 storage error   4 not found out
  An error is one line on standard error. Malformed input and asking for the wrong kind of
  value (get of a binary, a path through a number) are usage errors.";

/// A persistent map of documents and binaries, for people and for scripts
#[derive(Debug, Parser)]
#[command(
    name = "larder",
    version,
    max_term_width = 100,
    after_help = "larder --help shows how keys are written, and examples.",
    after_long_help = format!("{}\n\n{CODES}\n\n{EXAMPLES}", notation::HELP)
)]
pub(crate) struct Cli {
    /// The store; `larder stores` lists the kinds
    #[arg(long, global = true, value_name = "URL", env = "LARDER_STORE", default_value = stores::DEFAULT)]
    pub(crate) store: String,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print a document, or a part of it, as JSON
    #[command(after_help = "\
Exit code 1 if it is absent.

Examples:
  larder get ada
  larder get ada emails 0
  larder get json:42")]
    Get {
        /// The key
        key: String,
        /// The steps into the value: names, and indexes of arrays
        #[arg(value_name = "SEGMENT")]
        segments: Vec<String>,
    },

    /// Tell whether there is an entry: true or false, and exit code 0 or 1
    #[command(after_help = "Example:\n  larder exists ada >/dev/null && echo there")]
    Exists {
        /// The key
        key: String,
    },

    /// Print what is stored about an entry as JSON: kind, size, last write, revision, sums, user meta
    #[command(after_help = "Example:\n  larder meta photo.png")]
    Meta {
        /// The key
        key: String,
    },

    /// Remove an entry; prints true, or false with exit code 1 if there was none
    #[command(after_help = "Example:\n  larder dissoc ada")]
    Dissoc {
        /// The key
        key: String,
    },

    /// Set a document, or a part of it
    #[command(
        override_usage = "larder assoc [OPTIONS] <KEY> [SEGMENT]... <JSON>",
        after_help = "\
Missing objects on the way are made; an index just past the end of an array appends.
Replacing a whole entry starts its user meta afresh.

Examples:
  larder assoc ada '{\"name\":\"Ada\"}'
  larder assoc ada born 1815
  larder assoc ada motto --text 'no quotes needed'
  curl -s https://example.org/ada.json | larder assoc ada -"
    )]
    Assoc {
        /// The key
        key: String,
        /// The steps into the value, if any, and then the value; - reads it from standard input
        #[arg(value_name = "SEGMENT... JSON", num_args = 1.., required = true, allow_negative_numbers = true)]
        rest: Vec<String>,
        /// Take the value as text, not as JSON
        #[arg(long)]
        text: bool,
    },

    /// Change a document, or a part of it, atomically; prints {"old":..,"new":..}
    #[command(after_help = "\
Prints one line of JSON with the value at the path before and after; \"old\" is left out if
there was none. Any number of processes may update one key at the same time;
at a pack they take turns.

Examples:
  larder update counter --add 1
  larder update ada tags --push '\"math\"'
  larder update ada --merge '{\"born\":1815}'")]
    Update(Update),

    /// List the keys, one a line, in no particular order
    #[command(after_help = "\
--long adds, separated by tabs: kind (document, binary, log), size in bytes (- for a log),
last write (UTC). Pipe it to sort for an order.

Examples:
  larder keys --prefix users/
  larder keys --long | sort -t \"$(printf '\\t')\" -k 3n")]
    Keys {
        /// Only text keys that begin with this text
        #[arg(long, value_name = "P")]
        prefix: Option<String>,
        /// Add kind, size and last write
        #[arg(long)]
        long: bool,
    },

    /// Write the bytes of a binary
    #[command(after_help = "\
FILE gets its name only when every byte has been read and compared with the checksum.
A range is A..B (B is not in it), A.. or ..B; only that range is read, so it is not compared.
Exit code 1 if the entry is absent.

Examples:
  larder bget photo.png -o photo.png
  larder bget video --range 0..1048576 | file -")]
    Bget {
        /// The key
        key: String,
        /// Where to write; standard output otherwise
        #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        output: Option<PathBuf>,
        /// Which bytes
        #[arg(long, value_name = "A..B", value_parser = range, allow_hyphen_values = true)]
        range: Option<Range>,
    },

    /// Store the bytes of a file as a binary, streamed
    #[command(
        after_help = "Examples:\n  larder bassoc photo.png photo.png\n  tar c src | larder bassoc src.tar -"
    )]
    Bassoc {
        /// The key
        key: String,
        /// The file; - is standard input
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },

    /// Store many entries from JSON
    #[command(after_help = "\
FILE (- is standard input) may hold
  - one JSON object: its members are the entries;
  - JSON Lines, an object a line, with --key: each object is an entry under its FIELD;
  - one JSON array of objects, with --key: the same;
  - what export wrote: documents, binaries and logs, with their keys, last write and user meta.
JSON Lines are read line by line in constant memory, objects and arrays at once. Without --key,
an object with the member \"$larder\" is a line of an export.

A malformed line ends the import with exit code 2 and the number of the line; the entries
before it are stored, none after it. Entries that were there are replaced. The last write of a
log is that of the import.

--acks prints each key on a line of its own once it is on stable storage: with
durability=synced when its write is acknowledged, otherwise after a sync.

Examples:
  larder import elements.jsonl --key symbol
  larder import settings.json
  larder import backup.jsonl --jobs 64 --acks >done")]
    Import {
        /// The file
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// The member of each object that holds its key
        #[arg(long, value_name = "FIELD")]
        key: Option<String>,
        /// How many writes run at a time
        #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=4096))]
        jobs: u16,
        /// Print each key once it is on stable storage
        #[arg(long)]
        acks: bool,
    },

    /// Write every entry as JSON Lines that import takes back
    #[command(after_help = "\
Every line is an object with the members $larder (document, binary or log), key (as keys prints
it), meta, and value, base64 or log. A binary beyond 256 KiB follows in lines of its own
($larder: part, and end). Memory holds a few entries at a time, never a whole large binary.
An entry that cannot be read is named on standard error and left out; the exit code is then 3.

Examples:
  larder export backup.jsonl
  larder export | gzip >backup.jsonl.gz")]
    Export {
        /// The file, which appears when it is complete; standard output otherwise
        #[arg(value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
    },

    /// Copy every entry of one store into another, meta included
    #[command(after_help = "\
What is there already with the same kind, last write, size, checksum and user meta is skipped, so a copy
that was broken off goes on where it stopped. A log is appended to where it is the beginning of
the other, and replaced otherwise. Entries that only the target has are left alone.

Example:
  larder copy pack:./larder-data 'file:/mnt/backup?durability=flushed'")]
    Copy {
        /// The store to read
        #[arg(value_name = "FROM_URL")]
        from: String,
        /// The store to write
        #[arg(value_name = "TO_URL")]
        to: String,
        /// How many entries are copied at a time
        #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=4096))]
        jobs: u16,
    },

    /// Read every record and compare it with its checksums
    #[command(after_help = "\
Prints a line for every bad entry: its key (empty if even that cannot be read), a tab, and what
is wrong. The exit code is then 3. Otherwise one line says what was read.

Of a pack every frame is read, dead ones too, the files of large data, and the index, which is compared
with the log. The lines name file, bytes and, if it can be told, the key. The store may be open elsewhere.
All keys are held in memory meanwhile.

Example:
  larder verify --store file:/mnt/backup")]
    Verify,

    /// Print how much there is in a store
    #[command(after_help = "\
Prints a line for each figure: its name, a tab, and the figure. A pack has: keys, live and dead bytes
of the log (and those of the dead ones that say what was removed), segments, the newest checkpoint of
the index, the memory that the index takes, the end of the log, and the files of large data. Other
stores have: keys.

Example:
  larder stats --store pack:/mnt/data")]
    Stats,

    /// Reclaim the room that replaced and removed entries take in a pack
    #[command(after_help = "\
This is done in the background too, when half of the log is dead; afterwards all of it is alive.

Example:
  larder compact --store pack:/mnt/data")]
    Compact,

    /// Save what can be read of a damaged pack into a new one
    #[command(after_help = "\
Takes the last valid record of every key. The damaged store is not changed, and nobody should write to
it meanwhile. INTO is a new directory. Prints what is damaged, and a line for each key that is
  lost     its newest record is damaged, and there is no older one
  older    its newest record is damaged, and an older one was saved
  stale    (with --stale) it was saved, and may have been replaced or removed later, where all is damaged
The exit code is 1 if anything was damaged.

Example:
  larder repair pack:./saved --store pack:./larder-data")]
    Repair {
        /// The new store
        #[arg(value_name = "INTO_URL")]
        into: String,
        /// List the keys that may have been replaced or removed later
        #[arg(long)]
        stale: bool,
    },

    /// Print every frame of the log of a pack
    #[command(after_help = "\
A line for each, with tabs between: segment, offset, kind (record, blob, removal, drop; - for what is no
frame), key, number of the state, bytes of head and data, place in a batch, ok or damaged.

Example:
  larder dump | grep damaged")]
    Dump,

    /// Run clients against a simulated store, in virtual time, and check what they saw
    #[command(after_help = simulate::help())]
    Simulate(simulate::Simulate),

    /// Say whether what clients saw of a store is linearizable
    #[command(after_help = check_history::HELP)]
    CheckHistory(check_history::CheckHistory),

    /// Measure a store, and make a profile of it for simulations
    #[command(after_help = trace::HELP)]
    Trace(trace::Trace),

    /// List the kinds of store and their options
    Stores,

    /// Print the completions for a shell
    #[command(
        after_help = "Example:\n  larder completions bash >~/.local/share/bash-completion/completions/larder"
    )]
    Completions {
        /// The shell
        shell: Shell,
    },

    /// Print the manual page, in roff
    #[command(after_help = "Examples:\n  larder man >larder.1\n  larder man import >larder-import.1")]
    Man {
        /// The page of this command
        #[arg(value_name = "COMMAND")]
        of: Option<String>,
    },
}

#[derive(Args, Debug)]
#[command(group = ArgGroup::new("change").required(true))]
pub(crate) struct Update {
    /// The key
    pub(crate) key: String,
    /// The steps into the value: names, and indexes of arrays
    #[arg(value_name = "SEGMENT")]
    pub(crate) segments: Vec<String>,
    /// Add to the number there (0 if there is none)
    #[arg(long, value_name = "N", group = "change", allow_negative_numbers = true)]
    pub(crate) add: Option<String>,
    /// Append to the array there (empty if there is none)
    #[arg(long, value_name = "JSON", group = "change", allow_negative_numbers = true)]
    pub(crate) push: Option<String>,
    /// Set these members of the object there (empty if there is none); others stay
    #[arg(long, value_name = "JSON", group = "change")]
    pub(crate) merge: Option<String>,
}

/// A range of bytes: from the first number up to, not including, the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

fn range(text: &str) -> Result<Range, String> {
    let wrong = || "write A..B, A.. or ..B with A and B in bytes".to_owned();
    let (start, end) = text.split_once("..").ok_or_else(wrong)?;
    let number = |text: &str, default| match text {
        "" => Ok(default),
        digits => digits.parse::<u64>().map_err(|_| wrong()),
    };
    let range = Range { start: number(start, 0)?, end: number(end, u64::MAX)? };
    if range.end < range.start {
        return Err("the range ends before it begins".to_owned());
    }
    Ok(range)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_words_fit_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_range_is_read_or_refused() {
        assert_eq!(range("1..3"), Ok(Range { start: 1, end: 3 }));
        assert_eq!(range(".."), Ok(Range { start: 0, end: u64::MAX }));
        assert_eq!(range("5.."), Ok(Range { start: 5, end: u64::MAX }));
        assert_eq!(range("..5"), Ok(Range { start: 0, end: 5 }));
        for bad in ["", "5", "a..b", "3..1", "1...2", "-1..2"] {
            assert!(range(bad).is_err(), "{bad}");
        }
    }
}
