//! The checker against the definition: on small random histories, right ones and wrong ones, it says what a search
//! through all orders says, by whatever means it decides.
//!
//! A failure prints the seed of the history; `LARDER_SEED` begins with another.

#[path = "checker/brute.rs"]
mod brute;
#[path = "checker/generate.rs"]
mod generate;
#[path = "checker/promises.rs"]
mod promises;
#[path = "checker/subjects.rs"]
mod subjects;

use brute::{has_order, relaxed, timed};
use generate::{Chance, Size, Subject, history};
use larder_simulated::check::{Checker, Decided, Model, Observed, Spec, SpecVerdict, Verdict, check_spec};
use larder_simulated::history::{Answer, Call, History, Operation};

/// How many histories of each kind.
const HISTORIES: u64 = 100_000;

/// The seeds of the histories of one test.
fn seeds() -> impl Iterator<Item = u64> {
    let first = match std::env::var("LARDER_SEED") {
        Ok(seed) => seed.parse().expect("LARDER_SEED is a number"),
        Err(_) => 1,
    };
    println!("LARDER_SEED={first}");
    first..first + HISTORIES
}

fn show(history: &History) -> String {
    let lines: Vec<String> = history.operations().iter().map(|operation| format!("  {operation}")).collect();
    format!("{}\n  crashes: {:?}", lines.join("\n"), history.crashes())
}

/// The same history, without what is known about effects.
fn without_effects(history: &History) -> History {
    let forgotten =
        history.operations().iter().map(|operation| Operation { effect: None, ..operation.clone() });
    History::with_crashes(forgotten.collect(), history.crashes().to_vec())
}

/// Compares verdicts on many histories: the definition's, the checker's with and without effects, and the search's
/// by the specification itself. Answers with how many were right and how many wrong.
fn compare<S>(subject: &Subject<S>, model: Model, size: Size) -> Tally
where
    S: Spec<Call = Call, Answer = Answer>,
{
    let mut tally = Tally::default();
    for seed in seeds() {
        let mut chance = Chance::new(seed);
        let history = history(subject, &mut chance, size);
        let right = has_order(&subject.spec, &timed(&history));
        let checker = Checker::new().model(model).without_explanation();
        // Half of the histories with what is known about effects: that makes it a matter of looking.
        let told = (seed % 2 == 0).then(|| checker.decide(&history));
        let untold = checker.decide(&without_effects(&history));
        for decided in told.iter().chain([&untold]) {
            assert!(
                matches!(
                    (&decided.verdict, right),
                    (Verdict::Linearizable, true) | (Verdict::NotLinearizable(_), false)
                ),
                "{}, seed {seed}: an order exists: {right}, but {}\n{}",
                subject.name,
                decided.verdict,
                show(&history),
            );
        }
        if seed % 8 == 0 && history.crashes().is_empty() {
            let found = match check_spec(&subject.spec, &observed(&history), 10_000) {
                SpecVerdict::Order(_) => Some(true),
                SpecVerdict::Violation { .. } => Some(false),
                SpecVerdict::Unknown => None,
            };
            assert_eq!(found, Some(right), "{}, seed {seed}\n{}", subject.name, show(&history));
        }
        if seed % 16 == 0 && !right {
            explained(subject, &history, &Checker::new().model(model).check(&history), seed);
        }
        tally.count(right, told.as_ref(), &untold);
    }
    println!("{}: {tally:?}", subject.name);
    // A test of which all verdicts are the same shows nothing.
    assert!(tally.right > HISTORIES / 10 && tally.wrong > HISTORIES / 20, "{tally:?}");
    tally
}

