//! The power fails after every call of a run, and leaves every state that the model of the disk allows:
//! what lies below the last recorded end is there, and the file can be written on.

use std::io;
use std::path::Path;
use std::sync::Arc;

use larder_pack::append_only_file::{AppendOnlyFile, AppendOnlyFileError as E, AutoFlush};
use larder_simulated::disk::{Call, Crash, CrashModel, Exploration, Failure, Fault, SimDisk, Sync};
use larder_simulated::draw::{Draws, below};

pub(crate) type SimFile = AppendOnlyFile<SimDisk>;

pub(crate) const SIM_PATH: &str = "/store/suffix";

const SEED: u64 = 0x1a4d_e401;

pub(crate) fn open_sim(disk: &SimDisk, end: u64) -> Result<SimFile, E> {
    SimFile::open_rw(Arc::new(disk.clone()), SIM_PATH, end, 0, 700, AutoFlush::Internal)
}

pub(crate) fn create_sim(disk: &SimDisk) -> SimFile {
    SimFile::create_rw(Arc::new(disk.clone()), SIM_PATH, false, 700, AutoFlush::Internal).unwrap()
}

/// A disk with the directory of the file on it, durably.
pub(crate) fn prepared(disk: SimDisk) -> SimDisk {
    use larder::io::Disk;
    disk.create_dir(Path::new("/store")).unwrap();
    disk.settle();
    disk
}

/// A run with an owner who does as it should: it records the end after an fsync, somewhere that survives.
struct Owner {
    disk: SimDisk,
    file: SimFile,
    /// All that was appended.
    bytes: Vec<u8>,
    /// The mark of the recording, and the bytes below the end, each time that it was recorded.
    recorded: Vec<(usize, Vec<u8>)>,
    next: u8,
    /// In steps of so many bytes the file's length is set ahead.
    ahead: u64,
}

impl Owner {
    fn begin(disk: SimDisk) -> Owner {
        let disk = prepared(disk);
        disk.record();
        Owner { file: create_sim(&disk), disk, bytes: Vec::new(), recorded: Vec::new(), next: 0, ahead: 0 }
    }

    fn ahead(mut self, step: u64) -> Owner {
        self.ahead = step;
        self.file.preallocate(step).unwrap();
        self
    }

    fn append(&mut self, len: usize) {
        let bytes: Vec<u8> = (0..len).map(|i| self.next.wrapping_add(i as u8) | 1).collect();
        self.next = self.next.wrapping_mul(5).wrapping_add(77);
        assert_eq!(self.file.append(&bytes).unwrap(), self.bytes.len() as u64);
        self.bytes.extend(bytes);
    }

    fn flush(&mut self) {
        self.file.flush().unwrap();
    }

    fn publish(&mut self) {
        self.file.flush().unwrap();
        self.file.fsync().unwrap();
        assert_eq!(self.file.synced_end_poff(), self.bytes.len() as u64);
        self.recorded.push((self.disk.mark(), self.bytes.clone()));
    }

    /// The process is killed, and another opens the file at the recorded end.
    fn restart(&mut self) {
        self.bytes = self.recorded.last().map_or(Vec::new(), |(_, bytes)| bytes.clone());
        self.file = open_sim(&self.disk, self.bytes.len() as u64).unwrap();
        self.file.preallocate(self.ahead).unwrap();
    }

    /// A flush writes a part and fails, and what was buffered is given up.
    fn fail_to_flush(&mut self, len: usize) {
        let mark = self.bytes.len() as u64;
        self.file.flush().unwrap();
        self.append(len);
        self.disk.inject(Fault::at(1).on(Call::WriteAt).shortens());
        self.disk.inject(Fault::at(2).on(Call::WriteAt).fails(Failure::Full));
        assert!(matches!(self.file.flush(), Err(E::Io { .. })));
        self.disk.heal();
        self.file.take_back(mark).unwrap();
        self.bytes.truncate(mark as usize);
    }

