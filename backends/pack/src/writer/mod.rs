//! The writer: the only one who appends. It takes all that has queued, judges it against the index, appends the
//! frames, syncs once, tells the index, and answers. Between such groups it does a bounded step of what is to be
//! done in the background: the next segment, a checkpoint, compaction.
//!
//! Readers see a change once it is as durable as the store promises, never before. A group that cannot be written
//! is taken back as a whole, and the store goes on; a sync that fails leaves unknown what is on the medium, and
//! nothing more is written until the store is opened again.

mod checkpoint;
mod compaction;
mod group;

use std::sync::{Arc, OnceLock, Weak};

use larder::io::{DiskLock, Drain};
use larder::{Responder, Result};

use crate::change::Job;
use crate::control::{Control, State};
use crate::failure;
use crate::log::Log;
use crate::segment::Sealed;
use crate::shared::Shared;
use crate::usage::Usage;

pub(crate) use checkpoint::{Checkpoints, Extra};
use compaction::Compaction;
use group::Group;

/// No more jobs than this share a group.
pub(crate) const MOST: usize = 4096;

/// A group is written once it has so many bytes.
const GROUP_BYTES: u64 = 8 * 1024 * 1024;

/// What the writer is to keep to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    /// A segment is closed once it has so many bytes.
    pub(crate) segment_bytes: u64,
    /// A checkpoint is written after so many bytes of log, or four times its own size if that is more.
    pub(crate) checkpoint_bytes: u64,
    /// Whether dead bytes are reclaimed without being asked.
    pub(crate) compacts: bool,
}

/// How the writer asks itself to go on: empty where there are no threads, and it goes on at once.
pub(crate) type Again = Arc<OnceLock<Weak<Drain<Job>>>>;

/// The state of the writer.
#[derive(Debug)]
pub(crate) struct Writer {
    shared: Arc<Shared>,
    /// `None` once the store is closed.
    log: Option<Log>,
    control: Control,
    lock: Option<Box<dyn DiskLock>>,
    policy: Policy,
    usage: Usage,
    checkpoints: Checkpoints,
    compaction: Option<Compaction>,
    /// Segments that cannot be read to their end: they are kept as they are.
    spoiled: Vec<u32>,
    /// After a failure, nothing is done in the background before the log has grown so far.
    patience: u64,
    /// Bytes appended since the store was opened.
    appended: u64,
    again: Again,
    /// Whether a job that goes on is queued.
    stepping: bool,
    /// For the head of the frame that is being made.
    buffer: Vec<u8>,
}

impl Writer {
    #[expect(clippy::too_many_arguments, reason = "what opening has found, named where it is given")]
    pub(crate) fn new(
        shared: Arc<Shared>,
        log: Log,
        control: Control,
        lock: Box<dyn DiskLock>,
        policy: Policy,
        usage: Usage,
        checkpoints: Checkpoints,
        again: Again,
    ) -> Writer {
        Writer {
            shared,
            log: Some(log),
            control,
            lock: Some(lock),
            policy,
            usage,
            checkpoints,
            compaction: None,
            spoiled: Vec::new(),
            patience: 0,
            appended: 0,
            again,
            stepping: false,
            buffer: Vec::new(),
        }
    }

    /// Does what has queued, in its order.
    pub(crate) fn handle(&mut self, jobs: Vec<Job>) {
        let mut group = Group::default();
        for job in jobs {
            match job {
                Job::Change(_) | Job::Batch(..) => {
                    self.judge(&mut group, job);
                    if self.log.as_ref().is_some_and(|log| log.buffered() >= GROUP_BYTES) {
                        self.commit(std::mem::take(&mut group));
                    }
                }
                Job::Step => self.stepping = false,
                Job::Sync(answer) => {
                    self.commit(std::mem::take(&mut group));
                    answer.answer(self.sync());
                }
                Job::Compact(answer) => {
                    self.commit(std::mem::take(&mut group));
                    answer.answer(self.compact_all());
                }
                Job::Usage(answer) => {
                    self.commit(std::mem::take(&mut group));
                    let told = self.log.as_ref().map(|log| (self.usage.clone(), log.end()));
                    answer.answer(told.ok_or_else(failure::closed));
                }
                Job::Close(answer) => {
                    self.commit(std::mem::take(&mut group));
                    self.close(answer);
                }
            }
        }
        self.commit(group);
        self.tend();
    }

    /// A barrier for everything before.
    fn sync(&mut self) -> Result<()> {
        self.shared.check_sound()?;
        let log = self.log.as_mut().ok_or_else(failure::closed)?;
        log.fsync()?;
        self.shared.reap();
        self.record(false);
        Ok(())
    }

    /// Notes in the control file where the log ends. It is not synced: it only makes damage easier to tell.
    fn record(&mut self, clean: bool) {
        if let Some(state) = self.state(clean) {
            // The next one says as much.
            _ = self.control.record(&state);
        }
    }

    fn state(&self, clean: bool) -> Option<State> {
        let log = self.log.as_ref()?;
        Some(State {
            salt: self.shared.salt,
            end: log.durable_end(),
            published: log.flushed_end().offset,
            clean,
            seq: log.next_seq(),
        })
    }

    /// Does a bounded part of what is due, and asks to be called again if there is more.
    fn tend(&mut self) {
        loop {
            let more = self.log.is_some() && self.shared.check_sound().is_ok() && self.step();
            if !more || self.stepping {
                return;
            }
            if let Some(drain) = self.again.get() {
                self.stepping = drain.upgrade().is_some_and(|drain| drain.send(Job::Step).is_ok());
                return;
            }
        }
    }

    /// One step of what is due; whether there is more.
    fn step(&mut self) -> bool {
        if self.appended < self.patience {
            return false;
        }
        let stepped = self.rotate_if_full().and_then(|()| {
            if self.checkpoint_is_due() {
                self.checkpoint()?;
            }
            self.compaction_step()
        });
        stepped.unwrap_or_else(|_| {
            // What is done in the background can wait; writes go on, and report for themselves.
            self.compaction = None;
            self.patience = self.appended + self.policy.segment_bytes / 8;
            false
        })
    }

    fn rotate_if_full(&mut self) -> Result<()> {
        let full = |log: &Log| log.end().offset >= self.policy.segment_bytes;
        if self.log.as_ref().is_some_and(full) { self.rotate() } else { Ok(()) }
    }

    fn rotate(&mut self) -> Result<()> {
        let Some(log) = &mut self.log else { return Ok(()) };
        let sealed = self.usage.segments().into_iter().filter(|id| *id < log.end().segment);
        let live = sealed.map(|id| Sealed { id, len: self.usage.get(id).total }).collect();
        log.rotate(live)?;
        let end = log.end();
        self.usage.of(end.segment).total = end.offset;
        self.record(false);
        Ok(())
    }

    fn close(&mut self, answer: Responder<()>) {
        let closed =
            if self.log.is_some() && self.shared.check_sound().is_ok() { self.finish() } else { Ok(()) };
        self.log = None;
        self.lock = None;
        self.compaction = None;
        self.shared.segments.clear();
        answer.answer(closed);
    }

    /// Leaves the store so that it is opened at once.
    fn finish(&mut self) -> Result<()> {
        self.shared.check_sound()?;
        // What is recorded as clean ends where its file does.
        self.log.as_mut().ok_or_else(failure::closed)?.trim()?;
        self.sync()?;
        if self.checkpoints.are_behind(self.log.as_ref().map(Log::end)) {
            self.checkpoint()?;
        }
        if let Some(state) = self.state(true) {
            self.control.record(&state)?;
            self.control.sync()?;
        }
        Ok(())
    }
}
