//! Deliberate bugs: a disk that leaves out or breaks what the backend relies on makes of it a backend that
//! has forgotten it. The table of which test catches which is made by running them.

use larder_simulated::disk::{SimDisk, Sync, Where};

use crate::support::*;
use crate::{failures, flushed, larder, opening, processes, records, rounds};

/// A test that may catch a mutant: its name, and what it does on a disk.
type Case = (&'static str, fn(SimDisk) -> Verdict);

/// The tests of this file's neighbours.
const CASES: [Case; 19] = [
    REMOVE,
    PUT,
    REPLACE,
    STREAM,
    CONDITIONAL,
    ("keys_whose_names_are_hashes_survive_every_crash", records::hashed),
    ("what_a_failed_write_leaves_survives_no_crash", opening::failed_write),
    ("sweeping_after_a_dead_process_survives_every_crash", opening::sweep),
    ("the_locks_of_a_killed_process_keep_nobody_waiting", processes::killed_while_writing),
    TWO_PROCESSES,
    SWEEP_BESIDE,
    TWO_OPENINGS,
    ("a_sync_includes_what_a_killed_process_had_acknowledged", flushed::barrier_of_the_next_process),
    ("the_first_sync_of_a_new_store_makes_all_of_it_durable", flushed::barrier_on_a_new_store),
    NEW_STORE,
    ("a_store_that_a_killed_process_began_to_make_is_as_durable_as_any", opening::killed_while_making),
    ROUND,
    FAILED_SYNCS,
    DOCUMENTS,
];

const REMOVE: Case = ("a_removal_survives_every_crash", records::remove);
const PUT: Case = ("a_put_survives_every_crash", records::put);
const REPLACE: Case = ("a_replacement_survives_every_crash", records::replace);
const STREAM: Case = ("a_streamed_write_survives_every_crash", records::stream);
const CONDITIONAL: Case = ("conditional_writes_survive_every_crash", records::conditional);
const TWO_PROCESSES: Case =
    ("of_two_processes_with_one_version_one_wins_whenever_they_meet", processes::two_processes);
const SWEEP_BESIDE: Case = ("the_files_of_a_living_process_are_not_swept", processes::sweep_beside_a_writer);
const TWO_OPENINGS: Case = ("two_processes_that_make_one_store_both_open_it", processes::two_openings);
const NEW_STORE: Case = ("a_new_store_survives_every_crash", opening::new_store);
const ROUND: Case = ("writes_that_share_a_round_survive_every_crash", rounds::round);
const FAILED_SYNCS: Case = (
    "after_a_sync_that_lost_data_nothing_is_acknowledged_that_is_not_there",
    failures::lying_after_a_failure,
);
const DOCUMENTS: Case =
    ("documents_logs_and_binaries_survive_every_crash", larder::documents_logs_and_binaries);

fn at(path: &str) -> Where {
    Where::At(format!("{STORE}{path}").into())
}

fn under(path: &str) -> Where {
    Where::Under(format!("{STORE}{path}").into())
}

/// A bug: what the backend would be like, the disk that makes it so, and the test that is tried first.
type Mutant = (&'static str, fn(SimDisk) -> SimDisk, Case);

const MUTANTS: [Mutant; 16] = [
    ("no file is synced", |disk| disk.ignoring(Sync::File), REPLACE),
    ("no directory is synced", |disk| disk.ignoring(Sync::Dir), REMOVE),
    ("the sync that a round shares is left out", |disk| disk.ignoring(Sync::All), ROUND),
    (
        "nothing is synced",
        |disk| disk.ignoring(Sync::File).ignoring(Sync::Dir).ignoring(Sync::All),
        DOCUMENTS,
    ),
    (
        "records are not synced before they are renamed",
        |disk| disk.ignoring_within(Sync::File, under("/records")),
        STREAM,
    ),
    (
        "the names of records are not synced",
        |disk| {
            let dirs = (0..64).map(|dir| at(&format!("/records/{dir:02x}")));
            dirs.fold(disk, |disk, dir| disk.ignoring_within(Sync::Dir, dir))
        },
        PUT,
    ),
    (
        "the descriptor is not synced before it is renamed",
        |disk| disk.ignoring_within(Sync::File, at("/larder-store.new")),
        NEW_STORE,
    ),
    (
        "the store's directory is not synced when it is made",
        |disk| disk.ignoring_within(Sync::Dir, at("")),
        NEW_STORE,
    ),
    (
        "the names of the record directories are not synced",
        |disk| disk.ignoring_within(Sync::Dir, at("/records")),
        NEW_STORE,
    ),
    (
        "the directory that the store is made in is not synced",
        |disk| disk.ignoring_within(Sync::Dir, Where::At("/srv".into())),
        NEW_STORE,
    ),
    (
        "the file of an owner is not synced before its first temporary file",
        |disk| disk.ignoring_within(Sync::Dir, at("/owners")),
        CONDITIONAL,
    ),
    (
        "temporary files are swept without asking whether their owner lives",
        |disk| disk.ignoring_locks(under("/owners")),
        SWEEP_BESIDE,
    ),
    (
        "records are compared and replaced without a lock",
        |disk| disk.ignoring_locks(under("/locks")),
        TWO_PROCESSES,
    ),
    ("stores are opened without a lock", |disk| disk.ignoring_locks(at("/larder-store.lock")), TWO_OPENINGS),
    ("the old file is removed before the new one is renamed", SimDisk::tearing_renames, REPLACE),
    ("a sync that failed is tried again and believed", SimDisk::retrying_syncs, FAILED_SYNCS),
];

/// Finds a test that fails: the one that is tried first, or any other.
fn catcher(mutate: fn(SimDisk) -> SimDisk, first: Case) -> Option<(&'static str, String)> {
    std::iter::once(first).chain(CASES).find_map(|(name, case)| {
        let wrong = case(mutate(SimDisk::new(1))).err()?;
        Some((name, wrong.lines().next().unwrap_or_default().to_owned()))
    })
}

/// Prints the table; and writes it, one JSON object a line, to the end of the file that `LARDER_MUTANTS`
/// names, if it names one.
#[test]
fn every_mutant_is_caught() {
    let mut survivors = Vec::new();
    let mut table = String::new();
    for (bug, mutate, first) in MUTANTS {
        match catcher(mutate, first) {
            Some((test, wrong)) => {
                println!("MUTANT | {bug} | {test} | {wrong} |");
                let row = serde_json::json!({
                    "backend": "filesystem", "bug": bug, "caught_by": test, "as": wrong,
                });
                table.push_str(&format!("{row}\n"));
            }
            None => survivors.push(bug),
        }
    }
    if let Some(path) = std::env::var_os("LARDER_MUTANTS") {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
        std::io::Write::write_all(&mut file.unwrap(), table.as_bytes()).unwrap();
    }
    assert!(survivors.is_empty(), "not caught: {survivors:#?}");
}