    /// Crashes everywhere, with no more than `cap` states of each; panics if one leaves something wrong, or
    /// if fewer than `least` states were judged.
    fn survives(self, cap: usize, least: u64) {
        let recording = self.disk.recorded();
        let mut judged = 0;
        for model in CrashModel::POWER_CUTS {
            let exploration = Exploration::new(model, cap).then(CrashModel::Adversarial, 8);
            let explored = exploration.run(&recording, |crash| judge(crash, &self.recorded));
            assert!(explored.violations.is_empty(), "seed {SEED}, {model:?}: {:#?}", explored.violations);
            judged += explored.judged;
        }
        assert!(judged >= least, "{judged} states");
    }
}

/// Opens what is left at the recorded end, and writes on.
fn judge(crash: &Crash, recorded: &[(usize, Vec<u8>)]) -> Result<(), String> {
    let Some((_, bytes)) = recorded.iter().rfind(|(mark, _)| crash.passed(*mark)) else { return Ok(()) };
    let wrong = |error: E| format!("of {} bytes: {error}", bytes.len());
    let end = bytes.len() as u64;
    let mut file = open_sim(&crash.disk, end).map_err(wrong)?;
    let found = file.read(0, bytes.len()).map_err(wrong)?;
    if found != *bytes {
        let at = found.iter().zip(bytes).position(|(found, byte)| found != byte);
        return Err(format!("of {end} bytes, the one at {at:?} is another"));
    }
    // What was cut off does not come back once this is synced, nor does anything else.
    file.fsync().map_err(wrong)?;
    only(&crash.disk, bytes)?;
    file.append(b"and so on").map_err(wrong)?;
    file.flush().map_err(wrong)?;
    file.fsync().map_err(wrong)?;
    only(&crash.disk, &[bytes, &b"and so on"[..]].concat())
}

/// Whether the file has these bytes and no others after a crash now.
fn only(disk: &SimDisk, bytes: &[u8]) -> Result<(), String> {
    for left in disk.crash_states(CrashModel::Adversarial, 10) {
        let found = left.bytes(Path::new(SIM_PATH)).map_err(|error| error.to_string())?;
        if found != bytes {
            return Err(format!("{} bytes are there after a sync of {}", found.len(), bytes.len()));
        }
    }
    Ok(())
}

#[test]
fn what_was_recorded_survives_every_crash() {
    let mut owner = Owner::begin(SimDisk::new(SEED));
    owner.publish();
    for len in [10, 300, 512, 1, 2000] {
        owner.append(len);
        owner.publish();
        owner.append(len / 2 + 3);
        owner.flush();
    }
    owner.publish();
    owner.survives(100, 300);
}

#[test]
fn it_does_where_the_medium_writes_larger_sectors() {
    let mut owner = Owner::begin(SimDisk::new(SEED).sector(4096));
    for len in [10, 5000, 1, 4096] {
        owner.append(len);
        owner.publish();
    }
    owner.survives(100, 50);
}

#[test]
fn it_does_when_tails_are_cut_off_and_written_over() {
    let mut owner = Owner::begin(SimDisk::new(SEED));
    owner.append(700);
    owner.publish();
    for len in [1500, 100, 900] {
        owner.append(len);
        owner.flush();
        owner.restart();
        owner.append(len / 3);
        owner.publish();
        owner.append(40);
        owner.restart();
    }
    owner.survives(60, 300);
}

#[test]
fn it_does_when_flushes_fail_halfway() {
    let mut owner = Owner::begin(SimDisk::new(SEED));
    owner.append(100);
    owner.publish();
    for len in [600, 50, 690] {
        owner.fail_to_flush(len);
        owner.append(len / 10);
        owner.publish();
        owner.fail_to_flush(len);
        owner.publish();
    }
    owner.survives(60, 100);
}

#[test]
fn it_does_whatever_was_done() {
    for run in 0..16 {
        let draws = Draws::new(SEED).domain("owner").of(run);
        let mut owner = Owner::begin(SimDisk::new(run)).ahead([0, 700, 4000][run as usize % 3]);
        owner.publish();
        for step in 0..50 {
            let len = below(draws.at(2 * step), 650) as usize;
            match below(draws.at(2 * step + 1), 11) {
                0..=3 => owner.append(len),
                4 => owner.append(3 * len),
                5 => owner.flush(),
                6 => owner.fail_to_flush(len.max(2)),
                7 => owner.restart(),
                8 => _ = owner.file.trim().unwrap(),
                _ => owner.publish(),
            }
        }
        owner.survives(24, 200);
    }
}

