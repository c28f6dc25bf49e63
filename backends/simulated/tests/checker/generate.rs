//! Small random histories: of a right execution, and of one whose answers were changed.

use larder_simulated::check::Spec;
use larder_simulated::draw::{Draws, below};
use larder_simulated::history::{Answer, Call, History, Operation, Outcome};

/// Draws for one history.
pub(crate) struct Chance {
    draws: Draws,
    count: u64,
}

impl Chance {
    pub(crate) fn new(seed: u64) -> Chance {
        Chance { draws: Draws::new(seed).domain("histories"), count: 0 }
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.count += 1;
        below(self.draws.at(self.count), bound as u64) as usize
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// A kind of history.
pub(crate) struct Subject<S: Spec> {
    pub(crate) name: &'static str,
    pub(crate) spec: S,
    /// A call; the number is another for each call of a history.
    pub(crate) call: fn(&mut Chance, usize) -> Call,
    /// What the call answers in this state. It may fill in what its function was given.
    pub(crate) answer: fn(&S::State, &mut Call) -> Answer,
    /// Some state, which another answer may come from.
    pub(crate) state: fn(&mut Chance) -> S::State,
}

/// How large a history is.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) clients: usize,
    pub(crate) calls: usize,
    /// Whether the storage may crash.
    pub(crate) crashes: bool,
}

/// A history, of which some operations never come back. In about half of the histories one or two answers are
/// not what they were.
pub(crate) fn history<S>(subject: &Subject<S>, chance: &mut Chance, size: Size) -> History
where
    S: Spec<Call = Call, Answer = Answer>,
{
    let mut state = subject.spec.initial();
    let mut done: Vec<Operation> = Vec::new();
    let mut crashes = Vec::new();
    // For each client the operation under way, and its answer once it has happened.
    let mut busy: Vec<Option<(Operation, Option<Answer>)>> = vec![None; size.clients];
    let (mut begun, mut place) = (0, 0);
    while begun < size.calls || busy.iter().any(Option::is_some) {
        place += 1;
        if size.crashes && chance.one_in(12) {
            crashes.push(place);
            done.extend(busy.iter_mut().filter_map(Option::take).map(|(operation, _)| operation));
            continue;
        }
        let slot = &mut busy[chance.below(size.clients)];
        match slot {
            None if begun < size.calls => {
                let call = (subject.call)(chance, begun);
                *slot = Some((Operation::new(begun as u64 % 3, call, place), None));
                begun += 1;
            }
            None => {}
            Some((operation, answer @ None)) => {
                let lost = chance.one_in(10);
                if !lost {
                    let answered = (subject.answer)(&state, &mut operation.call);
                    let next = subject.spec.step(&state, &operation.call, Some(&answered));
                    state = next.unwrap_or_else(|| panic!("{} cannot answer {answered}", operation.call));
                    operation.effect = Some(place);
                    *answer = Some(answered);
                }
                if lost || chance.one_in(8) {
                    done.extend(slot.take().map(|(operation, _)| operation));
                }
            }
            Some((operation, Some(answer))) => {
                done.push(operation.clone().returning(place, Outcome::Ok(answer.clone())));
                *slot = None;
            }
        }
    }
    if chance.one_in(2) {
        for _ in 0..1 + chance.below(2) {
            let at = chance.below(done.len());
            let state = (subject.state)(chance);
            let Operation { call, outcome, .. } = &mut done[at];
            if let Outcome::Ok(answer) = outcome {
                *answer = (subject.answer)(&state, call);
            }
        }
    }
    History::with_crashes(done, crashes)
}
