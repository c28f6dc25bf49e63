//! The judge of what a crash left.

use larder::{Backend, Bytes, Durability, Expect, Key};
use larder_pack::Pack;
use larder_simulated::disk::{Crash, CrashModel, SimDisk};

use crate::history::History;
use crate::simulated::store::{Content, STORE, contents, get, open, record, shortly};

/// What is written after a crash.
const AFTER: &str = "after";

impl History {
    /// The prefixes that a crash may leave, as numbers of operations: not fewer than were promised, and not more than
    /// were begun.
    fn prefixes(&self, crash: &Crash, model: CrashModel) -> std::ops::RangeInclusive<usize> {
        let passed = |marks: &[usize]| marks.iter().filter(|mark| crash.passed(**mark)).count();
        // While it is recovered from a kill the power may fail.
        let killed = model == CrashModel::Killed && crash.depth == 0;
        let synced = self.barriers.iter().filter(|(_, mark)| crash.passed(*mark)).map(|(count, _)| *count);
        let promised = match self.durability {
            Durability::Synced => passed(&self.acknowledged),
            _ if killed => passed(&self.acknowledged),
            _ => synced.max().unwrap_or(0),
        };
        promised..=passed(&self.began)
    }

    /// Judges what a crash left.
    pub(crate) fn judge(&self, crash: &Crash, model: CrashModel) -> Result<(), String> {
        // Every other time with more than a crash cuts off, and killed: a checkpoint of what was cut must not count.
        let after = if crash.point.is_multiple_of(2) { After::Closed } else { After::Killed };
        let found = self.look(&crash.disk, after)?;
        let prefixes = self.prefixes(crash, model);
        if !self.states[prefixes.clone()].contains(&found) {
            let least = shortly(&self.states[*prefixes.start()]);
            let is = self.states.iter().position(|state| *state == found);
            return Err(format!(
                "after {prefixes:?} operations there is [{}], which is what {is:?} left; at least there should be [{least}]",
                shortly(&found)
            ));
        }
        if crash.depth == 0 {
            *self.settled.borrow_mut() = (model != CrashModel::Killed).then(|| found.clone());
            let again = crash.disk.fork();
            let opened = self.look(&again, After::Nothing)?;
            if opened != found {
                return Err(format!(
                    "opened again, it is [{}], and was [{}]",
                    shortly(&opened),
                    shortly(&found)
                ));
            }
            return leftovers(&again, &found);
        }
        match &*self.settled.borrow() {
            Some(settled) if *settled != found => {
                Err(format!("recovered again, it is [{}], and was [{}]", shortly(&found), shortly(settled)))
            }
            _ => Ok(()),
        }
    }

    /// What is there when it is opened; and whether it can be written, if that is asked for.
    fn look(&self, disk: &SimDisk, after: After) -> Result<Content, String> {
        let store = open(disk, self.durability).map_err(|error| format!("opening: {error}"))?;
        let key = Key::from(AFTER);
        let keys = || self.keys.iter().chain([&key]);
        let mut found = contents(&store, keys()).map_err(|error| error.to_string())?;
        if after != After::Nothing {
            write(&store, &key, after).map_err(|error| format!("writing: {error}"))?;
            let now = get(&store, &key).map_err(|error| format!("after writing: {error}"))?;
            if now.is_none_or(|now| now != after.value()) {
                return Err("what was written after the crash is not there".to_owned());
            }
        }
        if after != After::Killed {
            store.close().wait().map_err(|error| format!("closing: {error}"))?;
        }
        found.remove(&key);
        Ok(found)
    }
}

/// What is done once it was seen what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    Nothing,
    /// It is written, and closed.
    Closed,
    /// Much is written, and the process killed.
    Killed,
}

impl After {
    fn value(self) -> Bytes {
        Bytes::from(AFTER.repeat(if self == After::Killed { 400 } else { 1 }))
    }
}

fn write(store: &Pack, key: &Key, after: After) -> larder::Result<()> {
    store.write(key, record(key, after.value()), Expect::Any).wait()?;
    Ok(())
}

/// Nothing is left over once a store was opened and closed: a blob for every large value, no unfinished file.
pub(crate) fn leftovers(disk: &SimDisk, content: &Content) -> Result<(), String> {
    let names: Vec<String> = disk.files().into_iter().map(|(path, _)| path.display().to_string()).collect();
    let blobs = names.iter().filter(|name| name.ends_with(".blob")).count();
    let large = content.values().filter(|value| value.len() >= 1 << 20).count();
    let strange = names.iter().find(|name| {
        let known = [".log", ".index", ".blob", "/control", "/lock"];
        !name.starts_with(STORE) || !known.iter().any(|end| name.ends_with(end))
    });
    match strange {
        Some(name) => Err(format!("left over: {name}")),
        None if blobs != large => Err(format!("there are {blobs} blobs for {large} values: {names:?}")),
        None => Ok(()),
    }
}
