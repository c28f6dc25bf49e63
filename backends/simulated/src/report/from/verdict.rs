//! Why a history has no order, from the verdict of the checker.

use std::collections::{BTreeMap, BTreeSet};

use super::super::data::{Conclusion, Interval, Picture, Report};
use super::history::{label, outcome, squeezed};
use crate::check::{Verdict, Violation};
use crate::history::{History, Operation};

/// So much of the end of the longest order is kept, or more if what is wrong begins earlier.
const ORDER: usize = 40;
const LONGEST_ORDER: usize = 400;

impl Report {
    /// Adds what the checker said of a history: the conclusion, and the picture of a violation. The lanes
    /// will show the time around it.
    pub fn add_verdict(&mut self, verdict: &Verdict, history: &History) {
        self.conclusion = match verdict {
            Verdict::Linearizable => {
                Conclusion::Kept(format!("All {} operations are linearizable.", history.len()))
            }
            Verdict::Unknown(why) => Conclusion::Unknown(format!(
                "It was not found out whether the history is linearizable: {why}."
            )),
            Verdict::NotLinearizable(violation) => {
                let picture = picture(violation, history);
                let sentence = format!("{}: {}.", picture.key, violation.rule);
                let at = violation.blocked.or(violation.offending.last().map(|offender| offender.index));
                let blocked = at.and_then(|at| history.operations().get(at));
                self.focus = blocked.map(|operation| operation.began).or(self.focus);
                self.pictures.push(picture);
                Conclusion::Broken(sentence)
            }
        };
    }
}

fn picture(violation: &Violation, history: &History) -> Picture {
    let operations = history.operations();
    let suspects: Vec<usize> = violation.offending.iter().map(|offender| offender.index).collect();
    let unplaced: Vec<usize> = match violation.blocked {
        Some(blocked) => vec![blocked],
        // Nothing was put in an order, so that none of these can be is all there is to say.
        None => suspects.clone(),
    };
    let context = violation.context.iter().map(|offender| offender.index);
    let length = violation.prefix.len();
    let earliest = violation.prefix.iter().position(|index| suspects.contains(index)).unwrap_or(length);
    let from = earliest.min(length.saturating_sub(ORDER)).max(length.saturating_sub(LONGEST_ORDER));
    let order = violation.prefix.get(from..).unwrap_or_default();
    let placed: BTreeSet<usize> = violation.prefix.iter().copied().collect();
    let mut shown: BTreeSet<usize> =
        suspects.iter().chain(&unplaced).chain(&violation.open).copied().collect();
    shown.extend(context);
    // What is in the order before the part that is shown would look as if it had not been reached.
    shown.retain(|index| !placed.contains(index));
    shown.extend(order);
    let shown: Vec<usize> = shown.into_iter().filter(|index| *index < operations.len()).collect();
    let place: BTreeMap<usize, usize> = shown.iter().enumerate().map(|(at, index)| (*index, at)).collect();
    let places = |indexes: &[usize]| indexes.iter().filter_map(|index| place.get(index).copied()).collect();

    let concerned = operations.iter().filter(|operation| is_about(operation, violation)).count();
    let keys: Vec<String> = violation.keys.iter().map(ToString::to_string).collect();
    Picture {
        key: keys.join(", "),
        rule: violation.rule.to_string(),
        intervals: shown
            .iter()
            .filter_map(|index| operations.get(*index))
            .map(|each| interval(each, violation))
            .collect(),
        order: places(order),
        before: from as u64,
        state: squeezed(&violation.state),
        unplaced: places(&unplaced),
        suspects: places(&suspects),
        left_out: concerned.saturating_sub(shown.len()) as u64,
    }
}

fn is_about(operation: &Operation, violation: &Violation) -> bool {
    operation.key().is_some_and(|key| violation.keys.contains(key))
}

fn interval(operation: &Operation, violation: &Violation) -> Interval {
    let mut call = label(operation);
    // The key of all of them is said once.
    if let [key] = violation.keys.as_slice() {
        call = call.replacen(&format!(" {key}"), "", 1);
    }
    Interval {
        client: operation.client,
        label: format!("{call} → {}", outcome(operation)),
        invoked: operation.invoked,
        returned: if operation.is_unknown() { None } else { operation.returned },
    }
}