/// An explanation must be true: the offending operations alone cannot be ordered, even if all others need not have
/// happened; and the longest order must be one.
fn explained<S>(subject: &Subject<S>, history: &History, verdict: &Verdict, seed: u64)
where
    S: Spec<Call = Call, Answer = Answer>,
{
    let violation = verdict.violation().unwrap();
    let offending: Vec<usize> = violation.offending.iter().map(|offender| offender.index).collect();
    let shown = || format!("{}, seed {seed}\n{verdict}\n{}", subject.name, show(history));
    assert!(!offending.is_empty(), "{}", shown());
    assert!(!has_order(&subject.spec, &relaxed(history, |at| !offending.contains(&at))), "{}", shown());
    // Of a batch, only the part on the key in question is in the order.
    if violation.keys.len() == 1 && history.operations().iter().any(|operation| operation.key().is_none()) {
        return;
    }
    let mut state = subject.spec.initial();
    for (at, index) in violation.prefix.iter().enumerate() {
        let operation = &history.operations()[*index];
        let next = subject.spec.step(&state, &operation.call, operation.answer());
        state = next.unwrap_or_else(|| panic!("{} cannot come next in {}", operation, shown()));
        let mut later = violation.prefix[at..].iter().map(|later| &history.operations()[*later]);
        let early = later.any(|later| later.answer().is_some() && later.returned < Some(operation.invoked));
        assert!(!early, "{} comes too early in {}", operation, shown());
    }
}

#[derive(Debug, Default)]
struct Tally {
    right: u64,
    wrong: u64,
    by_witness: usize,
    by_zones: usize,
    by_search: usize,
}

impl Tally {
    fn count(&mut self, right: bool, told: Option<&Decided>, untold: &Decided) {
        *if right { &mut self.right } else { &mut self.wrong } += 1;
        self.by_witness += told.map_or(0, |told| told.by_witness);
        self.by_zones += untold.by_zones;
        self.by_search += untold.by_search;
    }
}

/// The history as a specification sees it: without reads of unknown outcome, which say nothing.
fn observed(history: &History) -> Vec<Observed<Call, Answer>> {
    let observed = timed(history).into_iter().map(|one| {
        let observed = Observed::new(one.call, one.invoked);
        match one.answer {
            Some(answer) => observed.returning(one.end, answer),
            None => observed,
        }
    });
    observed.collect()
}

const SMALL: Size = Size { clients: 3, calls: 5, crashes: false };

#[test]
fn one_key_under_all_operations_is_judged_as_by_all_orders() {
    let tally = compare(&subjects::everything(), Model::Larder, SMALL);
    assert!(tally.by_witness > 10_000 && tally.by_search > 10_000, "{tally:?}");
}

#[test]
fn crashes_end_what_was_under_way_as_by_all_orders() {
    compare(&subjects::everything(), Model::Larder, Size { crashes: true, ..SMALL });
}

#[test]
fn distinct_values_are_judged_by_zones_as_by_all_orders() {
    let tally = compare(&subjects::distinct(), Model::Larder, Size { calls: 6, ..SMALL });
    assert!(tally.by_witness > 10_000 && tally.by_zones > 90_000, "{tally:?}");
}

#[test]
fn a_register_with_compare_and_set_is_judged_as_by_all_orders() {
    compare(&subjects::cas_register(), Model::CasRegister, Size { calls: 6, crashes: true, ..SMALL });
}

#[test]
fn a_counter_is_judged_as_by_all_orders() {
    compare(&subjects::counter(), Model::Counter, SMALL);
}

#[test]
fn logs_are_judged_as_by_all_orders() {
    compare(&subjects::log_of_few(), Model::Log, SMALL);
    compare(&subjects::log_of_distinct(), Model::Log, Size { crashes: true, ..SMALL });
}

#[test]
fn a_text_is_judged_as_by_all_orders() {
    compare(&subjects::text(), Model::Text, SMALL);
}

#[test]
fn batches_over_two_keys_are_judged_as_by_all_orders() {
    let tally = compare(&subjects::map(), Model::Larder, SMALL);
    assert!(tally.by_search > 1_000, "{tally:?}");
}
