//! The commit thread: the only one in a process that changes records. It takes all changes that have
//! queued, so that they share their syncs.
//!
//! A round locks the directories of its changes, judges each change by what is on the disk, writes
//! temporary files, makes them durable together, renames them into place, makes the names durable
//! together, lets the locks go and answers. Whatever fails before its rename fails alone. A sync that
//! fails leaves unknown what is on the medium: everything that it should have made durable fails, and
//! no more is written until the store is reopened. Changes of keys whose lock another process holds
//! wait for the next round.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use larder::{Responder, Result};

use crate::change::{Change, Group};
use crate::failure;
use crate::locks::{Held, Locks};
use crate::names::FAN_OUT;
use crate::owner::Owner;
use crate::round::Round;
use crate::shared::Shared;

/// No more changes than this share a round: each has a file open.
pub(crate) const MOST: usize = 128;

/// What the commit thread does.
#[derive(Debug)]
pub(crate) enum Job {
    Change(Change),
    /// Answer when everything before is on stable storage.
    Sync(Responder<()>),
    /// Finish, and let go.
    Close(Responder<()>),
}

/// The state of the commit thread.
#[derive(Debug)]
pub(crate) struct Committer {
    pub(crate) shared: Arc<Shared>,
    /// `None` once the store is closed.
    pub(crate) owner: Option<Arc<Owner>>,
    locks: Locks,
    /// Directories with changes that may not be on stable storage, if that is left to `sync`: at first all,
    /// since a process before this one may have left some.
    pub(crate) unsynced: [bool; FAN_OUT],
}

impl Committer {
    pub(crate) fn new(shared: Arc<Shared>, owner: Arc<Owner>) -> Committer {
        Committer { shared, owner: Some(owner), locks: Locks::default(), unsynced: [true; FAN_OUT] }
    }

    /// Does what has queued, in its order.
    pub(crate) fn handle(&mut self, jobs: Vec<Job>) {
        let mut changes = VecDeque::new();
        for job in jobs {
            match job {
                Job::Change(change) => changes.push_back(change),
                Job::Sync(answer) => {
                    self.commit(std::mem::take(&mut changes));
                    answer.answer(self.sync());
                }
                Job::Close(answer) => {
                    self.commit(std::mem::take(&mut changes));
                    self.locks = Locks::default();
                    self.owner = None;
                    self.shared.let_go();
                    answer.answer(Ok(()));
                }
            }
        }
        self.commit(changes);
    }

    fn commit(&mut self, mut changes: VecDeque<Change>) {
        while !changes.is_empty() {
            let refusal = match &self.owner {
                None => Some(failure::closed()),
                Some(_) => self.shared.check_sound().err(),
            };
            if let Some(error) = refusal {
                changes.into_iter().for_each(|change| change.fail(error.clone()));
                return;
            }
            changes = self.round(changes);
        }
    }

    /// Commits what it can, and returns what is left for the next round, in order.
    fn round(&mut self, changes: VecDeque<Change>) -> VecDeque<Change> {
        let (held, ready, mut later) = self.lock(changes);
        let (groups, again) = Round::run(self, ready);
        groups.into_iter().for_each(Group::succeed);
        self.locks.release(held);
        again.into_iter().rev().for_each(|change| later.push_front(change));
        later
    }

    /// Takes the locks that are free, or else waits for the first. Returns those held, the changes
    /// that they allow, and the rest.
    fn lock(&mut self, changes: VecDeque<Change>) -> (Held, Vec<Change>, VecDeque<Change>) {
        let mut held = Held::default();
        let (mut ready, mut later) = self.lock_free(changes, &mut held);
        while ready.is_empty() {
            let Some(first) = later.front() else { break };
            let dir = first.place.dir;
            if let Err(error) = self.locks.hold(&*self.shared.disk, &self.shared.layout, dir, &mut held) {
                if let Some(first) = later.pop_front() {
                    first.fail(error);
                }
                continue;
            }
            (ready, later) = self.lock_free(later, &mut held);
        }
        (held, ready, later)
    }

    fn lock_free(&mut self, changes: VecDeque<Change>, held: &mut Held) -> (Vec<Change>, VecDeque<Change>) {
        let (mut ready, mut later) = (Vec::with_capacity(changes.len()), VecDeque::new());
        let mut busy = [false; FAN_OUT];
        for change in changes {
            let dir = change.place.dir;
            // Once busy in this round, busy to its end: changes of one key must keep their order.
            let taken = if busy[usize::from(dir)] {
                Ok(false)
            } else {
                self.locks.try_hold(&*self.shared.disk, &self.shared.layout, dir, held)
            };
            match taken {
                Ok(true) => ready.push(change),
                Ok(false) => {
                    busy[usize::from(dir)] = true;
                    later.push_back(change);
                }
                Err(error) => change.fail(error),
            }
        }
        (ready, later)
    }

    /// Makes durable what was acknowledged without being so.
    fn sync(&mut self) -> Result<()> {
        self.shared.check_sound()?;
        if !self.unsynced.contains(&true) {
            return Ok(());
        }
        let synced = self.shared.sync_all().and_then(|done| if done { Ok(()) } else { self.sync_each() });
        match synced {
            Ok(()) => self.unsynced = [false; FAN_OUT],
            Err(_) => self.shared.poison(),
        }
        synced
    }

    /// Where not everything can be synced at once: every file of the directories that have changed.
    fn sync_each(&self) -> Result<()> {
        let disk = &*self.shared.disk;
        for dir in (0..FAN_OUT).filter(|dir| self.unsynced[*dir]) {
            let dir = self.shared.layout.dir(dir as u8);
            let entries = match disk.list(&dir) {
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => continue,
                listed => listed.map_err(|cause| failure::disk("cannot list", &dir, cause))?,
            };
            for entry in entries {
                let entry = entry.map_err(|cause| failure::disk("cannot list", &dir, cause))?;
                let path = dir.join(&entry.name);
                if entry.kind != larder::io::EntryKind::File {
                    continue;
                }
                match disk.open(&path, larder::io::Mode::Write).and_then(|file| file.sync()) {
                    Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                        return Err(failure::disk("cannot sync", &path, cause));
                    }
                    Ok(()) | Err(_) => {}
                }
            }
            self.shared.sync_dir(&dir)?;
        }
        self.shared.sync_dir(self.shared.layout.records())?;
        self.shared.sync_dir(self.shared.layout.root())
    }
}
