//! Paths, and the calls that change names, with the errors of a POSIX system in the order in which
//! Linux finds them. A path is what [`Path::components`] makes of it: a slash or a dot at its end is not
//! seen.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::path::{Component, Path};

use super::state::{Ino, Names, Node, ROOT, Slot, State};

/// The longest name, in bytes.
const LONGEST_NAME: usize = 255;

/// Where a path leads to, as far as it can be followed.
enum Place {
    /// An entry of a directory that is there; the entry may not be.
    Entry(Slot),
    /// A directory that was not named by an entry: `/`, `.` or `..`.
    Dir(Ino),
}

fn fails<T>(kind: ErrorKind) -> io::Result<T> {
    Err(kind.into())
}

impl State {
    fn place(&self, path: &Path) -> io::Result<Place> {
        if path.as_os_str().is_empty() {
            return fails(ErrorKind::NotFound);
        }
        if path.as_os_str().as_encoded_bytes().contains(&0) {
            return fails(ErrorKind::InvalidInput);
        }
        let mut above = vec![ROOT];
        let mut last: Option<&OsStr> = None;
        for component in path.components() {
            // Only a directory has something in it.
            if let Some(name) = last.take() {
                let dir = above.last().copied().unwrap_or(ROOT);
                let Some(ino) = self.names(dir)?.get(name) else { return fails(ErrorKind::NotFound) };
                self.names(*ino)?;
                above.push(*ino);
            }
            match component {
                Component::Normal(name) if name.len() > LONGEST_NAME => {
                    return fails(ErrorKind::InvalidFilename);
                }
                Component::Normal(name) => last = Some(name),
                Component::ParentDir => _ = (above.len() > 1).then(|| above.pop()),
                Component::RootDir | Component::Prefix(_) => above.truncate(1),
                Component::CurDir => {}
            }
        }
        let dir = above.last().copied().unwrap_or(ROOT);
        Ok(match last {
            Some(name) => Place::Entry(Slot { dir, name: name.to_owned() }),
            None => Place::Dir(dir),
        })
    }

    /// The entries of a directory, as programs see them.
    pub(super) fn names(&self, ino: Ino) -> io::Result<&Names> {
        self.dir(ino).map(|dir| &*dir.live).ok_or_else(|| ErrorKind::NotADirectory.into())
    }

    fn at(&self, slot: &Slot) -> Option<Ino> {
        self.dir(slot.dir).and_then(|dir| dir.live.get(&slot.name)).copied()
    }

    pub(super) fn is_dir(&self, ino: Ino) -> bool {
        matches!(self.nodes.get(&ino).map(|node| &**node), Some(Node::Dir(_)))
    }

    /// What stands at a path.
    pub(super) fn find(&self, path: &Path) -> io::Result<Ino> {
        match self.place(path)? {
            Place::Dir(dir) => Ok(dir),
            Place::Entry(slot) => self.at(&slot).ok_or_else(|| ErrorKind::NotFound.into()),
        }
    }

    /// A new file, or the one that is there unless it must be `new`.
    pub(super) fn create(&mut self, path: &Path, new: bool) -> io::Result<Ino> {
        match self.place(path)? {
            Place::Dir(_) => fails(if new { ErrorKind::AlreadyExists } else { ErrorKind::IsADirectory }),
            Place::Entry(slot) => match self.at(&slot) {
                Some(_) if new => fails(ErrorKind::AlreadyExists),
                Some(ino) if self.is_dir(ino) => fails(ErrorKind::IsADirectory),
                Some(ino) => Ok(ino),
                None => Ok(self.make(slot, false)),
            },
        }
    }

    pub(super) fn create_dir(&mut self, path: &Path) -> io::Result<()> {
        match self.place(path)? {
            Place::Entry(slot) if self.at(&slot).is_none() => {
                self.make(slot, true);
                Ok(())
            }
            _ => fails(ErrorKind::AlreadyExists),
        }
    }

    pub(super) fn remove(&mut self, path: &Path) -> io::Result<()> {
        let Place::Entry(slot) = self.place(path)? else { return fails(ErrorKind::IsADirectory) };
        match self.at(&slot) {
            None => fails(ErrorKind::NotFound),
            Some(ino) if self.is_dir(ino) => fails(ErrorKind::IsADirectory),
            Some(_) => {
                self.change(vec![(slot, None)], None);
                Ok(())
            }
        }
    }

    /// Renames; `torn` makes several changes of it where a file system makes one.
    pub(super) fn rename(&mut self, from: &Path, to: &Path, torn: bool) -> io::Result<()> {
        let (from, to) = (self.place(from)?, self.place(to)?);
        let (Place::Entry(from), Place::Entry(to)) = (from, to) else {
            return fails(ErrorKind::ResourceBusy);
        };
        let Some(moved) = self.at(&from) else { return fails(ErrorKind::NotFound) };
        if self.is_within(to.dir, moved) {
            return fails(ErrorKind::InvalidInput);
        }
        if let Some(replaced) = self.at(&to) {
            if self.is_within(from.dir, replaced) {
                return fails(ErrorKind::DirectoryNotEmpty);
            }
            if replaced == moved {
                return Ok(());
            }
            match (self.is_dir(moved), self.names(replaced)) {
                (true, Err(_)) => return fails(ErrorKind::NotADirectory),
                (false, Ok(_)) => return fails(ErrorKind::IsADirectory),
                (true, Ok(names)) if !names.is_empty() => return fails(ErrorKind::DirectoryNotEmpty),
                _ => {}
            }
        }
        if torn {
            if self.at(&to).is_some() {
                self.change(vec![(to.clone(), None)], None);
            }
            self.change(vec![(to, Some(moved))], None);
            self.change(vec![(from, None)], None);
        } else {
            self.change(vec![(from, None), (to, Some(moved))], None);
        }
        Ok(())
    }

    /// Whether a directory is `outer` or lies within it.
    fn is_within(&self, dir: Ino, outer: Ino) -> bool {
        dir == outer
            || self.dir(outer).is_some_and(|names| {
                names.live.values().any(|inner| self.is_dir(*inner) && self.is_within(dir, *inner))
            })
    }
}
