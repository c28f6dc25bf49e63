//! Every call on the disk of a workload fails in turn, in every way: an error comes back or it is made up
//! for, nothing is lost or doubled, and what failed succeeds when it is done again.

use std::io;

use crate::model::{Op, Pair, Setup};
use crate::support::{Fault, Planned};

/// Everything that a file can be asked to do.
fn workload() -> Vec<Op> {
    let mut ops = Vec::new();
    for round in 0..4 {
        ops.extend([
            Op::Append(vec![5]),
            Op::Append(vec![3, 9]),
            Op::Flush,
            Op::Append(vec![30 + round]),
            Op::Fsync,
            Op::Read(40, 20),
            Op::Append(vec![7]),
            Op::TakeBack(3),
            Op::Publish,
            Op::Refresh,
            Op::Append(vec![4]),
            Op::Read(10, 2),
            Op::Reopen,
            Op::Append(vec![11]),
            Op::Flush,
            Op::Follow,
            if round % 2 == 0 { Op::Kill } else { Op::Fsync },
        ]);
    }
    ops
}

const FAULTS: [Fault; 9] = [
    Fault::Fails(io::ErrorKind::Other),
    Fault::Fails(io::ErrorKind::StorageFull),
    Fault::Fails(io::ErrorKind::PermissionDenied),
    Fault::FailsAfter(io::ErrorKind::Other),
    Fault::Part(1),
    Fault::Part(4),
    Fault::PartThenFails(2, io::ErrorKind::StorageFull),
    Fault::PartThenFails(6, io::ErrorKind::Other),
    Fault::Nothing,
];

/// Runs the workload with a fault at the calls from the `nth` on, and does again what failed, until it
/// succeeds. Returns how many calls met the fault.
fn run(setup: Setup, planned: Option<Planned>) -> usize {
    let mut pair = Pair::new(setup);
    pair.disk.take_calls();
    planned.into_iter().for_each(|planned| pair.disk.plan(planned));
    for op in workload() {
        // No fault lasts for so many calls.
        let done = (0..10).any(|_| {
            let done = pair.step(&op).is_ok();
            if pair.is_poisoned() {
                pair.disk.heal();
                pair.step(&Op::Kill).unwrap();
            }
            done
        });
        assert!(done, "{op:?} fails and fails, with {planned:?} and {setup:?}");
    }
    let fired = pair.disk.fired();
    pair.end();
    fired
}

#[test]
fn whatever_call_fails_nothing_is_lost_or_doubled() {
    let mut met = 0;
    for (external, dead_header_size, ahead) in [(false, 0, 0), (false, 16, 0), (true, 3, 0), (false, 3, 50)] {
        let setup = Setup { threshold: 24, dead_header_size, external, ahead };
        for fault in FAULTS {
            for times in [1, 3] {
                let mut after = 0;
                // Until the workload ends before the call that would fail. Some calls cannot fail in this
                // way: a few in a row are no end.
                let mut missed = 0;
                while missed < 60 {
                    let fired = run(setup, Some(Planned { after, times, ..Planned::next(fault) }));
                    missed = if fired == 0 { missed + 1 } else { 0 };
                    met += fired;
                    after += 1;
                }
            }
        }
    }
    // It has been about something.
    assert!(met > 5_000, "{met} faults were met");
}

#[test]
fn without_faults_nothing_fails() {
    for external in [false, true] {
        assert_eq!(run(Setup { threshold: 24, dead_header_size: 16, external, ahead: 0 }, None), 0);
    }
}
