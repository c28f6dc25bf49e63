//! Listing: directory after directory, a page for each job, pulled by whoever reads it.
//!
//! A readable name is a key without its file being opened; of a hashed one the head is read. The
//! names of one directory are taken together and put in order, so that no key appears twice; if this
//! handle changed names there meanwhile they are taken again, and all that were seen count, since file
//! systems are free to hide an entry that is replaced while they list it.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use larder::io::{Entry, EntryKind};
use larder::{Error, ErrorKind, Key, Keys, Reply, Result};

use crate::failure;
use crate::layout;
use crate::names::{self, Name};
use crate::read;
use crate::shared::Shared;

/// After so many names, or opened files times [`OPENING`], a job hands its page over.
const PAGE: usize = 1024;

/// To open a file takes about so many times as long as to read a name.
const OPENING: usize = 16;

/// How often the names of a directory that keeps changing are taken.
const ATTEMPTS: usize = 4;

/// All keys, or the text keys that begin with `prefix`.
pub(crate) fn keys(shared: &Arc<Shared>, prefix: Option<&str>) -> Keys {
    let shared = Arc::clone(shared);
    let listing = Listing {
        shared: Arc::clone(&shared),
        prefix: prefix.map(str::to_owned),
        begun: false,
        dir: 0,
        names: VecDeque::new(),
        dirs: VecDeque::new(),
        page: Vec::new(),
        failed: VecDeque::new(),
    };
    Keys::fetched(listing, move |mut listing| {
        if let Some(error) = listing.failed.pop_front() {
            return Reply::ready(Ok((Err(error), listing.unless_done())));
        }
        if let Err(closed) = shared.check_open() {
            return Reply::ready(Err(closed));
        }
        shared.readers.run(move || {
            let mut listing = listing.turn();
            Ok((Ok(std::mem::take(&mut listing.page)), listing.unless_done()))
        })
    })
}

/// Where a listing stands.
struct Listing {
    shared: Arc<Shared>,
    prefix: Option<String>,
    begun: bool,
    /// The directory whose names are at hand.
    dir: u8,
    /// What is left of its names.
    names: VecDeque<Entry>,
    /// The directories that come after it.
    dirs: VecDeque<u8>,
    page: Vec<Key>,
    /// What could not be listed, not told yet.
    failed: VecDeque<Error>,
}

impl Listing {
    /// Where it goes on, or `None` at the end.
    fn unless_done(self) -> Option<Listing> {
        let is_done = self.dirs.is_empty() && self.names.is_empty() && self.failed.is_empty();
        (!is_done).then_some(self)
    }

    /// Fills the next page. Waits for the medium.
    fn turn(mut self) -> Listing {
        if !self.begun {
            self.begun = true;
            self.begin();
        }
        let mut effort = 0;
        while effort < PAGE {
            if let Some(entry) = self.names.pop_front() {
                let (item, cost) = self.key(self.dir, &entry);
                match item {
                    Some(Ok(key)) => self.page.push(key),
                    Some(Err(error)) => self.failed.push_back(error),
                    None => {}
                }
                effort += cost;
            } else if let Some(dir) = self.dirs.pop_front() {
                self.dir = dir;
                let (names, error) = self.names_of(dir);
                self.names = names;
                self.failed.extend(error);
                effort += 1;
            } else {
                break;
            }
        }
        self
    }

    /// Finds the record directories, and reports what does not belong among them.
    fn begin(&mut self) {
        let records = self.shared.layout.records();
        let found = self.shared.disk.list(records).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
        match found {
            Ok(mut entries) => {
                entries.sort_unstable_by(|one, other| one.name.cmp(&other.name));
                for entry in entries {
                    match layout::dir_number(&entry.name) {
                        Some(dir) => self.dirs.push_back(dir),
                        None => self.failed.push_back(foreign(&records.join(&entry.name))),
                    }
                }
            }
            Err(cause) => self.failed.push_back(failure::disk("cannot list", records, cause)),
        }
    }

    /// The entries of a directory, in order, each once; and why they may not be all.
    fn names_of(&self, dir: u8) -> (VecDeque<Entry>, Option<Error>) {
        let path = self.shared.layout.dir(dir);
        let mut entries: Vec<Entry> = Vec::new();
        let mut error = None;
        for _ in 0..ATTEMPTS {
            let before = self.shared.changes(dir);
            let listed = self.shared.disk.list(&path).and_then(|listed| {
                for entry in listed {
                    entries.push(entry?);
                }
                Ok(())
            });
            error = listed.err().map(|cause| failure::disk("cannot list", &path, cause));
            let unchanged = before.is_multiple_of(2) && self.shared.changes(dir) == before;
            if unchanged || error.is_some() {
                break;
            }
        }
        entries.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        entries.dedup_by(|one, other| one.name == other.name);
        (entries.into(), error)
    }

    /// The key of an entry, if it is one that is asked for; and the effort.
    fn key(&self, dir: u8, entry: &Entry) -> (Option<Result<Key>>, usize) {
        let path = || self.shared.layout.dir(dir).join(&entry.name);
        let name = entry.name.to_str().map_or(Name::Foreign, |name| names::decode(name, dir));
        let wanted = |key: &Key| match &self.prefix {
            None => true,
            Some(prefix) => key.as_text().is_some_and(|text| text.starts_with(prefix)),
        };
        match name {
            Name::Temp(_) | Name::Lost => (None, 1),
            Name::Foreign => (Some(Err(foreign(&path()))), 1),
            Name::Text(key) if entry.kind == EntryKind::File => (wanted(&key).then_some(Ok(key)), 1),
            Name::Hashed if entry.kind == EntryKind::File => {
                let key = self.hashed(dir, &entry.name, &path()).transpose();
                (key.filter(|key| key.as_ref().is_err() || key.as_ref().is_ok_and(wanted)), OPENING)
            }
            Name::Text(_) | Name::Hashed => {
                let error = failure::corrupt(&path(), "this is no file; move it away");
                (Some(Err(error)), 1)
            }
        }
    }

    /// The key that a file with a hashed name tells, if the file is still there.
    fn hashed(&self, dir: u8, name: &OsString, path: &Path) -> Result<Option<Key>> {
        let Some((head, _)) = read::head(&self.shared, path, None)? else { return Ok(None) };
        let key = head.key().map_err(|why| failure::in_file(path, why))?;
        if names::directory(&key) != dir || *name != *names::encode(&key) {
            let what = format!("this is the record of the key {key}, and has another's name");
            return Err(failure::corrupt(path, what));
        }
        Ok(Some(key))
    }
}

fn foreign(path: &Path) -> Error {
    let path = path.display();
    failure::error(ErrorKind::Invalid, format!("{path} is no file of this store; move it away"))
}
