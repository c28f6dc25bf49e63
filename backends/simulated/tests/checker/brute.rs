//! The definition, word for word: is there any order?

use larder_simulated::check::Spec;
use larder_simulated::history::{Answer, Call, History};

/// An operation that may have happened.
pub(crate) struct Timed {
    pub(crate) call: Call,
    /// `None` if it is unknown.
    pub(crate) answer: Option<Answer>,
    /// Whether it must have happened.
    pub(crate) must: bool,
    pub(crate) invoked: u64,
    /// By then it has happened, or never will.
    pub(crate) end: u64,
}

/// The operations of a history that may have happened.
pub(crate) fn timed(history: &History) -> Vec<Timed> {
    relaxed(history, |_| false)
}

/// The same, where some operations, by their index, need not have happened.
pub(crate) fn relaxed(history: &History, relax: impl Fn(usize) -> bool) -> Vec<Timed> {
    let telling = history.operations().iter().enumerate().filter(|(_, operation)| !operation.has_failed());
    let timed = telling.map(|(at, operation)| Timed {
        call: operation.call.clone(),
        answer: operation.answer().cloned(),
        must: operation.answer().is_some() && !relax(at),
        invoked: operation.invoked,
        end: match operation.answer() {
            Some(_) => operation.returned.unwrap(),
            None => history.crash_after(operation.invoked).unwrap_or(u64::MAX),
        },
    });
    timed.filter(|one| one.answer.is_some() || !one.call.only_reads()).collect()
}

/// Whether some order of some of the operations, all whose outcome is known among them, keeps to time and is
/// what the specification allows. Tries all orders.
pub(crate) fn has_order<S: Spec<Call = Call, Answer = Answer>>(spec: &S, timed: &[Timed]) -> bool {
    let mut placed = vec![false; timed.len()];
    goes_on(spec, timed, &mut placed, 0, &spec.initial())
}

/// `latest` is the latest invocation among what is placed.
fn goes_on<S: Spec<Call = Call, Answer = Answer>>(
    spec: &S,
    timed: &[Timed],
    placed: &mut [bool],
    latest: u64,
    state: &S::State,
) -> bool {
    if (0..timed.len()).all(|at| placed[at] || !timed[at].must) {
        return true;
    }
    for (at, one) in timed.iter().enumerate() {
        if placed[at] || one.end < latest {
            continue;
        }
        if let Some(next) = spec.step(state, &one.call, one.answer.as_ref()) {
            placed[at] = true;
            let found = goes_on(spec, timed, placed, latest.max(one.invoked), &next);
            placed[at] = false;
            if found {
                return true;
            }
        }
    }
    false
}
