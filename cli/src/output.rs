//! Where results go: standard output, or a file that appears only when it is complete.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::failure::{Failure, Result};

/// Prints a line on standard output at once.
pub(crate) fn line(text: &str) -> Result {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(|error| Failure::output(&error))
}

/// Prints JSON on one line.
pub(crate) fn json(value: &Value) -> Result {
    line(&value.to_string())
}

/// An output of any size.
pub(crate) enum Output {
    Stdout(BufWriter<io::Stdout>),
    /// A device or a pipe, which cannot be put in place later.
    Direct(BufWriter<File>, PathBuf),
    File(NewFile),
}

/// A file under a temporary name beside the one that it is to get.
pub(crate) struct NewFile {
    writer: BufWriter<File>,
    temporary: PathBuf,
    target: PathBuf,
    placed: bool,
}

impl Output {
    /// Standard output for `None` and `-`, the file otherwise.
    pub(crate) fn open(target: Option<&Path>) -> Result<Output> {
        let target = match target {
            Some(target) if target != Path::new("-") => target,
            _ => return Ok(Output::Stdout(BufWriter::new(io::stdout()))),
        };
        let failed = |error| cannot_write(target, &error);
        // A link stays a link: what it leads to is replaced.
        let real = fs::canonicalize(target).unwrap_or_else(|_| target.to_owned());
        match fs::metadata(&real) {
            Ok(there) if there.is_dir() => {
                return Err(Failure::usage(format!("{} is a directory; name a file", target.display())));
            }
            Ok(there) if !there.is_file() => {
                let file = OpenOptions::new().write(true).open(&real).map_err(failed)?;
                return Ok(Output::Direct(BufWriter::new(file), real));
            }
            _ => {}
        }
        NewFile::create(real).map(Output::File).map_err(failed)
    }

    /// Writes all of these bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result {
        match self {
            Output::Stdout(out) => out.write_all(bytes).map_err(|error| Failure::output(&error)),
            Output::Direct(out, target) => out.write_all(bytes).map_err(|error| cannot_write(target, &error)),
            Output::File(file) => {
                file.writer.write_all(bytes).map_err(|error| cannot_write(&file.target, &error))
            }
        }
    }

    /// Says that everything was written: the file gets its name now.
    pub(crate) fn finish(self) -> Result {
        match self {
            Output::Stdout(mut out) => out.flush().map_err(|error| Failure::output(&error)),
            Output::Direct(mut out, target) => out.flush().map_err(|error| cannot_write(&target, &error)),
            Output::File(mut file) => file.place().map_err(|error| cannot_write(&file.target, &error)),
        }
    }
}

impl NewFile {
    fn create(target: PathBuf) -> io::Result<NewFile> {
        let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // A name may have 255 bytes.
        let name: String = name.chars().take(40).collect();
        let temporary = target.with_file_name(format!(".{name}.larder-{}.tmp", std::process::id()));
        let file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        Ok(NewFile { writer: BufWriter::new(file), temporary, target, placed: false })
    }

    fn place(&mut self) -> io::Result<()> {
        self.writer.flush()?;
        if let Ok(there) = fs::metadata(&self.target) {
            self.writer.get_ref().set_permissions(there.permissions())?;
        }
        self.writer.get_ref().sync_all()?;
        fs::rename(&self.temporary, &self.target)?;
        self.placed = true;
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.placed {
            _ = fs::remove_file(&self.temporary);
        }
    }
}

fn cannot_write(target: &Path, error: &io::Error) -> Failure {
    Failure::storage(format!("{} cannot be written: {error}", target.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_appears_only_when_it_is_complete() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("out");
        fs::write(&target, "old").unwrap();
        let mut output = Output::open(Some(&target)).unwrap();
        output.write(b"new").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"old");
        drop(output);
        assert_eq!(fs::read(&target).unwrap(), b"old");
        assert_eq!(names(directory.path()), ["out"]);
        let mut output = Output::open(Some(&target)).unwrap();
        output.write(b"new").unwrap();
        output.finish().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"new");
        assert_eq!(names(directory.path()), ["out"]);
    }

    #[test]
    fn a_directory_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(Output::open(Some(directory.path())).err().unwrap().exit_code(), 2);
    }
}
