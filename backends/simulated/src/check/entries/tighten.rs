//! What follows about times: a value that only one operation wrote was written before it was seen.

use super::atom::Atom;
use super::table::Table;
use crate::check::search::Item;

/// What came of tightening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::check) enum Tightened {
    /// The same question with shorter intervals, and fewer operations that need not have happened.
    Well,
    /// There is no order, as can be seen from these operations alone, or, if none are named, from more.
    Contradiction(Vec<usize>),
}

/// Shortens the intervals: whoever sees a value that only one operation brings about comes after that one. If
/// it was unknown whether that happened, it is known now. Every order that was possible still is.
/// `start` is what is there at the beginning.
pub(in crate::check) fn tighten(
    table: &Table<'_>,
    atoms: &mut [Atom],
    items: &mut [Item],
    start: u32,
) -> Tightened {
    if atoms.iter().any(|atom| matches!(atom, Atom::Deep(_))) {
        return Tightened::Well;
    }
    let makers = makers(table, atoms);
    let loose = atoms.iter().any(|atom| matches!(atom, Atom::Append(_)));
    let maker_of = |atom: Atom| match atom.needs() {
        Some(content) if content == start => None,
        // It is not known who brings about which log.
        Some(content) if loose && table.log_len(content).is_some() => None,
        Some(content) => makers.get(content as usize).copied(),
        None => None,
    };
    // First, so that the operations that show it are all there are to show.
    if let Some(core) = overwritten(&makers, atoms, items, start, loose, table) {
        return Tightened::Contradiction(core);
    }
    // Whoever is needed has happened, and then needs what it found itself.
    let mut needed: Vec<(usize, bool)> =
        (0..atoms.len()).filter(|at| !items[*at].optional).map(|at| (at, true)).collect();
    while let Some((seer, known)) = needed.pop() {
        // Of what only follows to have happened, the reasons would belong here too.
        let alone = |core: Vec<usize>| Tightened::Contradiction(if known { core } else { Vec::new() });
        match maker_of(atoms[seer]) {
            Some(Maker::None) => return alone(vec![seer]),
            Some(Maker::One(maker)) => {
                if items[seer].returned < items[maker].invoked {
                    return alone(vec![maker, seer]);
                }
                if items[maker].optional {
                    items[maker].optional = false;
                    if let Atom::Swap { from, to } = atoms[maker] {
                        atoms[maker] = Atom::Move { from, to };
                    }
                    needed.push((maker, false));
                }
            }
            Some(Maker::Many) | None => {}
        }
    }
    let must: Vec<(usize, usize)> = (0..atoms.len())
        .filter(|seer| !items[*seer].optional)
        .filter_map(|seer| match maker_of(atoms[seer]) {
            Some(Maker::One(maker)) if maker != seer => Some((maker, seer)),
            _ => None,
        })
        .collect();
    // Forwards begins move, backwards ends do, so that chains of updates pass the news on.
    for (maker, seer) in &must {
        items[*seer].invoked = items[*seer].invoked.max(items[*maker].invoked);
    }
    for (maker, seer) in must.iter().rev() {
        items[*maker].returned = items[*maker].returned.min(items[*seer].returned);
        items[*maker].hint = items[*maker].hint.min(items[*maker].returned);
    }
    match items.iter().any(|item| item.invoked > item.returned) {
        true => Tightened::Contradiction(Vec::new()),
        false => Tightened::Well,
    }
}

/// Looks for a content that somebody saw after it was surely gone: something else had come after its only maker, and
/// had come back before the look began.
fn overwritten(
    makers: &[Maker],
    atoms: &[Atom],
    items: &[Item],
    start: u32,
    loose: bool,
    table: &Table<'_>,
) -> Option<Vec<usize>> {
    let changes = |atom: Atom| match atom {
        Atom::Append(_) | Atom::Unread(_) => true,
        atom => atom.makes().is_some(),
    };
    let mut changers: Vec<(u64, u64, usize)> = (0..atoms.len())
        .filter(|at| !items[*at].optional && changes(atoms[*at]))
        .map(|at| (items[at].invoked, items[at].returned, at))
        .collect();
    changers.sort_unstable();
    // For each of these and those invoked later, the one that returned first.
    let mut first = (u64::MAX, 0);
    let mut firsts: Vec<(u64, usize)> = Vec::with_capacity(changers.len());
    for (_, returned, at) in changers.iter().rev() {
        first = first.min((*returned, *at));
        firsts.push(first);
    }
    firsts.reverse();
    (0..atoms.len()).filter(|seer| !items[*seer].optional).find_map(|seer| {
        let content = atoms[seer].needs()?;
        if loose && table.log_len(content).is_some() {
            return None;
        }
        let (maker, gone) = match makers.get(content as usize)? {
            Maker::None if content == start => (None, 0),
            // What was there at the start may have come back.
            Maker::One(maker) if content != start => {
                (Some(*maker), changers.partition_point(|(invoked, ..)| *invoked <= items[*maker].returned))
            }
            _ => return None,
        };
        let (returned, changer) = *firsts.get(gone)?;
        let mut core: Vec<usize> = maker.into_iter().chain([changer, seer]).collect();
        core.dedup();
        (returned < items[seer].invoked).then_some(core)
    })
}

/// Who brings about a content.
#[derive(Clone, Copy)]
enum Maker {
    None,
    One(usize),
    Many,
}

fn makers(table: &Table<'_>, atoms: &[Atom]) -> Vec<Maker> {
    let mut makers = vec![Maker::None; table.len()];
    for (at, atom) in atoms.iter().enumerate() {
        if let Some(maker) = atom.makes().and_then(|made| makers.get_mut(made as usize)) {
            *maker = if matches!(maker, Maker::None) { Maker::One(at) } else { Maker::Many };
        }
    }
    makers
}

/// The items that are worth keeping: without those that need not have happened and whose effect nobody can have
/// seen. Every order of the rest is one of all.
pub(in crate::check) fn drop_unseen(table: &Table<'_>, atoms: &[Atom], items: &[Item]) -> Vec<usize> {
    let mut seen = vec![false; table.len()];
    // An append needs a log, or nothing, to be there: it sees whether something else is.
    let other =
        |atom: &Atom| atom.makes().is_some_and(|made| made != Atom::ABSENT && table.log_len(made).is_none());
    if atoms.iter().any(|atom| matches!(atom, Atom::Unread(_))) && atoms.iter().any(other) {
        return (0..atoms.len()).collect();
    }
    for atom in atoms {
        match atom {
            // These see whether there is something, or what it is not.
            Atom::There(_)
            | Atom::NotOf(_)
            | Atom::Size(_)
            | Atom::Remove { seen: true }
            | Atom::Append(_)
            | Atom::Deep(_)
            | Atom::Look(_)
            | Atom::Unless(_) => return (0..atoms.len()).collect(),
            Atom::Read(content) | Atom::Move { from: content, .. } | Atom::Swap { from: content, .. } => {
                if let Some(seen) = seen.get_mut(*content as usize) {
                    *seen = true;
                }
            }
            Atom::Write(_) | Atom::Remove { seen: false } | Atom::Unread(_) | Atom::Never => {}
        }
    }
    let useless = |at: usize| {
        let unseen = |made: u32| !seen.get(made as usize).copied().unwrap_or(false);
        items[at].optional && (matches!(atoms[at], Atom::Unread(_)) || atoms[at].makes().is_some_and(unseen))
    };
    (0..atoms.len()).filter(|at| !useless(*at)).collect()
}
