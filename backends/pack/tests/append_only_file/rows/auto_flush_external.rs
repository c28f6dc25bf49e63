//! The row `auto_flush_external` of the table of calls.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use larder::{Error, ErrorKind};
use larder_pack::append_only_file::{AppendOnlyFileError as E, AutoFlush};

use crate::support::{Call, Fault, FaultyDisk, Planned};
use crate::{File, MUCH, PATH, assert_error, create_with};

#[test]
fn is_called_with_the_handle_at_the_threshold_and_not_before() {
    let disk = FaultyDisk::new();
    let published = Arc::new(AtomicU64::new(0));
    let publish = Arc::clone(&published);
    let procedure = AutoFlush::external(move |file: &mut File| {
        file.flush()?;
        file.fsync()?;
        publish.store(file.end_poff(), Ordering::Relaxed);
        Ok(())
    });
    let mut file = create_with(&disk, 10, procedure);
    file.append(b"123456789").unwrap();
    assert_eq!(published.load(Ordering::Relaxed), 0);
    assert_eq!(file.append(b"0").unwrap(), 9);
    assert_eq!(published.load(Ordering::Relaxed), 10);
    assert_eq!(file.append(b"far more than ten").unwrap(), 10);
    assert_eq!(published.load(Ordering::Relaxed), 27);
    assert!(file.empty_buffer());
    assert_eq!(file.synced_end_poff(), 27);
}

#[test]
fn is_not_called_by_a_flush() {
    let disk = FaultyDisk::new();
    let mut file = create_with(&disk, 10, AutoFlush::external(|_| panic!("called")));
    file.append(b"123").unwrap();
    file.flush().unwrap();
}

#[test]
fn one_that_does_not_flush_is_an_error_and_the_append_has_not_happened() {
    let disk = FaultyDisk::new();
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let procedure = AutoFlush::external(move |file: &mut File| {
        // From the third time on it does what it should.
        if count.fetch_add(1, Ordering::Relaxed) >= 2 {
            file.flush()?;
        }
        Ok(())
    });
    let mut file = create_with(&disk, 10, procedure);
    file.append(b"before ").unwrap();
    for _ in 0..2 {
        assert_error!(file.append(b"again"), E::NotFlushed { .. });
        assert_eq!((file.end_poff(), file.flushed_end_poff()), (7, 0));
    }
    file.append(b"again").unwrap();
    assert_eq!(disk.bytes(PATH), b"before again");
    assert_eq!(calls.load(Ordering::Relaxed), 3);
}

#[test]
fn one_that_fails_before_it_flushes_undoes_the_append_and_its_error_comes_back() {
    let disk = FaultyDisk::new();
    let full = || Error::new(ErrorKind::Full, "no room for the dictionary");
    let mut file = create_with(&disk, 10, AutoFlush::external(move |_| Err(full())));
    file.append(b"before ").unwrap();
    assert_error!(file.append(b"again"), E::AutoFlush { appended: false, .. });
    let error = Error::from(file.append(b"again").unwrap_err());
    assert_eq!(error.kind(), ErrorKind::Full);
    assert!(!error.is_ambiguous());
    assert!(error.to_string().contains("no room for the dictionary"), "{error}");
    assert_eq!(file.end_poff(), 7);
    file.flush().unwrap();
    assert_eq!(disk.bytes(PATH), b"before ");
}

#[test]
fn one_that_fails_after_it_flushed_says_that_the_bytes_are_there() {
    let disk = FaultyDisk::new();
    let procedure = AutoFlush::external(|file: &mut File| {
        file.flush()?;
        Err(Error::new(ErrorKind::Full, "no room for the control file"))
    });
    let mut file = create_with(&disk, 10, procedure);
    assert_error!(file.append(b"0123456789"), E::AutoFlush { appended: true, .. });
    assert_eq!((file.end_poff(), file.flushed_end_poff()), (10, 10));
    assert_eq!(file.read(0, 10).unwrap(), b"0123456789");
    let error = Error::from(file.append(b"0123456789").unwrap_err());
    assert!(error.is_ambiguous(), "who repeats it has it twice: {error}");
}

#[test]
fn a_flush_that_fails_inside_it_comes_out_with_its_kind() {
    let disk = FaultyDisk::new();
    let mut file = create_with(&disk, 4, AutoFlush::external(|file| Ok(file.flush()?)));
    let fault = Fault::PartThenFails(2, io::ErrorKind::StorageFull);
    disk.plan(Planned::next(fault).on(Call::WriteAt));
    let error = file.append(b"abcd").unwrap_err();
    assert!(matches!(error, E::AutoFlush { appended: false, .. }), "{error:?}");
    assert_eq!(Error::from(error).kind(), ErrorKind::Full);
    assert_eq!(file.append(b"abcd").unwrap(), 0);
    assert_eq!(disk.bytes(PATH), b"abcd");
}

#[test]
fn it_may_append_and_that_starts_no_second_one() {
    let disk = FaultyDisk::new();
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let procedure = AutoFlush::external(move |file: &mut File| {
        count.fetch_add(1, Ordering::Relaxed);
        assert_eq!(file.append(b"[a trailer beyond the threshold]")?, 10);
        file.flush()?;
        Ok(())
    });
    let mut file = create_with(&disk, 10, procedure);
    assert_eq!(file.append(b"0123456789").unwrap(), 0);
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    assert_eq!(disk.bytes(PATH), b"0123456789[a trailer beyond the threshold]");
}

#[test]
fn what_it_appended_without_flushing_goes_with_the_append() {
    let disk = FaultyDisk::new();
    let procedure = AutoFlush::external(|file: &mut File| Ok(file.append(b"trailer").map(drop)?));
    let mut file = create_with(&disk, 10, procedure);
    file.append(b"before ").unwrap();
    assert_error!(file.append(b"again"), E::NotFlushed { .. });
    assert_eq!(file.end_poff(), 7);
    file.flush().unwrap();
    assert_eq!(disk.bytes(PATH), b"before ");
}

#[test]
fn one_that_closes_the_handle_has_closed_it() {
    let disk = FaultyDisk::new();
    let procedure = AutoFlush::external(|file: &mut File| {
        file.flush()?;
        Ok(file.close()?)
    });
    let mut file = create_with(&disk, 4, procedure);
    assert_eq!(file.append(b"abcd").unwrap(), 0);
    assert_error!(file.append(b"e"), E::Closed { .. });
}

#[test]
fn a_panic_in_it_leaves_the_handle_usable() {
    let disk = FaultyDisk::new();
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let procedure = AutoFlush::external(move |file: &mut File| {
        assert!(count.fetch_add(1, Ordering::Relaxed) > 0, "the first time it panics");
        Ok(file.flush()?)
    });
    let mut file = create_with(&disk, 4, procedure);
    assert!(catch_unwind(AssertUnwindSafe(|| file.append(b"abcd"))).is_err());
    // The bytes are in the buffer, as the end says, and the procedure is called again.
    assert_eq!(file.end_poff(), 4);
    file.append(b"e").unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    assert_eq!(disk.bytes(PATH), b"abcde");
}

#[test]
fn can_be_given_to_several_files() {
    let disk = FaultyDisk::new();
    let procedure = AutoFlush::external(|file: &mut File| Ok(file.flush()?));
    let mut first = create_with(&disk, 1, procedure.clone());
    let mut second = File::create_rw(Arc::clone(&disk), "/dir/second", false, MUCH, procedure).unwrap();
    first.append(b"1").unwrap();
    second.append(b"2").unwrap();
    assert!(first.empty_buffer() && !second.empty_buffer());
}
