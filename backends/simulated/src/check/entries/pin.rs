//! Where appends happened: an element that was appended once and is in a log that somebody read was appended to what
//! comes before it there.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::atom::{ABSENT, Atom, EMPTY_LOG};
use super::table::Table;
use crate::check::search::Item;

/// What is known of an element.
#[derive(Clone, Copy, Default)]
struct Element {
    /// How often it is appended or written.
    given: u32,
    /// How many beginnings of logs that were read end with it.
    read: u32,
    /// The last of these.
    at: u32,
}

/// Turns appends whose place is known into steps from one content to another, and marks those that nobody saw.
/// `start` is what is there at the beginning. Tells whether there were such.
pub(in crate::check) fn pin(table: &mut Table<'_>, atoms: &mut [Atom], items: &[Item], start: u32) -> bool {
    if !atoms.iter().any(|atom| matches!(atom, Atom::Append(_))) {
        return false;
    }
    let mut pinned = false;
    let mut known: HashMap<u32, Element, FixedState> = HashMap::default();
    let mut walked = vec![false; table.len()];
    let mut empty = false;
    for (atom, item) in atoms.iter().zip(items) {
        match atom {
            Atom::Append(list) => {
                let elements = table.elements(*list);
                empty |= elements.is_empty();
                elements.iter().for_each(|element| known.entry(*element).or_default().given += 1);
            }
            Atom::Write(content) => {
                empty |= *content == EMPTY_LOG;
                let mut at = *content;
                while let Some((shorter, element)) = table.shorter(at) {
                    known.entry(element).or_default().given += 1;
                    at = shorter;
                }
            }
            Atom::Read(log) if !item.optional => {
                let mut at = *log;
                while let Some((shorter, element)) = table.shorter(at)
                    && !std::mem::replace(&mut walked[at as usize], true)
                {
                    let element = known.entry(element).or_default();
                    (element.read, element.at) = (element.read + 1, at);
                    at = shorter;
                }
            }
            _ => {}
        }
    }
    for atom in atoms {
        let Atom::Append(list) = *atom else { continue };
        let elements = table.elements(list).to_vec();
        let Some(element) = elements.first().and_then(|first| known.get(first)) else { continue };
        if element.read == 0 {
            *atom = Atom::Unread(list);
        } else if element.read == 1 && element.given == 1 {
            let Some((before, _)) = table.shorter(element.at) else { continue };
            let from = match before {
                // The first append makes the log, unless an empty one can be there already.
                EMPTY_LOG if start == ABSENT && empty => continue,
                EMPTY_LOG => start,
                before => before,
            };
            let to = table.extended(before, &elements);
            *atom = Atom::Move { from, to };
            pinned = true;
        }
    }
    pinned
}
