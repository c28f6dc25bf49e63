//! Operations where faults may change what is stored or what is read: stale, damaged and misdirected
//! reads, lost writes, writes that a crash undoes, a storage that is full. What these need is remembered
//! in [`Past`](super::past::Past).

use std::sync::Arc;

use larder::{
    Backend, Batch, Bytes, Data, Expect, Head, Key, Part, Record, Removed, Result, Stored, Version, Write,
    Written,
};

use super::call::{Read, Remove, WriteBatch, WriteOne, length};
use super::damage::Damage;
use super::error::Failure;
use super::past::{Old, Past};
use super::world::World;
use crate::fault::Fault;
use crate::latency::Class;

/// What is kept of a record that is written: the data unless it is a stream.
type Kept = (Head, Option<Bytes>);

/// An answer, and whether a fault shows in it.
pub(super) struct Altered<T> {
    pub(super) result: Result<T>,
    pub(super) shown: bool,
}

impl<T> Altered<T> {
    /// What the backend has answered.
    pub(super) fn faithful(result: Result<T>) -> Altered<T> {
        Altered { result, shown: false }
    }

    /// Something else.
    pub(super) fn shown(result: Result<T>) -> Altered<T> {
        Altered { result, shown: true }
    }
}

pub(super) async fn read<B: Backend>(
    world: &Arc<World<B>>,
    inner: &B,
    Read { key, part }: Read,
    fault: Option<Fault>,
) -> Altered<Option<Stored>> {
    match fault {
        Some(Fault::StaleRead { lag_ns }) => {
            let at = world.timeline.nanos().saturating_sub(lag_ns);
            let stale = world.past(|past| past.stale(&key, at).cloned()).flatten();
            match stale.map(|state| state.old) {
                Some(None) => return Altered::shown(Ok(None)),
                Some(Some(old)) => {
                    if let Some(stored) = old.read(part) {
                        return Altered::shown(Ok(Some(stored)));
                    }
                }
                None => {}
            }
        }
        Some(Fault::Misdirect { draw }) => {
            let other = world.past(|past| past.another(&key, draw)).flatten();
            if let Some(other) = other
                && let Ok(Some(stored)) = inner.read(&other, part).await
            {
                return Altered::shown(Ok(Some(Stored { verified: false, ..stored })));
            }
        }
        _ => {}
    }
    let stored = match inner.read(&key, part).await {
        Ok(Some(stored)) => stored,
        answer => return Altered::faithful(answer),
    };
    let damage = world.past(|past| {
        if let Some(Fault::Rot { draw }) = fault {
            past.damage(&key, &stored.version, Damage::Rot { draw });
        }
        past.damage_of(&key, &stored.version)
    });
    match damage.flatten() {
        Some(damage) => Altered::shown(damage.read(stored, part).map(Some)),
        None => Altered::faithful(Ok(Some(stored))),
    }
}

pub(super) async fn write<B: Backend>(
    world: &Arc<World<B>>,
    inner: &B,
    WriteOne { key, record, expect }: WriteOne,
    fault: Option<Fault>,
) -> Altered<Written> {
    let bytes = length(record.data());
    if let Err(error) = begin(world, inner, &[(key.clone(), bytes)]).await {
        return Altered::shown(Err(error));
    }
    if fault == Some(Fault::LostWrite) {
        return Altered::faithful(lost(world, inner, &key, &expect).await);
    }
    let kept = (record.head().clone(), data(&record));
    let written = inner.write(&key, record, expect).await;
    if let Ok(Written::Done(version)) = &written {
        let (head, data) = kept;
        done(world, &key, Some(Old { head, data, version: version.clone() }), fault);
    }
    Altered::faithful(written)
}

pub(super) async fn remove<B: Backend>(
    world: &Arc<World<B>>,
    inner: &B,
    Remove { key, expect }: Remove,
    fault: Option<Fault>,
) -> Altered<Removed> {
    if let Err(error) = begin(world, inner, &[(key.clone(), 0)]).await {
        return Altered::shown(Err(error));
    }
    if fault == Some(Fault::LostWrite) {
        let there = current(inner, &key).await;
        return Altered::faithful(there.map(|there| match (is_met(&expect, there.as_ref()), there) {
            (false, _) => Removed::Unmet,
            (true, Some(_)) => Removed::Done,
            (true, None) => Removed::Absent,
        }));
    }
    let removed = inner.remove(&key, expect).await;
    if let Ok(Removed::Done) = removed {
        done(world, &key, None, fault);
    }
    Altered::faithful(removed)
}

