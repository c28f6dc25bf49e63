//! Operations by chance, and what they make of a store.

use larder::{Backend, Batch, Bytes, Expect, Key, Removed, Result, Write, Written};
use larder_pack::Pack;
use larder_simulated::draw::{Draws, below};

use super::store::{Content, record, streamed};

/// What is done to a store.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Put(Key, Bytes),
    Stream(Key, Bytes),
    Remove(Key),
    Batch(Vec<(Key, Option<Bytes>)>),
    Compact,
    Sync,
    /// Close, and open again. (It is not done by [`Op::run`].)
    Reopen,
}

impl Op {
    /// Does it. What is there before is as is said by `before`: the answers must agree.
    pub(crate) fn run(&self, store: &Pack, before: &Content) -> Result<()> {
        match self {
            Op::Put(key, value) => {
                let written = store.write(key, record(key, value.clone()), Expect::Any).wait()?;
                assert!(matches!(written, Written::Done(_)), "{written:?}");
            }
            Op::Stream(key, value) => {
                let written = store.write(key, streamed(key, value), Expect::Any).wait()?;
                assert!(matches!(written, Written::Done(_)), "{written:?}");
            }
            Op::Remove(key) => {
                let removed = store.remove(key, Expect::Any).wait()?;
                let expected = if before.contains_key(key) { Removed::Done } else { Removed::Absent };
                assert_eq!(removed, expected, "{key}");
            }
            Op::Batch(changes) => {
                let write = |(key, value): &(Key, Option<Bytes>)| Write {
                    key: key.clone(),
                    record: value.clone().map(|value| record(key, value)),
                    expect: Expect::Any,
                };
                let done = store.write_batch(changes.iter().map(write).collect()).wait()?;
                let existed = changes.iter().map(|(key, _)| before.contains_key(key)).collect();
                assert_eq!(done, Batch::Done(existed));
            }
            Op::Compact => store.compact().wait()?,
            Op::Sync => store.sync().wait()?,
            Op::Reopen => {}
        }
        Ok(())
    }

    /// What a store holds after it.
    pub(crate) fn apply(&self, content: &mut Content) {
        let mut set = |key: &Key, value: Option<&Bytes>| match value {
            Some(value) => _ = content.insert(key.clone(), value.clone()),
            None => _ = content.remove(key),
        };
        match self {
            Op::Put(key, value) | Op::Stream(key, value) => set(key, Some(value)),
            Op::Remove(key) => set(key, None),
            Op::Batch(changes) => changes.iter().for_each(|(key, value)| set(key, value.as_ref())),
            Op::Compact | Op::Sync | Op::Reopen => {}
        }
    }

    /// Whether it changes anything that can be read.
    pub(crate) fn changes(&self) -> bool {
        !matches!(self, Op::Compact | Op::Sync | Op::Reopen)
    }
}

/// How operations are drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Script {
    pub(crate) seed: u64,
    pub(crate) len: u64,
    pub(crate) keys: u64,
    /// The largest value, in bytes.
    pub(crate) largest: u64,
    /// Of a hundred operations, so many removals, batches, compactions, syncs, and reopenings; others are puts.
    pub(crate) removals: u64,
    pub(crate) batches: u64,
    pub(crate) compactions: u64,
    pub(crate) syncs: u64,
    pub(crate) reopenings: u64,
    /// Of a hundred puts so many are of a blob.
    pub(crate) blobs: u64,
}

impl Script {
    /// A bit of everything.
    pub(crate) const fn new(seed: u64, len: u64) -> Script {
        Script {
            seed,
            len,
            keys: 12,
            largest: 900,
            removals: 22,
            batches: 14,
            compactions: 2,
            syncs: 6,
            reopenings: 4,
            blobs: 0,
        }
    }

    /// The keys that operations are about.
    pub(crate) fn universe(&self) -> Vec<Key> {
        (0..self.keys).map(key).collect()
    }

    pub(crate) fn ops(&self) -> Vec<Op> {
        (0..self.len).map(|number| self.op(number)).collect()
    }

    fn op(&self, number: u64) -> Op {
        let draws = Draws::new(self.seed).domain("ops").of(number);
        let draw = |at: u64, bound: u64| below(draws.at(at), bound);
        let name = |at: u64| key(draw(at, self.keys));
        let mut kind = draw(0, 100);
        let mut is = |part: u64| {
            let yes = kind < part;
            kind = kind.wrapping_sub(part);
            yes
        };
        if is(self.removals) {
            return Op::Remove(name(1));
        }
        if is(self.batches) {
            let mut keys: Vec<u64> = (0..2 + draw(1, 5)).map(|at| draw(10 + at, self.keys)).collect();
            keys.sort_unstable();
            keys.dedup();
            let change = |at: u64| (draw(100 + at, 4) > 0).then(|| self.value(number, at));
            return Op::Batch(keys.into_iter().map(|at| (key(at), change(at))).collect());
        }
        if is(self.compactions) {
            return Op::Compact;
        }
        if is(self.syncs) {
            return Op::Sync;
        }
        if is(self.reopenings) {
            return Op::Reopen;
        }
        if draw(2, 100) < self.blobs {
            let value = blob(number, draw(3, 5000));
            return if draw(4, 2) == 0 { Op::Put(name(1), value) } else { Op::Stream(name(1), value) };
        }
        Op::Put(name(1), self.value(number, 50))
    }

    /// A value that no other operation writes. Most are short, some empty.
    fn value(&self, number: u64, at: u64) -> Bytes {
        let draws = Draws::new(self.seed).domain("values").of(number).of(at);
        let bound = if below(draws.at(0), 3) == 0 { self.largest } else { self.largest / 8 + 1 };
        let text = format!("{number}.{at} ");
        let len = below(draws.at(1), bound) as usize;
        text.bytes().cycle().take(len).collect::<Vec<u8>>().into()
    }
}

/// Data that is kept in a file of its own: from 1 MiB on.
pub(crate) fn blob(number: u64, more: u64) -> Bytes {
    let mut bytes = vec![number as u8; (1 << 20) + more as usize];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    bytes.into()
}

/// Keys of all kinds.
fn key(number: u64) -> Key {
    match number % 3 {
        0 => Key::from(format!("key {number}")),
        1 => Key::from(number as i64),
        _ => Key::from(format!("{number} {}", "long ".repeat(20))),
    }
}
