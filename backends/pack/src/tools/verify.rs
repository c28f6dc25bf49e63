//! Verifying a store: every frame, every record, every file of large data, the index and the control file.

use std::path::Path;
use std::sync::Arc;

use larder::Result;
use larder::io::Disk;

use super::files::{self, Files};
use super::newest::Keys;
use super::report::{Damage, Progress, Report};
use super::walk::{Damaged, Piece, walk};
use super::{blobs, index, record};
use crate::frame::{Batch, Kind};
use crate::segment::Frame;
use crate::stats::{self, Stats};

/// A store that is written meanwhile is read again so often at the most.
const ATTEMPTS: usize = 8;

/// Reads all of the store in a directory, and reports what is not as it was written; `progress` is called now and
/// then. Nothing is changed, and no lock is taken: the store may be open. It takes memory for every key.
///
/// Read are every frame of the log with its checksums, every record's head and data with theirs, the files of large
/// data against the heads that name them, the control file, and the index: whether it holds the keys that the log has,
/// at the places where they are.
///
/// # Errors
/// `Invalid` if there is no pack; `Unsupported` if another version wrote it; `Corrupt` if so much is damaged that no
/// frame can be told from garbage; those of listing directories. Other damage is in the report.
pub fn verify(disk: &Arc<dyn Disk>, dir: &Path, progress: &mut dyn FnMut(Progress)) -> Result<Report> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let files = Files::look(&**disk, dir)?;
        let before = files.state;
        let report = Verifying::of(disk, files, progress).run()?;
        // What looks damaged may be in the middle of being changed.
        if report.is_whole() || attempt == ATTEMPTS || !files::has_changed(&**disk, dir, before) {
            return Ok(report);
        }
    }
}

struct Verifying<'a> {
    disk: &'a Arc<dyn Disk>,
    files: Files,
    progress: &'a mut dyn FnMut(Progress),
    done: u64,
    total: u64,
    keys: Keys,
    frames: u64,
    removals: u64,
    damage: Vec<Damage>,
}

