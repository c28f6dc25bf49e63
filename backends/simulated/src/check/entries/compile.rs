//! From operations to atoms.

use larder::{ByteRange, Key};

use super::atom::{ABSENT, Atom, Kind};
use super::table::Table;
use crate::history::{Answer, Call, Operation, Outcome, Update};

/// What an operation comes to for one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check) enum Compiled {
    /// This, which must have happened, or need not have.
    Atom(Atom, Must),
    /// Nothing: it has not happened, or whether it has makes no difference.
    Nothing,
    /// Something that cannot be said: an update of unknown effect.
    Opaque,
}

/// Whether something must have happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check) enum Must {
    Must,
    Need,
}

/// The keys that an operation touches, each with the number of its part. None for a listing.
pub(in crate::check) fn parts(call: &Call) -> impl Iterator<Item = (&Key, usize)> {
    let (entries, keys): (&[_], &[_]) = match call {
        Call::MultiAssoc { entries, .. } => (entries, &[]),
        Call::MultiDissoc { keys, .. } => (&[], keys),
        _ => (&[], &[]),
    };
    let several = entries.iter().map(|(key, _)| key).chain(keys);
    call.key().into_iter().chain(several).enumerate().map(|(part, key)| (key, part))
}

/// What this part of an operation does to its key.
pub(in crate::check) fn compile<'h>(
    table: &mut Table<'h>,
    operation: &'h Operation,
    part: usize,
) -> Compiled {
    let call = &operation.call;
    match &operation.outcome {
        Outcome::Failed(_) => Compiled::Nothing,
        Outcome::Ok(answer) => Compiled::Atom(happened(table, call, answer, part), Must::Must),
        Outcome::Unknown(_) if call.only_reads() => Compiled::Nothing,
        Outcome::Unknown(_) => match perhaps(table, call, part) {
            Some(atom) => Compiled::Atom(atom, Must::Need),
            None => Compiled::Opaque,
        },
    }
}

fn happened<'h>(table: &mut Table<'h>, call: &'h Call, answer: &'h Answer, part: usize) -> Atom {
    match (call, answer) {
        (Call::Get(_) | Call::AssocIn(..) | Call::UpdateIn(..), Answer::WrongKind) => {
            Atom::NotOf(Kind::Document)
        }
        (Call::Append(..) | Call::Log(_), Answer::WrongKind) => Atom::NotOf(Kind::Log),
        (Call::Bget(..), Answer::WrongKind) => Atom::NotOf(Kind::Binary),
        (Call::Get(_), Answer::Value(seen)) => Atom::Read(table.document_or_absent(seen.as_ref())),
        (Call::Log(_), Answer::Elements(None)) => Atom::Read(ABSENT),
        (Call::Log(_), Answer::Elements(Some(elements))) => Atom::Read(table.log(elements)),
        (Call::Bget(_, ByteRange::ALL), Answer::Binary(seen)) => {
            Atom::Read(seen.map_or(ABSENT, |digest| table.binary(digest)))
        }
        (Call::Bget(..), Answer::Size(None)) => Atom::Read(ABSENT),
        (Call::Bget(..), Answer::Size(Some(size))) => Atom::Size(*size),
        (Call::Exists(_) | Call::GetMeta(_), Answer::Flag(there)) => Atom::There(*there),
        (Call::Dissoc(_), Answer::Flag(was)) => removed(*was),
        (Call::MultiDissoc { .. }, Answer::Flags(flags)) => {
            flags.get(part).map_or(Atom::Never, |was| removed(*was))
        }
        (Call::CompareAndSet { old, .. }, Answer::Flag(false)) => {
            Atom::Unless(table.document_or_absent(old.as_ref()))
        }
        (Call::CompareAndSet { old, new, .. }, Answer::Flag(true)) => {
            Atom::Move { from: table.document_or_absent(old.as_ref()), to: table.document(new) }
        }
        (Call::UpdateIn(path, _), Answer::Change { old, new }) if path.segments().is_empty() => Atom::Move {
            from: table.document_or_absent(old.as_ref()),
            to: table.document_or_absent(new.as_ref()),
        },
        (Call::UpdateIn(..) | Call::AssocIn(..), Answer::InvalidPath) => {
            Atom::Look(table.deep(call, Some(answer)))
        }
        (Call::UpdateIn(..), Answer::Change { old, new }) if old == new => {
            Atom::Look(table.deep(call, Some(answer)))
        }
        (Call::UpdateIn(..), Answer::Change { .. }) | (Call::AssocIn(..), Answer::Done) => {
            Atom::Deep(table.deep(call, Some(answer)))
        }
        (
            Call::Assoc(..) | Call::Bassoc(_, Some(_)) | Call::Append(..) | Call::MultiAssoc { .. },
            Answer::Done,
        ) => perhaps(table, call, part).unwrap_or(Atom::Never),
        _ => Atom::Never,
    }
}

/// What a removal did that was told whether there was something.
fn removed(was: bool) -> Atom {
    if was { Atom::Remove { seen: true } } else { Atom::Read(ABSENT) }
}

/// What a call does if it happens, as far as that is known without its answer.
fn perhaps<'h>(table: &mut Table<'h>, call: &'h Call, part: usize) -> Option<Atom> {
    Some(match call {
        Call::Assoc(_, value) => Atom::Write(table.document(value)),
        Call::MultiAssoc { entries, .. } => Atom::Write(table.document(&entries.get(part)?.1)),
        Call::Bassoc(_, digest) => Atom::Write(table.binary((*digest)?)),
        Call::Dissoc(_) | Call::MultiDissoc { .. } => Atom::Remove { seen: false },
        Call::CompareAndSet { old, new, .. } => {
            Atom::Swap { from: table.document_or_absent(old.as_ref()), to: table.document(new) }
        }
        Call::UpdateIn(path, Update::Ran { old, new }) if path.segments().is_empty() => Atom::Move {
            from: table.document_or_absent(old.as_ref()),
            to: table.document_or_absent(new.as_ref()),
        },
        Call::AssocIn(..) | Call::UpdateIn(_, Update::Ran { .. }) => Atom::Deep(table.deep(call, None)),
        Call::Append(_, elements) => Atom::Append(table.list(elements)),
        _ => return None,
    })
}
