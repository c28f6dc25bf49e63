//! Random operations with random faults, against the model.

use std::io;

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use crate::model::{Op, Pair, Setup};
use crate::support::{Fault, Planned};

/// proptest's own settings, so that its `PROPTEST_*` variables count; a seed that fails is printed and kept
/// beside the test.
fn settings() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    }
}

fn setup() -> impl Strategy<Value = Setup> {
    let threshold = prop_oneof![Just(0), 1..40_usize, Just(1000)];
    let ahead = prop_oneof![Just(0), 1..200_u64];
    (threshold, prop_oneof![Just(0), Just(16), 1..9_u64], any::<bool>(), ahead).prop_map(
        |(threshold, dead_header_size, external, ahead)| Setup {
            threshold,
            dead_header_size,
            external,
            ahead,
        },
    )
}

fn op() -> impl Strategy<Value = Op> {
    let len = prop_oneof![8 => 0..12_usize, 1 => 30..100_usize];
    prop_oneof![
        6 => len.clone().prop_map(|len| Op::Append(vec![len])),
        2 => prop::collection::vec(len, 0..4).prop_map(Op::Append),
        4 => Just(Op::Flush),
        2 => Just(Op::Fsync),
        2 => Just(Op::Publish),
        1 => (0..60_usize).prop_map(Op::TakeBack),
        3 => (0..200_usize, 0..60_usize).prop_map(|(back, len)| Op::Read(back, len)),
        1 => Just(Op::Refresh),
        1 => Just(Op::Follow),
        1 => Just(Op::Reopen),
        1 => Just(Op::Kill),
    ]
}

fn fault() -> impl Strategy<Value = Planned> {
    let kind = prop::sample::select(vec![io::ErrorKind::StorageFull, io::ErrorKind::Other]);
    let part = prop_oneof![Just(0), 1..30_usize];
    let fault = prop_oneof![
        kind.clone().prop_map(Fault::Fails),
        Just(Fault::Fails(io::ErrorKind::Interrupted)),
        kind.clone().prop_map(Fault::FailsAfter),
        (1..30_usize).prop_map(Fault::Part),
        (part, kind).prop_map(|(part, kind)| Fault::PartThenFails(part, kind)),
        Just(Fault::Nothing),
    ];
    (fault, 0..3_usize, 1..3_usize).prop_map(|(fault, after, times)| Planned {
        after,
        times,
        ..Planned::next(fault)
    })
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn a_file_is_what_was_appended_to_it(setup in setup(), ops in prop::collection::vec(op(), 1..80)) {
        let mut pair = Pair::new(setup);
        for op in &ops {
            pair.step(op).unwrap();
        }
        pair.end();
    }

    #[test]
    fn a_file_is_what_was_appended_to_it_whatever_fails(
        setup in setup(),
        ops in prop::collection::vec((op(), prop::option::weighted(0.4, fault())), 1..80),
    ) {
        let mut pair = Pair::new(setup);
        for (op, fault) in &ops {
            if let Some(fault) = fault {
                pair.disk.plan(*fault);
            }
            // The model says what a failure may leave behind.
            let poisoned = pair.step(op).is_err() && pair.is_poisoned();
            pair.disk.heal();
            if poisoned {
                pair.step(&Op::Kill).unwrap();
            }
        }
        pair.end();
    }
}
