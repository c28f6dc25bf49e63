//! Locks, and processes that are killed.

use std::io::ErrorKind;
use std::path::Path;

use larder::io::{Disk, Mode};
use larder_simulated::disk::{Call, CrashModel, SimDisk, Where};

#[test]
fn a_lock_is_the_handle_s_and_goes_with_it_or_with_its_process() {
    let disk = SimDisk::new(0);
    let (one, other) = (disk.process(), disk.process());
    let path = Path::new("/lock");
    let held = one.lock_file(path).unwrap();
    held.lock().unwrap();
    let waiting = other.lock_file(path).unwrap();
    assert!(!waiting.try_lock().unwrap());
    assert!(!one.lock_file(path).unwrap().try_lock().unwrap(), "also within a process");
    assert!(held.try_lock().unwrap(), "whoever holds it may ask again");
    drop(held);
    assert!(waiting.try_lock().unwrap());
    other.kill();
    assert!(one.lock_file(path).unwrap().try_lock().unwrap());
    assert!(waiting.try_lock().is_err(), "the dead call nothing");
    assert!(other.entry(path).is_err());
}

#[test]
fn waiting_for_a_lock_of_one_s_own_ends_as_a_deadlock() {
    let disk = SimDisk::new(0);
    let held = disk.lock_file(Path::new("/lock")).unwrap();
    held.lock().unwrap();
    let other = disk.lock_file(Path::new("/lock")).unwrap();
    assert_eq!(other.lock().unwrap_err().kind(), ErrorKind::Deadlock);
    held.unlock().unwrap();
    other.lock().unwrap();
}

#[test]
fn waiting_for_another_thread_s_lock_ends_when_it_is_let_go() {
    let disk = SimDisk::new(0);
    let held = disk.lock_file(Path::new("/lock")).unwrap();
    held.lock().unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| disk.lock_file(Path::new("/lock")).unwrap().lock());
        while disk.calls(Call::Lock) < 2 {
            std::thread::yield_now();
        }
        drop(held);
        waiting.join().unwrap().unwrap();
    });
}

#[test]
fn the_locks_of_a_removed_file_are_not_those_of_the_next_by_its_name() {
    let disk = SimDisk::new(0);
    let path = Path::new("/lock");
    let held = disk.lock_file(path).unwrap();
    held.lock().unwrap();
    disk.remove(path).unwrap();
    assert!(disk.lock_file(path).unwrap().try_lock().unwrap());
}

#[test]
fn what_a_killed_process_has_written_stays_and_is_not_durable() {
    let disk = SimDisk::new(0);
    let dying = disk.process();
    let file = dying.open(Path::new("/file"), Mode::Create).unwrap();
    file.write_all_at(b"text", 0).unwrap();
    dying.kill();
    assert!(file.write_at(b"more", 4).is_err());
    assert_eq!(disk.bytes(Path::new("/file")).unwrap(), b"text");
    let after = disk.fork();
    assert_eq!(after.bytes(Path::new("/file")).unwrap(), b"text");
    let killed: Vec<_> = disk.crash_states(CrashModel::Killed, 1).collect();
    assert_eq!(killed.len(), 1);
    for disk in [&disk, &after, &killed[0]] {
        assert!(disk.crash_states(CrashModel::AllLost, 1).all(|image| image.files().is_empty()));
    }
}

#[test]
fn a_hook_runs_before_the_call_that_it_waits_for() {
    let disk = SimDisk::new(0);
    disk.open(Path::new("/a"), Mode::Create).unwrap();
    let other = disk.process();
    disk.before(Call::Rename, Where::At("/b".into()), move || other.remove(Path::new("/a")).unwrap());
    assert_eq!(disk.rename(Path::new("/a"), Path::new("/b")).unwrap_err().kind(), ErrorKind::NotFound);
    disk.open(Path::new("/a"), Mode::Create).unwrap();
    disk.rename(Path::new("/a"), Path::new("/b")).unwrap();
}
