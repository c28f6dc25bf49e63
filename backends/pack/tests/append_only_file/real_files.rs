//! Real files in a temporary directory.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use larder::io::{Disk, RealDisk};
use larder_pack::append_only_file::{AppendOnlyFile, AppendOnlyFileError as E, AutoFlush, Bound, Reader};

fn create(path: &Path, threshold: usize) -> AppendOnlyFile {
    AppendOnlyFile::create_rw(Arc::new(RealDisk), path, false, threshold, AutoFlush::Internal).unwrap()
}

fn open_rw(path: &Path, end: u64, dead: u64) -> Result<AppendOnlyFile, E> {
    AppendOnlyFile::open_rw(Arc::new(RealDisk), path, end, dead, 1000, AutoFlush::Internal)
}

fn open_ro(path: &Path, end: u64, dead: u64) -> Result<AppendOnlyFile, E> {
    AppendOnlyFile::open_ro(Arc::new(RealDisk), path, end, dead)
}

#[test]
fn append_flush_sync_close_and_open_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    let mut file = create(&path, 1000);
    file.append_pieces(&[b"one ", b"two "]).unwrap();
    file.flush().unwrap();
    file.append(b"three").unwrap();
    assert!(matches!(file.close(), Err(E::PendingFlush { .. })));
    file.flush().unwrap();
    file.fsync().unwrap();
    file.close().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"one two three");

    let mut file = open_rw(&path, 7, 0).unwrap();
    assert_eq!(file.tail_at_open(), 6);
    file.append(b"!").unwrap();
    file.flush().unwrap();
    file.close().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"one two!");

    let file = open_ro(&path, 4, 4).unwrap();
    assert_eq!(file.read(0, 4).unwrap(), b"two!");
    assert!(matches!(open_ro(&path, 5, 4), Err(E::InconsistentStore { physical: 8, .. })));
    assert!(matches!(open_rw(&path, 9, 0), Err(E::InconsistentStore { .. })));
}

#[test]
fn a_relative_path_without_a_directory_can_be_synced() {
    // The directory is then the current one, which is the package's.
    let name = format!("append-only-file-{}.tmp", std::process::id());
    let path = Path::new(&name);
    let mut file = create(path, 1000);
    file.append(b"x").unwrap();
    file.flush().unwrap();
    let synced = file.fsync();
    fs::remove_file(path).unwrap();
    synced.unwrap();
}

#[test]
fn what_stands_there_decides_the_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    assert!(matches!(open_rw(&path, 0, 0), Err(E::NoSuchFileOrDirectory { .. })));
    assert!(matches!(open_ro(&path.join("below"), 0, 0), Err(E::NoSuchFileOrDirectory { .. })));
    drop(create(&path, 1));
    let again = AppendOnlyFile::create_rw(Arc::new(RealDisk), &path, false, 1, AutoFlush::Internal);
    assert!(matches!(again, Err(E::FileExists { .. })));
    assert!(matches!(open_ro(&path.join("below"), 0, 0), Err(E::NoSuchFileOrDirectory { .. })));
    assert!(matches!(open_rw(dir.path(), 0, 0), Err(E::NotAFile { .. })));
    assert!(matches!(open_ro(dir.path(), 0, 0), Err(E::NotAFile { .. })));
    let over = AppendOnlyFile::create_rw(Arc::new(RealDisk), dir.path(), true, 1, AutoFlush::Internal);
    assert!(matches!(over, Err(E::NotAFile { .. })));
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let (path, link) = (dir.path().join("file"), dir.path().join("link"));
    fs::write(&path, b"precious").unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(matches!(open_rw(&link, 0, 0), Err(E::NotAFile { .. })));
    let over = AppendOnlyFile::create_rw(Arc::new(RealDisk), &link, true, 1, AutoFlush::Internal);
    assert!(matches!(over, Err(E::NotAFile { .. })));
    assert_eq!(fs::read(&path).unwrap(), b"precious");
}

#[test]
fn overwriting_empties_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, b"old and long").unwrap();
    let mut file =
        AppendOnlyFile::create_rw(Arc::new(RealDisk), &path, true, 1, AutoFlush::Internal).unwrap();
    file.append(b"new").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
}

#[test]
fn a_reader_keeps_a_file_that_was_closed_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    let mut file = create(&path, 1);
    file.append(b"text").unwrap();
    let reader = file.reader().unwrap();
    file.close().unwrap();
    fs::remove_file(&path).unwrap();
    assert_eq!(reader.read(0, 4).unwrap(), b"text");
}

#[test]
fn a_file_that_someone_cut_is_out_of_bounds() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    let mut file = create(&path, 1);
    file.append(b"0123456789").unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(4).unwrap();
    let read = file.read(2, 8);
    assert!(matches!(read, Err(E::ReadOutOfBounds { end: 4, bound: Bound::File, .. })), "{read:?}");
}

#[test]
fn any_kind_of_disk_may_stand_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let path = dir.path().join("file");
    let mut file = AppendOnlyFile::<dyn Disk>::create_rw(disk, &path, false, 1, AutoFlush::Internal).unwrap();
    file.append(b"text").unwrap();
    file.fsync().unwrap();
    assert_eq!(file.read(0, 4).unwrap(), b"text");
}

/// A record of 16 bytes: its number, eight times over, in two bytes each.
fn record(number: u16) -> [u8; 16] {
    let mut record = [0; 16];
    record.chunks_exact_mut(2).for_each(|pair| pair.copy_from_slice(&number.to_be_bytes()));
    record
}

/// Reads the last records below the end, again and again, until the writer is done; then everything.
fn follow(reader: &Reader, done: &AtomicBool) {
    let mut last = 0;
    let mut buffer = [0; 16];
    loop {
        let finished = done.load(Ordering::Acquire);
        let end = reader.flushed_end_poff();
        assert!(end >= last && end.is_multiple_of(16), "{end} after {last}");
        last = end;
        for off in (end.saturating_sub(64)..end).step_by(16) {
            if !reader.read_exact_at_cached(&mut buffer, off).unwrap() {
                reader.read_exact_at(&mut buffer, off).unwrap();
            }
            assert_eq!(buffer, record((off / 16) as u16));
        }
        assert!(matches!(reader.read(end, usize::MAX >> 1), Err(E::ReadOutOfBounds { .. })));
        if finished {
            break;
        }
    }
    for number in 0..(last / 16) as u16 {
        assert_eq!(reader.read(u64::from(number) * 16, 16).unwrap(), record(number));
    }
}

#[test]
fn many_read_what_one_appends() {
    const RECORDS: u16 = 20_000;
    let dir = tempfile::tempdir().unwrap();
    let mut file = create(&dir.path().join("file"), 100);
    let reader = file.reader().unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..4 {
            let (reader, done) = (reader.clone(), &done);
            scope.spawn(move || follow(&reader, done));
        }
        for number in 0..RECORDS {
            file.append(&record(number)).unwrap();
        }
        file.flush().unwrap();
        done.store(true, Ordering::Release);
    });
    assert_eq!(reader.flushed_end_poff(), u64::from(RECORDS) * 16);
}

#[test]
fn a_handle_and_its_readers_can_be_shared_among_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<AppendOnlyFile>();
    shared::<AppendOnlyFile<dyn Disk>>();
    shared::<Reader>();
    shared::<E>();
}
