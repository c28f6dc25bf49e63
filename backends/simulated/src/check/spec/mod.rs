//! Specifications: what a thing does if one operation is performed after the other.

mod cas_register;
mod content;
mod counter;
mod entry;
mod log;
mod map;
mod text;

use std::hash::Hash;

pub use self::cas_register::CasRegister;
pub use self::content::Content;
pub use self::counter::Counter;
pub use self::entry::Entry;
pub use self::log::AppendLog;
pub use self::map::EntryMap;
pub use self::text::Text;

/// What a thing does if one operation is performed after the other: a deterministic state machine.
///
/// ```
/// use larder_simulated::check::{Observed, Spec, check_spec};
/// /// A lock: `true` takes it, `false` lets go.
/// struct Lock;
/// impl Spec for Lock {
///     type Call = bool;
///     type Answer = bool;
///     type State = bool;
///     fn initial(&self) -> bool {
///         false
///     }
///     fn step(&self, held: &bool, take: &bool, done: Option<&bool>) -> Option<bool> {
///         let possible = held != take;
///         if done.is_some_and(|done| *done != possible) { None } else { Some(*take) }
///     }
/// }
/// // Two hold it at the same time.
/// let twice = [Observed::new(true, 0).returning(1, true), Observed::new(true, 2).returning(3, true)];
/// assert!(check_spec(&Lock, &twice, 1_000).is_violation());
/// ```
pub trait Spec {
    /// What is asked.
    type Call;
    /// What comes back.
    type Answer;
    /// The state.
    type State: Clone + Eq + Hash;

    /// The state at the beginning.
    fn initial(&self) -> Self::State;

    /// The state after this call, if in `state` it may come back with this answer; `None` if it may not.
    /// Without an answer the outcome is unknown, and the question is what the call does if it happens:
    /// `None` then says that it cannot have happened.
    fn step(
        &self,
        state: &Self::State,
        call: &Self::Call,
        answer: Option<&Self::Answer>,
    ) -> Option<Self::State>;

    /// Whether the call, with this answer, leaves the state as it is wherever [`step`](Spec::step) allows it. A
    /// search that knows is much faster. No is always safe.
    fn only_reads(&self, call: &Self::Call, answer: Option<&Self::Answer>) -> bool {
        _ = (call, answer);
        false
    }
}
