//! What an operation depends on: the seed, its client and its number; and the order of its effects.

use crate::*;

/// The lives of some steps of two clients, as text. A step is two writes and a read.
fn lives_of_steps(seed: u64, faults: Faults, left_out: Option<(u64, u64)>) -> Vec<((u64, u64), String)> {
    let time = Virtual::new(9);
    let log = Log::new();
    let store = Simulated::builder(Memory::new(), time.timeline(), seed);
    let store = store.profile(uneven()).faults(faults).log(&log).build();
    for client in 1..3 {
        let store = store.client(client);
        for step in 0..40u64 {
            if left_out == Some((client, step)) {
                continue;
            }
            // Steps begin at fixed times, so that the times of their lives can be compared.
            time.block_on(time.clock.sleep_until((client * 100 + step) * 1_000_000 * MS));
            store.skip_to(step * 10);
            // What one client writes must not be what another reads.
            let key = Key::from(client * 1_000 + step);
            drop(store.write(&key, record(&key, "a"), Expect::Any));
            drop(store.write(&key, record(&key, "b"), Expect::Any));
            drop(store.read(&key, Part::All));
        }
    }
    time.settle();
    store.heal();
    time.settle();
    let mut lives = log.lives();
    // Which of the effects it was is not the operation's own fate.
    lives.iter_mut().for_each(|life| life.order = None);
    lives.sort_by_key(|life| (life.client, life.number));
    lives.into_iter().map(|life| ((life.client, life.number), format!("{life:?}"))).collect()
}

#[test]
fn leaving_one_step_out_changes_the_fate_of_no_other() {
    for seed in 0..10 {
        let faults = || {
            use larder_simulated::fault::FaultKind::{Crash, Hang, Pause};
            // These three strike others, too.
            Faults::swarm().intensity(300_000).without([Pause, Crash, Hang])
        };
        let all = lives_of_steps(seed, faults(), None);
        assert_eq!(all.len(), 2 * 40 * 3);
        let rest = lives_of_steps(seed, faults(), Some((1, 7)));
        let expected: Vec<_> =
            all.iter().filter(|((client, number), _)| (*client, number / 10) != (1, 7)).cloned().collect();
        for (expected, found) in expected.iter().zip(&rest) {
            assert_eq!(expected, found, "seed {seed}");
        }
        assert_eq!(expected.len(), rest.len());
        assert!(all == lives_of_steps(seed, faults(), None), "the same seed is the same run");
        assert!(all != lives_of_steps(seed + 1, faults(), None), "seed {seed}");
    }
}

#[test]
fn clients_have_numbers_and_draws_of_their_own() {
    let time = Virtual::new(1);
    let log = Log::new();
    let store = Simulated::builder(Memory::new(), time.timeline(), 1).profile(uneven()).log(&log).build();
    for client in [0, 1, 0] {
        drop(store.client(client).read(&key(), Part::All));
    }
    drop(store.clone().read(&key(), Part::All));
    time.settle();
    let mut lives = log.lives();
    lives.sort_by_key(|life| (life.client, life.number));
    let names: Vec<(u64, u64)> = lives.iter().map(|life| (life.client, life.number)).collect();
    assert_eq!(names, [(0, 0), (0, 1), (0, 2), (1, 0)], "handles of one client share its numbers");
    assert_ne!(lives[0].acknowledged, lives[3].acknowledged);
    assert_eq!(store.number(), 3);
}

/// In how many of some runs the first of two writes of a key was the one that stayed.
fn overtaken(build: impl Fn(u64, &Virtual) -> [Simulated<Memory>; 2]) -> usize {
    let runs = (0..50).filter(|seed| {
        let time = Virtual::new(*seed);
        let [one, other] = build(*seed, &time);
        drop(one.write(&key(), record(&key(), "first"), Expect::Any));
        drop(other.write(&key(), record(&key(), "second"), Expect::Any));
        time.settle();
        time.block_on(get(&one, &key())).unwrap() == "first"
    });
    runs.count()
}

#[test]
fn what_one_client_does_to_a_key_happens_in_the_order_of_its_calls() {
    let store =
        |seed, time: &Virtual| Simulated::builder(Memory::new(), time.timeline(), seed).profile(uneven());
    let same = overtaken(|seed, time| {
        let store = store(seed, time).build();
        [store.clone(), store]
    });
    assert_eq!(same, 0);
    let unordered = overtaken(|seed, time| {
        let store = store(seed, time).unordered().build();
        [store.clone(), store]
    });
    assert!((10..40).contains(&unordered), "{unordered}");
    let two_clients = overtaken(|seed, time| {
        let store = store(seed, time).build();
        [store.client(1), store.client(2)]
    });
    assert!((10..40).contains(&two_clients), "{two_clients}");
}
