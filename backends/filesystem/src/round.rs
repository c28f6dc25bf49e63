//! One round of the commit thread, step by step: judge, write, sync, rename, sync.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use larder::{Error, Head, Key, Result};

use crate::change::{Action, Body, Change, Group};
use crate::commit::Committer;
use crate::failure;
use crate::layout::Place;
use crate::names::FAN_OUT;
use crate::replaced;
use crate::temp::Temp;

/// A group whose effect, if it has one, is in this file; or a removal, which needs none.
type Prepared = (Group, Option<Arc<Temp>>);

/// One round, step by step. A group that fails leaves it, with its answers given.
pub(crate) struct Round<'a> {
    committer: &'a mut Committer,
    /// Changes to judge again.
    again: Vec<Change>,
    /// Directories in which names have changed.
    changed: [bool; FAN_OUT],
}

impl Round<'_> {
    /// Commits changes whose locks are held. Returns the groups to be told of their success, and the
    /// changes that are to be judged again.
    pub(crate) fn run(committer: &mut Committer, changes: Vec<Change>) -> (Vec<Group>, Vec<Change>) {
        let mut round = Round { committer, again: Vec::new(), changed: [false; FAN_OUT] };
        let groups = round.judge(changes);
        let groups = round.write(groups);
        let groups = round.sync_data(groups);
        let groups = round.rename(groups);
        let groups = round.sync_names(groups);
        (groups, round.again)
    }

    fn judge(&mut self, changes: Vec<Change>) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::with_capacity(changes.len());
        let mut known: HashMap<Key, usize> = HashMap::with_capacity(changes.len());
        for change in changes {
            let at = *known.entry(change.key.clone()).or_insert_with(|| {
                groups.push(Group::new(change.place.clone()));
                groups.len() - 1
            });
            groups[at].push(&self.committer.shared, change);
        }
        groups
    }

    /// Writes the temporary files.
    fn write(&mut self, groups: Vec<Group>) -> Vec<Prepared> {
        let mut prepared = Vec::with_capacity(groups.len());
        for group in groups {
            let temp = match group.effect() {
                None | Some(Action::Remove { .. }) => Ok(None),
                Some(Action::Write { body: Body::Temp(temp), .. }) => Ok(Some(Arc::clone(temp))),
                Some(Action::Write { head, body: Body::Bytes(data), .. }) => {
                    self.committer.temp(&group.place, head, data).map(Some)
                }
            };
            match temp {
                Ok(temp) => prepared.push((group, temp)),
                Err(error) => self.again.extend(group.fail_effect(error)),
            }
        }
        prepared
    }

    /// Makes the content of the temporary files durable.
    fn sync_data(&mut self, groups: Vec<Prepared>) -> Vec<Prepared> {
        let shared = &self.committer.shared;
        if !shared.is_synced() {
            return groups;
        }
        let unsynced: Vec<&Arc<Temp>> =
            groups.iter().filter_map(|(_, temp)| temp.as_ref()).filter(|temp| !temp.is_synced()).collect();
        // One sync of everything costs no more than two of one file.
        let synced = match unsynced.as_slice() {
            [] => Ok(true),
            [one] => one.sync().map(|()| true),
            _ => shared.sync_all(),
        };
        let synced = synced
            .and_then(|all| if all { Ok(()) } else { unsynced.iter().try_for_each(|temp| temp.sync()) });
        match synced {
            Ok(()) => groups,
            Err(error) => {
                shared.poison();
                groups.into_iter().for_each(|(group, temp)| {
                    drop(temp);
                    group.fail(&error);
                });
                Vec::new()
            }
        }
    }

    /// Puts the files in place, and removes what is to be removed.
    fn rename(&mut self, groups: Vec<Prepared>) -> Vec<Group> {
        let shared = Arc::clone(&self.committer.shared);
        let (mut renamed, mut old) = (Vec::with_capacity(groups.len()), Vec::new());
        for (mut group, temp) in groups {
            if group.effect().is_none() {
                renamed.push(group);
                continue;
            }
            old.extend(group.old(&shared));
            let path = &group.place.path;
            let (doing, done) = shared.change_names(group.place.dir, || match &temp {
                Some(temp) => ("cannot replace", temp.rename(path)),
                None => ("cannot remove", shared.disk.remove(path)),
            });
            match done {
                Ok(()) => {
                    self.changed[usize::from(group.place.dir)] = true;
                    renamed.push(group);
                }
                // What is to be removed was written and removed again within this round.
                Err(cause) if temp.is_none() && cause.kind() == io::ErrorKind::NotFound => {
                    renamed.push(group)
                }
                Err(cause) => {
                    let unclear = is_unclear(&cause);
                    self.changed[usize::from(group.place.dir)] |= unclear;
                    let error = failure::disk(doing, path, cause);
                    let error = if unclear { error.ambiguous() } else { error };
                    drop(temp);
                    self.again.extend(group.fail_effect(error));
                }
            }
        }
        // While the names are made durable.
        replaced::let_go(old, &shared.readers);
        renamed
    }

    /// Makes the names durable.
    fn sync_names(&mut self, groups: Vec<Group>) -> Vec<Group> {
        let changed = self.changed;
        let shared = &self.committer.shared;
        if !shared.is_synced() {
            for (unsynced, changed) in self.committer.unsynced.iter_mut().zip(changed) {
                *unsynced |= changed;
            }
            return groups;
        }
        let changed: Vec<u8> = (0..FAN_OUT).filter(|dir| changed[*dir]).map(|dir| dir as u8).collect();
        let mut dirs: Vec<PathBuf> = changed.iter().map(|dir| shared.layout.dir(*dir)).collect();
        if changed.iter().any(|dir| !shared.is_durable(*dir)) {
            dirs.push(shared.layout.records().to_owned());
        }
        let all = if dirs.len() > 1 { shared.sync_all() } else { Ok(false) };
        let synced = all
            .and_then(|all| if all { Ok(()) } else { dirs.iter().try_for_each(|dir| shared.sync_dir(dir)) });
        if synced.is_ok() {
            changed.iter().for_each(|dir| shared.set_durable(*dir));
        }
        match synced {
            Ok(()) => groups,
            Err(error) => {
                shared.poison();
                let error = error.ambiguous();
                groups.into_iter().for_each(|group| group.fail(&error));
                Vec::new()
            }
        }
    }
}

impl Committer {
    /// A record in a temporary file beside its place.
    fn temp(&mut self, place: &Place, head: &Head, data: &[u8]) -> Result<Arc<Temp>, Error> {
        let Some(owner) = &self.owner else { return Err(failure::closed()) };
        let temp = Temp::create(&self.shared, owner, place)?;
        temp.write(&[head.as_bytes(), data], 0)?;
        Ok(Arc::new(temp))
    }
}

/// Whether a call that failed with this may have had its effect all the same.
fn is_unclear(cause: &io::Error) -> bool {
    use io::ErrorKind as Os;
    !matches!(
        cause.kind(),
        Os::NotFound
            | Os::PermissionDenied
            | Os::ReadOnlyFilesystem
            | Os::StorageFull
            | Os::QuotaExceeded
            | Os::IsADirectory
            | Os::NotADirectory
            | Os::DirectoryNotEmpty
            | Os::ResourceBusy
    )
}
