//! Tests of the control file.

use larder_simulated::disk::{Call, CrashModel, Exploration, Failure, Fault, SimDisk};
use proptest::prelude::*;

use super::*;

const DIR: &str = "/store";

fn dir() -> &'static Path {
    Path::new(DIR)
}

fn file() -> PathBuf {
    dir().join(NAME)
}

fn state(n: u64) -> State {
    State {
        salt: 77,
        end: Place { segment: n as u32, offset: 16 * n },
        published: 32 * n,
        clean: false,
        seq: n,
    }
}

fn prepared(seed: u64) -> SimDisk {
    let disk = SimDisk::new(seed);
    disk.create_dir(dir()).unwrap();
    disk.settle();
    disk
}

fn read(disk: &SimDisk) -> Result<Option<State>> {
    Control::read(disk, dir())
}

#[test]
fn what_is_recorded_is_read_by_everybody() {
    let disk = prepared(1);
    assert!(read(&disk).unwrap().is_none());
    let mut control = Control::create(&disk, dir(), &state(1)).unwrap();
    assert_eq!(read(&disk).unwrap(), Some(state(1)));
    for n in 2..20 {
        let state = State { clean: n % 5 == 0, ..state(n) };
        control.record(&state).unwrap();
        if n % 3 == 0 {
            control.sync().unwrap();
        }
        assert_eq!(read(&disk).unwrap(), Some(state));
        let (again, found) = Control::open(&disk, dir(), true).unwrap().unwrap();
        assert_eq!(found, state);
        if n % 7 == 0 {
            control = again;
        }
    }
    let error = Control::create(&disk, dir(), &state(1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[test]
fn the_bytes_are_those_of_the_format() {
    let disk = prepared(1);
    let mut control = Control::create(&disk, dir(), &state(2)).unwrap();
    control.record(&State { clean: true, ..state(3) }).unwrap();
    let bytes = disk.bytes(&file()).unwrap();
    assert_eq!(bytes.len(), 8192);
    let mut expected = b"larder-pack\x01".to_vec();
    expected.extend([0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 77]);
    expected.extend([0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 48, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 96]);
    assert_eq!(bytes[4096..4156], expected);
    assert_eq!(bytes[4156..4160], crc32fast::hash(&expected).to_be_bytes());
}

#[test]
fn every_flipped_bit_and_every_cut_leaves_a_slot_or_is_reported() {
    let disk = prepared(1);
    let mut control = Control::create(&disk, dir(), &State { clean: true, ..state(1) }).unwrap();
    control.record(&State { clean: true, ..state(2) }).unwrap();
    let bytes = disk.bytes(&file()).unwrap();
    let (older, newer) = (state(1), State { clean: true, ..state(2) });
    for bit in (0..8 * 64).chain(8 * 4096..8 * 4160).chain([8 * 100, 8 * 5000]) {
        assert!(disk.rot(&file(), bit / 8, 1 << (bit % 8)).unwrap());
        let found = read(&disk).unwrap().unwrap();
        let alone = match bit / 8 {
            0..64 => State { clean: false, ..newer },
            4096..4160 => older,
            _ => newer,
        };
        assert_eq!(found, alone, "bit {bit}");
        disk.replace(&file(), &bytes).unwrap();
    }
    for len in (0..70).chain(4090..4160) {
        disk.replace(&file(), &bytes[..len]).unwrap();
        match read(&disk) {
            Ok(found) => assert!(len >= 64 && found == Some(older)),
            Err(error) => assert!(len < 64 && error.kind() == ErrorKind::Corrupt, "{len}: {error}"),
        }
    }
    disk.replace(&file(), &bytes[..4160]).unwrap();
    assert_eq!(read(&disk).unwrap(), Some(newer));
}

#[test]
fn a_slot_of_another_version_or_store_is_refused() {
    let disk = prepared(1);
    Control::create(&disk, dir(), &state(1)).unwrap();
    let bytes = disk.bytes(&file()).unwrap();
    let with = |at: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[4096 + at] = byte;
        let crc = crc32fast::hash(&bytes[4096..4156]);
        bytes[4156..4160].copy_from_slice(&crc.to_be_bytes());
        disk.replace(&file(), &bytes).unwrap();
        Control::open(&disk, dir(), true)
    };
    let error = with(11, 2).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("newer"), "{error}");
    assert_eq!(with(31, 78).unwrap_err().kind(), ErrorKind::Corrupt);
    assert!(!with(12, 1).unwrap().unwrap().1.clean);
}

#[test]
fn a_crash_leaves_what_was_synced_last_or_what_was_recorded_since() {
    for (seed, model) in CrashModel::POWER_CUTS.into_iter().enumerate() {
        // Sectors so small that a slot is torn.
        let disk = SimDisk::new(seed as u64).sector(16);
        disk.create_dir(dir()).unwrap();
        disk.settle();
        disk.record();
        let mut control = Control::create(&disk, dir(), &state(1)).unwrap();
        let mut synced = vec![(disk.mark(), 1)];
        for n in 2..12 {
            control.record(&state(n)).unwrap();
            if n % 4 == 0 {
                control.sync().unwrap();
                synced.push((disk.mark(), n));
            }
            if n == 9 {
                control = Control::open(&disk, dir(), true).unwrap().unwrap().0;
                synced.push((disk.mark(), n));
            }
        }
        let explored = Exploration::new(model, 40).then(model, 4).run(&disk.recorded(), |crash| {
            let least = synced.iter().rfind(|(mark, _)| crash.passed(*mark)).map(|(_, n)| *n);
            let opened = Control::open(&crash.disk, dir(), true).map_err(|error| error.to_string())?;
            match (opened, least) {
                (None, None) => {
                    let created = Control::create(&crash.disk, dir(), &state(1));
                    created.map(drop).map_err(|error| error.to_string())
                }
                (None, Some(_)) => Err("it is gone".to_owned()),
                (Some((mut control, found)), least) => {
                    if found.seq < least.unwrap_or(1) || found != state(found.seq) {
                        return Err(format!("{found:?}, though {least:?} was synced"));
                    }
                    control.record(&state(found.seq + 1)).map_err(|error| error.to_string())?;
                    control.sync().map_err(|error| error.to_string())
                }
            }
        });
        assert!(explored.is_sound(), "{model:?}: {explored:#?}");
        assert!(explored.states > 10);
    }
}

/// A store that was closed is found clean.
fn closed(seed: u64) -> SimDisk {
    let disk = prepared(seed);
    let mut control = Control::create(&disk, dir(), &state(1)).unwrap();
    control.record(&State { clean: true, ..state(2) }).unwrap();
    control.sync().unwrap();
    disk
}

#[test]
fn a_clean_state_is_not_touched_as_long_as_nothing_changes() {
    let disk = closed(1);
    let before = (disk.calls(Call::Sync), disk.calls(Call::SyncDir), disk.calls(Call::WriteAt));
    let (mut control, found) = Control::open(&disk, dir(), true).unwrap().unwrap();
    control.record(&State { clean: false, ..found }).unwrap();
    control.record(&found).unwrap();
    control.sync().unwrap();
    assert_eq!((disk.calls(Call::Sync), disk.calls(Call::SyncDir), disk.calls(Call::WriteAt)), before);
    assert_eq!(read(&disk).unwrap(), Some(found));
    control.record(&state(3)).unwrap();
    assert_eq!(read(&disk).unwrap(), Some(state(3)));
}

#[test]
fn a_clean_state_that_may_not_be_durable_is_made_so_before_the_other_slot_is_touched() {
    // Sectors so small that a slot is torn.
    let disk = SimDisk::new(5).sector(16);
    disk.create_dir(dir()).unwrap();
    disk.settle();
    let mut control = Control::create(&disk, dir(), &state(1)).unwrap();
    control.record(&State { clean: true, ..state(2) }).unwrap();
    // Killed before it was synced. Then the power fails.
    disk.record();
    let (mut control, _) = Control::open(&disk, dir(), true).unwrap().unwrap();
    control.record(&state(3)).unwrap();
    control.record(&state(4)).unwrap();
    let explored = Exploration::new(CrashModel::Adversarial, 200).run(&disk.recorded(), |crash| {
        match read(&crash.disk) {
            Ok(Some(found)) if (1..=4).contains(&found.seq) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    assert!(explored.is_sound(), "{explored:#?}");
    assert!(explored.states > 10);
}

#[test]
fn where_what_was_found_cannot_be_synced_nothing_is_written_any_more() {
    let disk = closed(1);
    let (mut control, found) = Control::open(&disk, dir(), true).unwrap().unwrap();
    disk.inject(Fault::at(1).on(Call::Sync).fails(Failure::Io));
    let writes = disk.calls(Call::WriteAt);
    assert_eq!(control.record(&state(3)).unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(control.record(&state(4)).unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(disk.calls(Call::WriteAt), writes);
    assert_eq!(read(&disk).unwrap(), Some(found));
}

#[test]
fn what_could_not_be_written_is_written_the_next_time() {
    let disk = closed(1);
    let (mut control, _) = Control::open(&disk, dir(), true).unwrap().unwrap();
    control.record(&state(3)).unwrap();
    disk.inject(Fault::at(1).on(Call::WriteAt).fails_after(Failure::Io));
    control.record(&state(4)).unwrap_err();
    disk.inject(Fault::at(1).on(Call::WriteAt).fails(Failure::Io));
    control.record(&state(3)).unwrap_err();
    control.record(&state(3)).unwrap();
    assert_eq!(read(&disk).unwrap(), Some(state(3)));
}

proptest! {
    #[test]
    fn arbitrary_slots_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        prop_assert_eq!(Slot::decode(&bytes, dir()).unwrap(), None);
    }

    #[test]
    fn slots_read_back(sequence: u64, salt: u64, segment: u32, offset: u64, clean: bool, seq: u64) {
        let slot = Slot { sequence, state: State { salt, end: Place { segment, offset }, published: offset, clean, seq } };
        prop_assert_eq!(Slot::decode(&slot.encode(), dir()).unwrap(), Some(slot));
    }
}