impl<'a> Verifying<'a> {
    fn of(disk: &'a Arc<dyn Disk>, mut files: Files, progress: &'a mut dyn FnMut(Progress)) -> Verifying<'a> {
        let total = files.segments.iter().map(|segment| segment.to).sum();
        let damage = std::mem::take(&mut files.damage);
        let keys = Keys::default();
        Verifying { disk, files, progress, done: 0, total, keys, frames: 0, removals: 0, damage }
    }

    fn run(mut self) -> Result<Report> {
        let segments = std::mem::take(&mut self.files.segments);
        for segment in &segments {
            self.read(segment.from);
            let mut within_batch = false;
            walk(segment, self.files.salt, &mut |piece| {
                match piece {
                    Piece::Frame(frame) => {
                        self.frame(&frame, &segment.path, within_batch);
                        within_batch = frame.header.batch == Batch::Member;
                        self.read(frame.header.frame_len());
                    }
                    Piece::Damaged(damaged) => {
                        within_batch = false;
                        self.read(damaged.bytes.end - damaged.bytes.start);
                        self.damage.push(describe(&segment.path, &damaged));
                    }
                }
                Ok(())
            })?;
            if within_batch {
                let what = "the segment ends within a batch";
                self.damage.push(Damage::new(&segment.path, what).at(segment.to..segment.to));
            }
        }
        let log_is_whole =
            self.damage.iter().all(|damage| damage.file == self.files.layout.root().join("control"));
        let bytes = segments.iter().map(|segment| segment.to).sum::<u64>();
        self.files.segments = segments;
        self.blobs()?;
        let compared = index::check(self.disk, &self.files, &self.keys, log_is_whole, &mut self.damage)?;
        self.report(bytes, compared)
    }

    fn read(&mut self, bytes: u64) {
        self.done += bytes;
        (self.progress)(Progress { done: self.done, total: self.total });
    }

    fn frame(&mut self, frame: &Frame<'_>, path: &Path, within_batch: bool) {
        let (header, start) = (&frame.header, frame.place.offset);
        let bytes = start..start + header.frame_len();
        self.frames += 1;
        if within_batch && header.batch == Batch::Alone {
            let what = "a frame that stands for itself, within a batch";
            self.damage.push(Damage::new(path, what).at(bytes.clone()));
        }
        let key = header.key_of(frame.payload);
        match header.kind {
            Kind::Drop => {}
            Kind::Remove => {
                self.removals += header.frame_len();
                self.keys.remove(key);
            }
            Kind::Record | Kind::Blob => match record::head_of(header, frame.payload) {
                Ok((_, blob)) => self.keys.put(key, frame.place, header, blob),
                Err(what) => {
                    self.keys.put(key, frame.place, header, None);
                    self.damage.push(Damage::new(path, what).at(bytes).of(key));
                }
            },
        }
    }

    /// Compares large data with the heads that name it.
    fn blobs(&mut self) -> Result<()> {
        let keys = std::mem::take(&mut self.keys);
        let named = || keys.0.iter().filter_map(|(key, newest)| newest.blob.map(|blob| (key, newest, blob)));
        self.total += named().map(|(.., blob)| blob.len).sum::<u64>();
        for (key, newest, blob) in named() {
            let path = self.files.layout.blob(blob.id);
            let head = record::read(&self.files, newest.place).and_then(|(header, payload)| {
                record::head_of(&header, &payload)
                    .map_err(|what| crate::failure::corrupt(path.display(), what))
            });
            let wrong = match head {
                Ok((head, _)) => {
                    let (disk, layout) = (Arc::clone(self.disk), self.files.layout.clone());
                    blobs::check(&*disk, &layout, &head, blob, &mut |bytes| self.read(bytes))
                }
                Err(error) => Some(error.to_string()),
            };
            self.damage.extend(wrong.map(|what| Damage::new(&path, what).of(key)));
        }
        let (present, others) = stats::blobs(&**self.disk, &self.files.layout)?;
        let named: std::collections::BTreeSet<u64> = named().map(|(.., blob)| blob.id).collect();
        self.files.leftovers.extend(present.difference(&named).map(|id| self.files.layout.blob(*id)));
        self.files.leftovers.extend(others);
        self.keys = keys;
        Ok(())
    }

    fn report(self, bytes: u64, compared: index::Compared) -> Result<Report> {
        let live_bytes = self.keys.0.values().map(|newest| newest.len).sum();
        let (blobs, blob_bytes) = stats::count(&**self.disk, &self.files.layout)?;
        let stats = Stats {
            keys: self.keys.0.len() as u64,
            live_bytes,
            dead_bytes: bytes.saturating_sub(live_bytes),
            removal_bytes: self.removals,
            segments: self.files.segments.len() as u64,
            checkpoint: compared.checkpoint,
            index_bytes: compared.memory,
            end_segment: self.files.end.segment,
            end_offset: self.files.end.offset,
            blobs,
            blob_bytes,
        };
        Ok(Report {
            stats,
            frames: self.frames,
            damage: self.damage,
            index_compared: compared.whole,
            torn_bytes: self.files.torn,
            leftovers: self.files.leftovers,
        })
    }
}

/// Damage in the log, in words.
pub(super) fn describe(path: &Path, damaged: &Damaged) -> Damage {
    let what = match &damaged.header {
        Some(header) => {
            let kind = match header.kind {
                Kind::Record => "a record",
                Kind::Blob => "a record whose data is in a file of its own",
                Kind::Remove => "a removal",
                Kind::Drop => "the end of a segment",
            };
            format!("the payload of a frame is damaged: {kind}, number {}", header.seq)
        }
        None => "there is no valid frame".into(),
    };
    let damage = Damage::new(path, what).at(damaged.bytes.clone());
    match &damaged.key {
        Some(key) => damage.of(key),
        None => damage,
    }
}
