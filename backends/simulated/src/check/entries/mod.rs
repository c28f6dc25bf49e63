//! Entries of a store in the form in which histories are checked: what is under a key is a number, and an
//! operation an [`Atom`] over such numbers. [`Entry`](super::spec::Entry) is the specification that this
//! must agree with.

mod atom;
mod compile;
mod key_machine;
mod map_machine;
mod needs;
mod pieces;
mod pin;
mod table;
mod tighten;

pub(super) use self::atom::Atom;
pub(super) use self::compile::{Compiled, Must, compile, parts};
pub(super) use self::key_machine::KeyMachine;
pub(super) use self::map_machine::{MapItem, MapMachine};
pub(super) use self::pieces::Pieces;
pub(super) use self::pin::pin;
pub(super) use self::table::Table;
pub(super) use self::tighten::{Tightened, drop_unseen, tighten};
