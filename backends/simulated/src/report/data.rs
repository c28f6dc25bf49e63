//! What a report is made from: plain data, so that anything that ran can be shown, simulated or real.

use std::fmt;

/// Nanoseconds since the run began.
pub type Nanos = u64;

/// Everything a report shows. Parts that are empty are left out, except the table of faults: that a
/// run injected none is worth knowing.
///
/// The same data is always the same text and the same page, byte for byte.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// What ran, in a few words.
    pub title: String,
    /// The seed that replays the run, if one does.
    pub seed: Option<u64>,
    /// The command line that replays the run; empty if there is none.
    pub command: String,
    /// What else identifies the run, in this order: profile, workload, clients, digest.
    pub facts: Vec<Fact>,
    /// What the checks found.
    pub conclusion: Conclusion,
    /// How long the run lasted. The time axes reach at least this far.
    pub lasted: Nanos,
    /// Operations for the lanes, one lane for each client. Any number, in any order: what does not fit is
    /// left out, and counted.
    pub bars: Vec<Bar>,
    /// How many operations are not among `bars`, because there were too many to keep.
    pub bars_left_out: u64,
    /// When operations were called that met a fault or an error; in any order.
    pub troubles: Vec<Nanos>,
    /// The moment the lanes must show if they cannot show all; otherwise the first fault.
    pub focus: Option<Nanos>,
    /// How long callers waited, by class of operation.
    pub latencies: Vec<Latencies>,
    /// How long the storage took, by class of call. An operation may call it several times, or not at all.
    pub storage: Vec<Latencies>,
    /// How long the storage takes according to the model, by class of call.
    pub models: Vec<Model>,
    /// When the storage was slow or away.
    pub periods: Vec<Period>,
    /// When something crashed.
    pub crashes: Vec<Crash>,
    /// Queue depths, and other counts over time.
    pub depths: Vec<Series>,
    /// What was injected, by kind; kinds that were switched off may stand here with zeros.
    pub faults: Vec<FaultCount>,
    /// Why the history of a key has no order that explains it, for each such key.
    pub pictures: Vec<Picture>,
    /// Tables of any kind, such as a model against a measurement.
    pub tables: Vec<Table>,
}

/// A name and what it is for this run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fact {
    /// Such as `profile`.
    pub name: String,
    /// Such as `s3-standard`.
    pub value: String,
}

impl Fact {
    /// A fact; the value is anything that prints.
    pub fn new(name: impl Into<String>, value: impl fmt::Display) -> Fact {
        Fact { name: name.into(), value: value.to_string() }
    }
}

/// What the checks found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Conclusion {
    /// Nothing was checked.
    #[default]
    Unchecked,
    /// Every promise that was checked was kept; the sentence says which.
    Kept(String),
    /// A promise was broken; the sentence says which.
    Broken(String),
    /// The checker gave up; the sentence says why.
    Unknown(String),
}

/// One operation in the lane of its client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bar {
    /// Who called.
    pub client: u64,
    /// Which operation of that client it was.
    pub number: u64,
    /// The class, which gives the bar its colour, such as `write`.
    pub class: String,
    /// What is written in the bar, such as `assoc ada`.
    pub label: String,
    /// The key, as it is printed; empty if there is none.
    pub key: String,
    /// When it was called.
    pub invoked: Nanos,
    /// When it returned; `None` if it never did.
    pub returned: Option<Nanos>,
    /// When it took effect, if it did and that is known.
    pub effect: Option<Nanos>,
    /// What came back, such as `true` or `TimedOut: no answer within 5 s`.
    pub outcome: String,
    /// Whether an error came back.
    pub failed: bool,
    /// What was injected into it.
    pub fault: Option<String>,
}

/// The latencies of one class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latencies {
    /// Such as `read`.
    pub class: String,
    /// One for each operation that was answered, errors too; in any order.
    pub samples: Vec<Sample>,
}

/// One latency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sample {
    /// When the operation was called, or should have been if its client was late.
    pub at: Nanos,
    /// How long it took from then on.
    pub took: Nanos,
}

/// What a model says about one class.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    /// The class whose latencies it is compared with.
    pub class: String,
    /// Quantiles: the fraction (0 to 1) and the latency that so many do not exceed; both ascending.
    pub quantiles: Vec<(f64, Nanos)>,
}

/// A time during which the storage behaved differently.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Period {
    /// When it began.
    pub from: Nanos,
    /// When it ended.
    pub to: Nanos,
    /// What it was, such as `brown-out`. Periods of one name have one colour.
    pub name: String,
}

/// A crash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crash {
    /// When.
    pub at: Nanos,
    /// What crashed.
    pub what: String,
}

/// A count that changes over time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series {
    /// What is counted, such as `waiting for a connection`.
    pub name: String,
    /// The count from each moment on until the next, ascending.
    pub points: Vec<(Nanos, u64)>,
}

/// What became of one kind of fault.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultCount {
    /// The kind, such as `error after effect`.
    pub kind: String,
    /// How often it was injected.
    pub injected: u64,
    /// How often it showed: the caller of the storage got an error, a wrong answer or none.
    pub seen: u64,
    /// How often it did not: the caller got the answer that there would have been without it.
    pub survived: u64,
}

/// Why the operations on one key have no order that explains what they returned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// The key, as it is printed.
    pub key: String,
    /// What is wrong, in a sentence without its stop.
    pub rule: String,
    /// The operations to be shown.
    pub intervals: Vec<Interval>,
    /// The end of the longest order that works: indexes into `intervals`.
    pub order: Vec<usize>,
    /// How many operations come before these in that order.
    pub before: u64,
    /// What is there after it, in words; empty if that is not known.
    pub state: String,
    /// The operations that cannot come next: indexes into `intervals`.
    pub unplaced: Vec<usize>,
    /// The few operations that already cannot be ordered together: indexes into `intervals`.
    pub suspects: Vec<usize>,
    /// How many operations of this key are not in `intervals`.
    pub left_out: u64,
}

/// From call to return, as the checker sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interval {
    /// Who called.
    pub client: u64,
    /// What was called, and what came back.
    pub label: String,
    /// The position of the call among all calls and returns.
    pub invoked: u64,
    /// The position of the return; `None` if the outcome is not known.
    pub returned: Option<u64>,
}

/// A table. The first column is text, the others are aligned as numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// What it shows.
    pub title: String,
    /// How to read it; may be empty.
    pub note: String,
    /// The names of the columns, with units.
    pub columns: Vec<String>,
    /// The rows, as wide as `columns`.
    pub rows: Vec<Vec<String>>,
}
