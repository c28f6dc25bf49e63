//! Checking operations on anything that has a specification.

use super::explain::explain;
use super::problem::SpecProblem;
use super::search::{Found, Item, NEVER, Timeline};
use super::spec::Spec;

/// A call on something that has a [`Spec`], and what was seen of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed<C, A> {
    /// What was asked.
    pub call: C,
    /// What came back; `None` if it is not known whether it happened.
    pub answer: Option<A>,
    /// The place of the invocation in the order of all invocations and returns.
    pub invoked: u64,
    /// The place of the return.
    pub returned: Option<u64>,
}

impl<C, A> Observed<C, A> {
    /// A call that was invoked and never came back.
    pub fn new(call: C, invoked: u64) -> Observed<C, A> {
        Observed { call, answer: None, invoked, returned: None }
    }

    /// The same call, come back here with this answer.
    #[must_use]
    pub fn returning(mut self, returned: u64, answer: A) -> Observed<C, A> {
        (self.returned, self.answer) = (Some(returned), Some(answer));
        self
    }
}

/// What [`check_spec`] says. Operations are named by their index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpecVerdict {
    /// There is an order: this one.
    Order(Vec<usize>),
    /// There is none.
    Violation {
        /// Operations that cannot be ordered, as few as were found to be enough.
        offending: Vec<usize>,
        /// The longest order there is, up to the first moment at which none goes on.
        prefix: Vec<usize>,
        /// The operation that cannot be placed after it.
        blocked: Option<usize>,
    },
    /// Not found out within the budget.
    Unknown,
}

impl SpecVerdict {
    /// Whether there is no order.
    pub fn is_violation(&self) -> bool {
        matches!(self, SpecVerdict::Violation { .. })
    }
}

/// Whether there is an order of these operations that explains what was seen, each at some moment between its
/// invocation and its return. Gives up after `budget` dead ends, each of which takes about 40 bytes.
pub fn check_spec<S: Spec>(spec: &S, observed: &[Observed<S::Call, S::Answer>], budget: u64) -> SpecVerdict {
    if observed.len() > Timeline::MOST {
        return SpecVerdict::Unknown;
    }
    // By invocation, as problems have them.
    let mut order: Vec<usize> = (0..observed.len()).collect();
    order.sort_by_key(|at| observed[*at].invoked);
    let item = |at: &usize| {
        let observed = &observed[*at];
        let optional = observed.answer.is_none();
        let returned = if optional { NEVER } else { observed.returned.unwrap_or(NEVER - 1) };
        let returned = returned.max(observed.invoked);
        Item { invoked: observed.invoked, returned, optional, hint: returned }
    };
    let calls = order.iter().map(|at| (&observed[*at].call, observed[*at].answer.as_ref()));
    let mut problem = SpecProblem { spec, calls: calls.collect(), items: order.iter().map(item).collect() };
    let back = |items: &[u32]| items.iter().map(|item| order[*item as usize]).collect();
    match problem.find(budget) {
        Found::Order(found) => SpecVerdict::Order(back(&found)),
        Found::GaveUp => SpecVerdict::Unknown,
        Found::Nothing(blocked) => {
            let why = explain(&mut problem, Some(blocked), None);
            SpecVerdict::Violation {
                offending: back(&why.core),
                prefix: why.prefix.map(|prefix| back(&prefix.order)).unwrap_or_default(),
                blocked: why.blocked.map(|blocked| order[blocked as usize]),
            }
        }
    }
}
