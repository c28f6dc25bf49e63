//! What each client sees of its own: its own writes, and nothing older than what it has seen. Only what real
//! time proves is a violation, so a history that passes may still be wrong.

use std::collections::HashMap;

use super::entries::Atom;
use super::problem::KeyProblem;
use super::verdict::Rule;

/// What a client saw too late: the items that show it.
pub(super) fn violation(problem: &KeyProblem<'_>, clients: &[u64], rule: Rule) -> Option<Vec<u32>> {
    let makers = Makers::of(problem);
    // For each client, since when what it sees must be there, and the item that says so.
    let mut newest: HashMap<u64, Vec<Since>> = HashMap::new();
    let sure = (0u32..).zip(&problem.items).filter(|(_, item)| !item.optional);
    for (at, item) in sure {
        let atom = problem.atoms[at as usize];
        let own = newest.entry(clients[at as usize]).or_default();
        let old = atom.needs().and_then(|seen| makers.gone_by(seen));
        if let Some((gone, maker)) = old {
            let known = |since: &&Since| since.known < item.invoked && gone < since.place;
            if let Some(since) = own.iter().rfind(known) {
                let mut core = vec![since.item, at];
                core.extend(maker);
                core.sort_unstable();
                return Some(core);
            }
        }
        let place = match rule {
            Rule::ReadYourWrites => atom.makes().map(|_| item.invoked.saturating_add(1)),
            _ => atom.needs().and_then(|seen| makers.came_after(seen)),
        };
        if let Some(place) = place {
            own.push(Since { place, known: item.returned, item: at });
            // Only the newest that is known already, and those that are still under way, are ever asked for.
            own.sort_unstable_by_key(|since| since.place);
            let known = own.iter().rposition(|since| since.known < item.invoked).unwrap_or(0);
            own.drain(..known);
        }
    }
    None
}

/// From `known` on a client must see nothing that was gone by `place`.
#[derive(Clone, Copy, Debug)]
struct Since {
    place: u64,
    known: u64,
    item: u32,
}

/// For each content, when it was brought about. Places are counted from 1: 0 is before all.
struct Makers {
    /// The first invocation, the last return with its item, of all who may have.
    spans: HashMap<u32, (u64, u64, Option<u32>)>,
    wild: bool,
}

impl Makers {
    fn of(problem: &KeyProblem<'_>) -> Makers {
        let mut spans: HashMap<u32, (u64, u64, Option<u32>)> = HashMap::new();
        // What is there at the start is older than everything.
        spans.insert(Atom::ABSENT, (0, 0, None));
        for ((at, atom), item) in (0u32..).zip(&problem.atoms).zip(&problem.items) {
            if let Some(made) = atom.makes() {
                let (invoked, returned) = (item.invoked.saturating_add(1), item.returned.saturating_add(1));
                let span = spans.entry(made).or_insert((invoked, returned, Some(at)));
                span.0 = span.0.min(invoked);
                if returned >= span.1 {
                    (span.1, span.2) = (returned, Some(at));
                }
            }
        }
        let wild = problem
            .atoms
            .iter()
            .any(|atom| matches!(atom, Atom::Deep(_) | Atom::Append(_) | Atom::Unread(_)));
        Makers { spans, wild: wild || problem.opaque }
    }

    /// The place by which all who brought it about had come back, with the last of them.
    fn gone_by(&self, content: u32) -> Option<(u64, Option<u32>)> {
        let (_, last, item) = self.spans.get(&content).filter(|_| !self.wild)?;
        Some((*last, *item))
    }

    /// The place after which it was brought about.
    fn came_after(&self, content: u32) -> Option<u64> {
        self.spans.get(&content).filter(|_| !self.wild).map(|(first, ..)| *first)
    }
}
