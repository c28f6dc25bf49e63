//! What callers saw, from a history, and what was done to them, from the log of a store.

use std::collections::BTreeMap;

use super::super::data::{Bar, Latencies, Nanos, Report, Sample};
use super::super::words::short;
use crate::history::{Call, History, Operation, Outcome, Update};
use crate::store::Life;

/// So many operations are kept for the lanes, which show a few hundred.
const KEPT: usize = 4000;

impl Report {
    /// Adds the operations of a history: how long callers waited, and the lanes of clients. `lives` are the
    /// calls of the storage behind them, if it was simulated. Set [`focus`](Report::focus) before: of a long
    /// history, the lanes keep what is around it.
    pub fn add_history(&mut self, history: &History, lives: &[Life]) {
        let calls = Calls::of(lives);
        let mut classes: BTreeMap<&str, Vec<Sample>> = BTreeMap::new();
        let mut first_trouble = None;
        for operation in history.operations() {
            if let Some(ended) = operation.ended {
                let sample = Sample { at: operation.began, took: ended.saturating_sub(operation.began) };
                classes.entry(operation.call.name()).or_default().push(sample);
                self.lasted = self.lasted.max(ended);
            }
            if failed(operation) || calls.of_operation(operation).any(|life| life.fault.is_some()) {
                self.troubles.push(operation.began);
                first_trouble.get_or_insert(operation.began);
            }
        }
        for (class, samples) in classes {
            self.latencies.push(Latencies { class: class.to_owned(), samples });
        }
        let all = history.operations();
        let centre = self.focus.or(first_trouble).unwrap_or(0);
        let from = all.partition_point(|operation| operation.began < centre).saturating_sub(KEPT / 2);
        let from = from.min(all.len().saturating_sub(KEPT));
        let kept = &all[from..(from + KEPT).min(all.len())];
        self.bars.extend(kept.iter().map(|operation| bar(operation, &calls)));
        self.bars_left_out += (all.len() - kept.len()) as u64;
    }
}

/// The calls of the storage, by client and time.
struct Calls<'a>(BTreeMap<u64, Vec<&'a Life>>);

impl<'a> Calls<'a> {
    fn of(lives: &'a [Life]) -> Calls<'a> {
        let mut clients: BTreeMap<u64, Vec<&Life>> = BTreeMap::new();
        lives.iter().for_each(|life| clients.entry(life.client).or_default().push(life));
        clients.values_mut().for_each(|calls| calls.sort_by_key(|life| (life.submitted, life.number)));
        Calls(clients)
    }

    /// Those that the client made for its key while the operation was under way.
    fn of_operation(&self, operation: &Operation) -> impl Iterator<Item = &'a Life> + use<'a> {
        let calls = self.0.get(&operation.client).map_or(&[][..], Vec::as_slice);
        let from = calls.partition_point(|life| life.submitted < operation.began);
        let to = operation
            .ended
            .map_or(calls.len(), |ended| calls.partition_point(|life| life.submitted <= ended));
        let key = operation.key().cloned();
        let calls: Vec<&Life> = calls.get(from..to).unwrap_or(&[]).to_vec();
        calls.into_iter().filter(move |life| key.is_none() || life.key == key)
    }
}

fn failed(operation: &Operation) -> bool {
    !matches!(operation.outcome, Outcome::Ok(_))
}

fn bar(operation: &Operation, calls: &Calls<'_>) -> Bar {
    let mut effect: Option<Nanos> = None;
    let mut faults: Vec<&str> = Vec::new();
    for life in calls.of_operation(operation) {
        effect = effect.max(life.effect);
        faults.extend(life.fault.map(|fault| fault.kind().name()));
    }
    faults.dedup();
    let returned = match (&operation.outcome, operation.returned) {
        (_, None) => None,
        _ => operation.ended,
    };
    Bar {
        client: operation.client,
        number: operation.number,
        class: operation.call.name().to_owned(),
        label: short(&label(operation), 200),
        key: operation.key().map(|key| short(&key.to_string(), 200)).unwrap_or_default(),
        invoked: operation.began,
        returned,
        effect,
        outcome: short(&outcome(operation), 300),
        failed: failed(operation),
        fault: (!faults.is_empty()).then(|| faults.join(", ")),
    }
}

/// The call; of an update without what its function was given, which is in the outcome if it is known.
pub(super) fn label(operation: &Operation) -> String {
    let said = match (&operation.call, &operation.outcome) {
        (Call::UpdateIn(path, _), Outcome::Ok(_)) => Call::UpdateIn(path.clone(), Update::Unseen).to_string(),
        (call, _) => call.to_string(),
    };
    squeezed(&said)
}

/// What came back, in short.
pub(super) fn outcome(operation: &Operation) -> String {
    squeezed(&operation.outcome.to_string())
}

/// The text with long runs of one character cut short: values of tests are padded.
pub(super) fn squeezed(text: &str) -> String {
    const LONGEST: usize = 4;
    let (mut out, mut last, mut run) = (String::with_capacity(text.len()), None, 0);
    for c in text.chars() {
        // What was cut before ends in dots.
        if c == '.' && out.ends_with('…') {
            continue;
        }
        run = if last == Some(c) { run + 1 } else { 0 };
        last = Some(c);
        match run {
            0..LONGEST => out.push(c),
            LONGEST => out.push('…'),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_cut_short() {
        assert_eq!(squeezed("[1, 2, \"xxxxxxxxxx\"] aaaa"), "[1, 2, \"xxxx…\"] aaaa");
        assert_eq!(squeezed("[1, \"xxxxxxxxxx.. → done"), "[1, \"xxxx… → done");
        assert_eq!(squeezed(""), "");
    }
}