#[test]
fn once_it_is_trimmed_and_synced_a_crash_leaves_nothing_beyond_its_end() {
    let mut owner = Owner::begin(SimDisk::new(SEED)).ahead(3000);
    owner.append(1000);
    owner.publish();
    let path = Path::new(SIM_PATH);
    assert_eq!(owner.disk.bytes(path).unwrap().len(), 3000);
    let longer = |left: SimDisk| left.bytes(path).unwrap().len() > 1000;
    owner.file.trim().unwrap();
    assert!(owner.disk.crash_states(CrashModel::Adversarial, 10).any(longer));
    owner.file.fsync().unwrap();
    only(&owner.disk, &owner.bytes).unwrap();
}

#[test]
fn a_failed_fsync_loses_nothing_that_was_recorded() {
    let mut owner = Owner::begin(SimDisk::new(SEED));
    owner.append(900);
    owner.publish();
    owner.append(900);
    owner.flush();
    owner.disk.inject(Fault::at(1).on(Call::Sync).loses(Failure::Io));
    assert!(matches!(owner.file.fsync(), Err(E::Fsync { .. })));
    // Another fsync would succeed, and nothing would be durable by it: it is not made.
    let syncs = owner.disk.calls(Call::Sync);
    assert!(matches!(owner.file.fsync(), Err(E::Poisoned { .. })));
    assert_eq!(owner.disk.calls(Call::Sync), syncs);
    assert_eq!(owner.file.read(0, 1800).unwrap(), owner.bytes);
    owner.restart();
    owner.append(50);
    owner.publish();
    owner.survives(60, 50);
}

/// The tests above would notice a file that forgets to sync.
#[test]
fn a_disk_that_ignores_syncs_is_found_out() {
    for ignored in [Sync::File, Sync::Dir] {
        let mut owner = Owner::begin(SimDisk::new(SEED).ignoring(ignored));
        owner.append(900);
        owner.publish();
        let recording = owner.disk.recorded();
        let explored = Exploration::new(CrashModel::Adversarial, 100)
            .run(&recording, |crash| judge(crash, &owner.recorded));
        assert!(explored.wrong > 0, "{ignored:?}: {explored:?}");
    }
}

#[test]
fn overwriting_before_it_is_synced_leaves_old_or_new_and_then_only_new() {
    let disk = prepared(SimDisk::new(SEED));
    let mut file = create_sim(&disk);
    file.append(&[b'o'; 1200]).unwrap();
    file.fsync().unwrap();
    file.close().unwrap();
    let mut file =
        SimFile::create_rw(Arc::new(disk.clone()), SIM_PATH, true, 700, AutoFlush::Internal).unwrap();
    file.append(&[b'n'; 100]).unwrap();
    file.flush().unwrap();
    let lens: Vec<usize> = disk
        .crash_states(CrashModel::Adversarial, 100)
        .map(|left| left.bytes(Path::new(SIM_PATH)).unwrap().len())
        .collect();
    assert!(lens.contains(&1200), "the old bytes may come back: {lens:?}");
    file.fsync().unwrap();
    only(&disk, &[b'n'; 100]).unwrap();
}

#[test]
fn errors_of_this_disk_have_the_same_names() {
    let disk = prepared(SimDisk::new(SEED));
    assert!(matches!(open_sim(&disk, 0), Err(E::NoSuchFileOrDirectory { .. })));
    drop(create_sim(&disk));
    disk.inject(Fault::at(1).on(Call::Open).fails(Failure::TooManyFiles));
    match open_sim(&disk, 0) {
        Err(E::Io { doing: "open", source, .. }) => assert_ne!(source.kind(), io::ErrorKind::NotFound),
        other => panic!("{other:?}"),
    }
    open_sim(&disk, 0).unwrap();
}
