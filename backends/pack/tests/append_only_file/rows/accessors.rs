//! The row `accessors` of the table of calls.

use std::path::Path;

use larder_pack::append_only_file::{AutoFlush, DEFAULT_AUTO_FLUSH_THRESHOLD};

use crate::support::FaultyDisk;
use crate::{MUCH, PATH, create, create_with, open_ro, open_rw};

#[test]
fn readonly_is_how_it_was_opened() {
    let disk = FaultyDisk::new();
    assert!(!create(&disk, MUCH).readonly());
    assert!(!open_rw(&disk, 0, 0).unwrap().readonly());
    assert!(open_ro(&disk, 0, 0).unwrap().readonly());
}

#[test]
fn empty_buffer_is_false_only_between_an_append_and_its_flush() {
    let disk = FaultyDisk::new();
    let mut file = create(&disk, MUCH);
    assert!(file.empty_buffer());
    file.append(b"").unwrap();
    assert!(file.empty_buffer());
    file.append(b"x").unwrap();
    assert!(!file.empty_buffer());
    file.fsync().unwrap();
    assert!(!file.empty_buffer());
    file.flush().unwrap();
    assert!(file.empty_buffer());
    assert!(open_ro(&disk, 1, 0).unwrap().empty_buffer());
}

#[test]
fn path_is_the_one_that_was_given() {
    let disk = FaultyDisk::new();
    let file = create(&disk, MUCH);
    assert_eq!(file.path(), Path::new(PATH));
    assert_eq!(file.reader().unwrap().path(), Path::new(PATH));
    assert_eq!(open_ro(&disk, 0, 0).unwrap().path(), Path::new(PATH));
}

#[test]
fn auto_flush_threshold_is_the_one_that_was_given_and_none_if_read_only() {
    let disk = FaultyDisk::new();
    let file =
        create_with(&disk, DEFAULT_AUTO_FLUSH_THRESHOLD, AutoFlush::external(|file| Ok(file.flush()?)));
    assert_eq!(file.auto_flush_threshold(), Some(1_000_000));
    assert_eq!(open_ro(&disk, 0, 0).unwrap().auto_flush_threshold(), None);
}

#[test]
fn what_is_shown_for_debugging_has_no_contents() {
    let disk = FaultyDisk::new();
    let file = create_with(&disk, MUCH, AutoFlush::external(|file| Ok(file.flush()?)));
    let shown = format!("{file:?}");
    assert!(shown.contains("External(..)") && shown.contains(PATH), "{shown}");
}
