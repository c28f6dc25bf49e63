//! Trying a mutation out: break the copy, build, run the tests, mend it again.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::copy;
use crate::list::{Edit, Mutation};

/// Longer than the tests of one mutation take; a bug that makes them hang is noticed by that.
const LIMIT_SECONDS: &str = "900";

/// The copy of the source, and where it is built.
pub(crate) struct Workshop {
    source: PathBuf,
    build: PathBuf,
}

impl Workshop {
    /// A fresh copy of the workspace.
    pub(crate) fn new(root: &Path) -> Result<Workshop, String> {
        let place = root.join("target/mutations");
        let workshop = Workshop { source: place.join("source"), build: place.join("build") };
        copy::folder(root, &workshop.source)?;
        Ok(workshop)
    }

    /// Tests that fail without a bug would prove nothing.
    pub(crate) fn check_sound(&self, tests: &BTreeSet<(&str, &str)>) -> Result<(), String> {
        eprintln!("the tests as they are ...");
        for (package, test) in tests {
            let output = self.cargo(package, &["--test", test])?;
            if !output.status.success() {
                return Err(format!("the tests fail as they are:\n{}", text(&output)));
            }
        }
        Ok(())
    }

    /// Breaks the copy and returns which tests notice.
    pub(crate) fn try_out(&self, mutation: &Mutation) -> Result<Vec<String>, String> {
        eprintln!("{} ...", mutation.name);
        let path = self.source.join(mutation.file);
        let sound = fs::read_to_string(&path).map_err(|cause| format!("{}: {cause}", path.display()))?;
        let broken = mutation.apply(&sound)?;
        let restore = Restore { path: &path, content: &sound };
        fs::write(&path, broken).map_err(|cause| format!("{}: {cause}", path.display()))?;
        let test = ["--test", mutation.test];
        let built = self.cargo(mutation.package, &[&test[..], &["--no-run"]].concat())?;
        if !built.status.success() {
            return Err(format!("{} does not compile:\n{}", mutation.name, text(&built)));
        }
        let output = self.cargo(mutation.package, &[&test[..], &["--no-fail-fast"]].concat())?;
        drop(restore);
        let failed = failures(&text(&output));
        Ok(match (output.status.success(), failed.is_empty()) {
            (true, _) => Vec::new(),
            (false, false) => failed.into_iter().map(|test| format!("{}::{test}", mutation.test)).collect(),
            (false, true) => vec![format!("{} does not come to its end", mutation.test)],
        })
    }

    fn cargo(&self, package: &str, args: &[&str]) -> Result<Output, String> {
        Command::new("timeout")
            .args(["--kill-after=5", LIMIT_SECONDS, env!("CARGO"), "test", "-p", package])
            .args(args)
            .current_dir(&self.source)
            .env("CARGO_TARGET_DIR", &self.build)
            .env("CARGO_TERM_COLOR", "never")
            // A warning about what a bug leaves unused is no news.
            .env("RUSTFLAGS", "-Awarnings")
            .output()
            .map_err(|cause| format!("cannot run cargo: {cause}"))
    }
}

/// Mends a file when it goes out of scope, whatever happened meanwhile.
struct Restore<'a> {
    path: &'a Path,
    content: &'a str,
}

impl Drop for Restore<'_> {
    fn drop(&mut self) {
        if let Err(cause) = fs::write(self.path, self.content) {
            eprintln!("{} could not be mended: {cause}", self.path.display());
        }
    }
}

fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|stream| String::from_utf8_lossy(stream).into_owned()).concat()
}

/// The names of the tests that failed.
fn failures(output: &str) -> Vec<String> {
    let failed = output.lines().filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"));
    failed.map(str::to_owned).collect()
}

impl Mutation {
    /// The source with the bug in it.
    pub(crate) fn apply(&self, source: &str) -> Result<String, String> {
        self.edits.iter().try_fold(source.to_owned(), |source, Edit(find, replace)| {
            match source.matches(find).count() {
                1 => Ok(source.replacen(find, replace, 1)),
                count => {
                    Err(format!("{}: found {count} times in {}, not once:\n{find}", self.name, self.file))
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::list::MUTATIONS;

    #[test]
    fn every_mutation_fits_the_source_as_it_is() {
        for mutation in MUTATIONS.iter() {
            let source = fs::read_to_string(crate::root().join(mutation.file)).unwrap();
            assert_ne!(mutation.apply(&source).unwrap(), source, "{}", mutation.name);
        }
    }

    #[test]
    fn every_mutation_has_a_name_of_its_own() {
        let mut names: Vec<_> = MUTATIONS.iter().map(|mutation| mutation.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), MUTATIONS.len());
    }

    #[test]
    fn failures_are_read_from_what_the_tests_print() {
        let output = "running 2 tests\ntest a::b ... FAILED\ntest c ... ok\n\nfailures:\n    a::b\n";
        assert_eq!(failures(output), ["a::b"]);
    }
}