pub(super) async fn batch<B: Backend>(
    world: &Arc<World<B>>,
    inner: &B,
    WriteBatch { writes }: WriteBatch,
    fault: Option<Fault>,
) -> Altered<Batch> {
    let bytes = |write: &Write| write.record.as_ref().map_or(0, |record| length(record.data()));
    let sizes: Vec<(Key, u64)> = writes.iter().map(|write| (write.key.clone(), bytes(write))).collect();
    if let Err(error) = begin(world, inner, &sizes).await {
        return Altered::shown(Err(error));
    }
    if fault == Some(Fault::LostWrite) && inner.capabilities().batches {
        let wanted: Vec<(Key, Expect)> = writes.into_iter().map(|write| (write.key, write.expect)).collect();
        let mut there = Vec::new();
        for (key, expect) in &wanted {
            match current(inner, key).await {
                Ok(version) if is_met(expect, version.as_ref()) => there.push(version.is_some()),
                Ok(_) => return Altered::faithful(Ok(Batch::Unmet)),
                Err(error) => return Altered::faithful(Err(error)),
            }
        }
        return Altered::faithful(Ok(Batch::Done(there)));
    }
    let keep = |write: &Write| {
        let kept = write.record.as_ref().map(|record| (record.head().clone(), data(record)));
        (write.key.clone(), kept)
    };
    let kept: Vec<(Key, Option<Kept>)> = writes.iter().map(keep).collect();
    let answer = inner.write_batch(writes).await;
    if let Ok(Batch::Done(_)) = answer {
        for (key, record) in kept {
            // The answer has no versions.
            let version = current(inner, &key).await.ok().flatten();
            let old = record.zip(version).map(|((head, data), version)| Old { head, data, version });
            done(world, &key, old, fault);
        }
    }
    Altered::faithful(answer)
}

/// Before a change: what stands there is noted, and whether there is room for what is to come.
pub(super) async fn begin<B: Backend>(world: &Arc<World<B>>, inner: &B, keys: &[(Key, u64)]) -> Result<()> {
    let mut grown = 0u64;
    for (key, bytes) in keys {
        if !world.past(|past| past.is_known(key)).unwrap_or(true) {
            // What cannot be read is as good as not there.
            let there = inner.read(key, Part::All).await.ok().flatten().map(|stored| Old {
                head: stored.head,
                data: match stored.data {
                    Data::Bytes(bytes) => Some(bytes),
                    _ => None,
                },
                version: stored.version,
            });
            world.past(|past| past.begin(key, there));
        }
        let all = world.past(|past| past.stored_with(key, *bytes)).unwrap_or(0);
        if *bytes > 0 && !world.has_room_for(all.saturating_add(grown)) {
            return Err(Failure::Full.error(Class::Write).at_key(key));
        }
        grown += bytes;
    }
    Ok(())
}

/// A change has been made: this stands there now.
pub(super) fn done<B: Backend>(world: &Arc<World<B>>, key: &Key, there: Option<Old>, fault: Option<Fault>) {
    let now = world.timeline.nanos();
    world.past(|past| {
        let before = past.latest(key).cloned();
        let version = there.as_ref().map(|old| old.version.clone());
        if let (Some(Fault::Torn { draw }), Some(version)) = (fault, &version) {
            past.damage(key, version, Damage::Torn { draw });
        }
        past.changed(key, now, there);
        // What was streamed cannot be brought back, so it counts as durable.
        let known = before.as_ref().is_none_or(|old| old.data.is_some());
        match fault {
            Some(Fault::AckBeforeSync) if known => past.not_synced(key, version, before),
            _ => past.synced_key(key),
        }
    });
}

/// The store has crashed: what was acknowledged too early is undone, unless something else stands there.
pub(super) async fn lose_unsynced<B: Backend>(world: &Arc<World<B>>, inner: &B) {
    let undone = world.past(Past::take_unsynced).unwrap_or_default();
    for (key, unsynced) in undone {
        let expect = unsynced.written.map_or(Expect::Absent, Expect::Version);
        let back = match unsynced.before {
            Some(old) => {
                let record =
                    old.head.meta().and_then(|meta| Record::new(&meta, old.data.unwrap_or_default()));
                let Ok(record) = record else { continue };
                let head = record.head().clone();
                let data = data(&record);
                match inner.write(&key, record, expect).await {
                    Ok(Written::Done(version)) => Some(Old { head, data, version }),
                    _ => continue,
                }
            }
            None => match inner.remove(&key, expect).await {
                Ok(Removed::Done) => None,
                _ => continue,
            },
        };
        let now = world.timeline.nanos();
        world.past(|past| past.changed(&key, now, back));
    }
}

/// The version that is there.
async fn current<B: Backend>(inner: &B, key: &Key) -> Result<Option<Version>> {
    Ok(inner.read(key, Part::Head).await?.map(|stored| stored.version))
}

fn is_met(expect: &Expect, there: Option<&Version>) -> bool {
    match expect {
        Expect::Any => true,
        Expect::Absent => there.is_none(),
        Expect::Version(version) => there == Some(version),
    }
}

/// The answer to a write that is lost: what would have been answered, with a version that no record has.
pub(super) async fn lost<B: Backend>(
    world: &Arc<World<B>>,
    inner: &B,
    key: &Key,
    expect: &Expect,
) -> Result<Written> {
    if !is_met(expect, current(inner, key).await?.as_ref()) {
        return Ok(Written::Unmet);
    }
    let lost = world.past(Past::lose).unwrap_or_default();
    Ok(Written::Done(Version::new(format!("lost {lost}").as_bytes())))
}

/// The data of a record, unless it is a stream.
fn data(record: &Record) -> Option<Bytes> {
    match record.data() {
        Data::None => Some(Bytes::new()),
        Data::Bytes(bytes) => Some(bytes.clone()),
        Data::Stream(_) => None,
    }
}

/// The data of a record that is no stream, as at most one chunk.
pub(super) fn in_one_piece(data: Data) -> Option<Bytes> {
    match data {
        Data::Bytes(bytes) => Some(bytes),
        Data::None | Data::Stream(_) => None,
    }
}
