//! Listings. They are no single moment, so the rule is about keys that did not change meanwhile: a key that was there
//! throughout is listed exactly once, one that was absent throughout is not.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use larder::Key;

use super::entries::Atom;
use super::problem::KeyProblem;
use super::verdict::Rule;
use crate::history::{Answer, Call, Operation};

/// When a key was surely there, or surely absent.
#[derive(Debug, Default)]
pub(super) struct Presence {
    present: Known,
    absent: Known,
    /// Nothing can be said.
    opaque: bool,
}

/// What was known at times, and what may have changed it.
#[derive(Debug, Default)]
struct Known {
    /// Operations that left it so, or found it so: returned, invoked, source; by return.
    seen: Vec<(u64, u64, Option<u32>)>,
    /// For each of these and those before, the one invoked last.
    latest: Vec<(u64, Option<u32>)>,
    /// Operations that may have changed it: invoked, returned; by invocation.
    changed: Vec<(u64, u64)>,
    /// For each of these and those before, the last return.
    ended: Vec<u64>,
}

impl Known {
    fn sort(&mut self) {
        self.seen.sort_unstable();
        self.changed.sort_unstable();
        let mut latest = (0, None);
        self.latest = self
            .seen
            .iter()
            .map(|(_, invoked, source)| {
                if *invoked >= latest.0 {
                    latest = (*invoked, *source);
                }
                latest
            })
            .collect();
        let mut ended = 0;
        self.ended = self
            .changed
            .iter()
            .map(|(_, returned)| {
                ended = ended.max(*returned);
                ended
            })
            .collect();
    }

    /// Whether it was surely so from `from` to `to`; with the operation that shows it, if it was not so from the
    /// start.
    fn throughout(&self, from: u64, to: u64) -> Option<Option<u32>> {
        let seen = self.seen.partition_point(|(returned, ..)| *returned < from);
        let (invoked, source) = *self.latest.get(seen.checked_sub(1)?)?;
        let changed = self.changed.partition_point(|(invoked, _)| *invoked <= to);
        let ended = changed.checked_sub(1).and_then(|last| self.ended.get(last));
        ended.is_none_or(|ended| *ended < invoked).then_some(source)
    }
}

impl Presence {
    /// What the operations on one key say. Places are counted from 1: 0 is before all.
    pub(super) fn of(problem: &KeyProblem<'_>) -> Presence {
        let mut presence = Presence { opaque: problem.opaque, ..Presence::default() };
        presence.absent.seen.push((0, 0, None));
        for ((atom, item), source) in problem.atoms.iter().zip(&problem.items).zip(&problem.sources) {
            let (invoked, returned) = (item.invoked.saturating_add(1), item.returned.saturating_add(1));
            let (mut there, mut gone) = (false, false);
            match *atom {
                Atom::Write(_) | Atom::Append(_) | Atom::Unread(_) | Atom::Deep(_) => {
                    presence.absent.changed.push((invoked, returned));
                    there = !matches!(atom, Atom::Deep(_));
                }
                Atom::Remove { .. } => {
                    presence.present.changed.push((invoked, returned));
                    gone = true;
                }
                Atom::Move { from, to } | Atom::Swap { from, to } => {
                    (there, gone) = (to != Atom::ABSENT, to == Atom::ABSENT);
                    if from == Atom::ABSENT {
                        presence.absent.changed.push((invoked, returned));
                    }
                    if to == Atom::ABSENT {
                        presence.present.changed.push((invoked, returned));
                    }
                }
                Atom::Read(seen) => (there, gone) = (seen != Atom::ABSENT, seen == Atom::ABSENT),
                Atom::There(seen) => (there, gone) = (seen, !seen),
                Atom::NotOf(_) | Atom::Size(_) => there = true,
                Atom::Unless(unequal) => there = unequal == Atom::ABSENT,
                Atom::Look(_) | Atom::Never => {}
            }
            if !item.optional && there {
                presence.present.seen.push((returned, invoked, Some(*source)));
            }
            if !item.optional && gone {
                presence.absent.seen.push((returned, invoked, Some(*source)));
            }
        }
        presence.present.sort();
        presence.absent.sort();
        presence
    }
}

/// What a listing has wrong: the rule, the key, and the operation that shows it.
pub(super) type Wrong = (Rule, Key, Option<u32>);

/// What is wrong in a listing, given when each key was there.
pub(super) fn wrong(
    listing: &Operation,
    keys: &[&Key],
    numbers: &HashMap<&Key, usize, FixedState>,
    presence: &[Presence],
) -> Option<Wrong> {
    let (Call::Keys(prefix), Some(Answer::Keys { keys: listed, complete })) =
        (&listing.call, listing.answer())
    else {
        return None;
    };
    let from = listing.invoked.saturating_add(1);
    let to = listing.returned.unwrap_or(u64::MAX - 1).saturating_add(1);
    let asked = |key: &Key| match prefix {
        Some(prefix) => key.as_text().is_some_and(|text| text.starts_with(prefix.as_str())),
        None => true,
    };
    let mut times: HashMap<&Key, u32, FixedState> = HashMap::default();
    listed.iter().for_each(|key| *times.entry(key).or_insert(0) += 1);
    for key in listed {
        let known = numbers.get(key).and_then(|number| presence.get(*number));
        let absent = match known {
            Some(known) if known.opaque => None,
            Some(known) => known.absent.throughout(from, to),
            None => Some(None),
        };
        if let Some(source) = absent.or_else(|| (!asked(key)).then_some(None)) {
            return Some((Rule::NotListed, key.clone(), source));
        }
    }
    keys.iter().zip(presence).find_map(|(key, known)| {
        let times = times.get(key).copied().unwrap_or(0);
        let enough = times == 1 || times == 0 && !*complete || known.opaque || !asked(key);
        if enough {
            return None;
        }
        known.present.throughout(from, to).map(|source| (Rule::ListedOnce, (*key).clone(), source))
    })
}
