//! Weaker promises, crashes, listings, budgets and wrong hints.

use std::collections::BTreeMap;

use larder::{Document, Key};
use larder_simulated::check::{CasRegister, Checker, Consistency, Rule, Spec, Undecided, Verdict};
use larder_simulated::draw::{Draws, below};
use larder_simulated::history::{Answer, Call, History, Operation, Outcome};

use crate::brute::{Timed, timed};
use crate::generate::{Chance, Size, history};
use crate::subjects;

fn number(n: u64) -> Document {
    Document::encode(&n).unwrap()
}

fn key() -> Key {
    Key::from("k")
}

fn write(client: u64, n: u64, from: u64, to: u64) -> Operation {
    Operation::new(client, Call::Assoc(key(), number(n)), from).returning(to, Outcome::Ok(Answer::Done))
}

fn read(client: u64, seen: Option<u64>, from: u64, to: u64) -> Operation {
    let answer = Answer::Value(seen.map(number));
    Operation::new(client, Call::Get(key()), from).returning(to, Outcome::Ok(answer))
}

/// Whether there is an order that keeps each client's own, by trying all.
fn has_own_order(timed: &[Timed], clients: &[u64]) -> bool {
    fn goes_on(timed: &[Timed], clients: &[u64], gone: &mut [bool], state: &Option<Document>) -> bool {
        if (0..timed.len()).all(|at| gone[at] || !timed[at].must) {
            return true;
        }
        (0..timed.len()).any(|at| {
            // Those of the same client that come before and are not placed are left out for good.
            let before = |other: usize| clients[other] == clients[at] && other < at && !gone[other];
            let skipped: Vec<usize> = (0..timed.len()).filter(|other| before(*other)).collect();
            if gone[at] || skipped.iter().any(|other| timed[*other].must) {
                return false;
            }
            let Some(next) = CasRegister.step(state, &timed[at].call, timed[at].answer.as_ref()) else {
                return false;
            };
            let now: Vec<usize> = skipped.into_iter().chain([at]).collect();
            now.iter().for_each(|at| gone[*at] = true);
            let found = goes_on(timed, clients, gone, &next);
            now.iter().for_each(|at| gone[*at] = false);
            found
        })
    }
    goes_on(timed, clients, &mut vec![false; timed.len()], &None)
}

#[test]
fn sequential_consistency_is_judged_as_by_all_orders() {
    let size = Size { clients: 3, calls: 6, crashes: false };
    let (mut right, mut wrong, mut weaker) = (0, 0, 0);
    for seed in 1..=20_000 {
        let history = history(&subjects::cas_register(), &mut Chance::new(seed), size);
        let timed = timed(&history);
        let telling = history.operations().iter().filter(|operation| {
            !operation.has_failed() && (operation.answer().is_some() || !operation.call.only_reads())
        });
        let clients: Vec<u64> = telling.map(|operation| operation.client).collect();
        let expected = has_own_order(&timed, &clients);
        let judge = |consistency| Checker::new().consistency(consistency).check(&history);
        let verdict = judge(Consistency::Sequential);
        assert_eq!(verdict.is_linearizable(), expected, "seed {seed}: {verdict}");
        assert!(!matches!(verdict, Verdict::Unknown(_)), "seed {seed}: {verdict}");
        // What is linearizable keeps every weaker promise.
        if judge(Consistency::Linearizable).is_linearizable() {
            for consistency in [Consistency::ReadYourWrites, Consistency::MonotonicReads] {
                assert!(judge(consistency).is_linearizable(), "seed {seed}: {consistency}");
            }
        } else if expected {
            weaker += 1;
        }
        *if expected { &mut right } else { &mut wrong } += 1;
    }
    println!("{right} sequential, {wrong} not, {weaker} sequential but not linearizable");
    assert!(right > 2_000 && wrong > 1_000 && weaker > 100);
}

#[test]
fn what_other_clients_did_may_be_seen_late_but_not_what_one_did_or_saw_oneself() {
    let judge = |consistency, operations: Vec<Operation>| {
        let verdict = Checker::new().consistency(consistency).check(&History::new(operations));
        verdict.violation().map(|violation| (violation.rule, violation.offending.len()))
    };
    use Consistency::{MonotonicReads, ReadYourWrites};
    let late = || vec![write(0, 1, 0, 1), write(0, 2, 2, 3), read(1, Some(1), 4, 5)];
    assert_eq!(judge(ReadYourWrites, late()), None);
    assert_eq!(judge(MonotonicReads, late()), None);
    let own = || vec![write(0, 1, 0, 1), write(0, 2, 2, 3), read(0, Some(1), 4, 5)];
    assert_eq!(judge(ReadYourWrites, own()), Some((Rule::ReadYourWrites, 3)));
    let own_first = || vec![write(0, 1, 0, 1), read(0, None, 2, 3)];
    assert_eq!(judge(ReadYourWrites, own_first()), Some((Rule::ReadYourWrites, 2)));
    let back = || vec![write(0, 1, 0, 1), write(0, 2, 2, 3), read(1, Some(2), 4, 5), read(1, Some(1), 6, 7)];
    assert_eq!(judge(ReadYourWrites, back()), None);
    assert_eq!(judge(MonotonicReads, back()), Some((Rule::MonotonicReads, 3)));
    // Another's write at the same time may come after one's own.
    let beside =
        || vec![write(0, 1, 0, 5), write(1, 2, 1, 4), read(1, Some(1), 6, 7), read(1, Some(1), 8, 9)];
    assert_eq!(judge(ReadYourWrites, beside()), None);
    assert_eq!(judge(MonotonicReads, beside()), None);
}

#[test]
fn what_was_acknowledged_survives_a_crash_and_the_rest_does_before_it_or_never() {
    let open = |n| Operation::new(2, Call::Assoc(key(), number(n)), 3);
    let judge = |operations: Vec<Operation>| {
        let verdict = Checker::new().check(&History::with_crashes(operations, vec![10]));
        assert!(!matches!(verdict, Verdict::Unknown(_)));
        verdict.is_linearizable()
    };
    assert!(judge(vec![write(0, 1, 1, 2), read(0, Some(1), 11, 12)]));
    assert!(!judge(vec![write(0, 1, 1, 2), read(0, None, 11, 12)]), "an acknowledged write was lost");
    let (old, new) = (read(0, Some(1), 11, 12), read(0, Some(2), 11, 12));
    assert!(judge(vec![write(0, 1, 1, 2), open(2), old.clone()]), "it may be lost");
    assert!(judge(vec![write(0, 1, 1, 2), open(2), new.clone()]), "it may survive");
    let (later_old, later_new) = (read(0, Some(1), 13, 14), read(0, Some(2), 13, 14));
    assert!(!judge(vec![write(0, 1, 1, 2), open(2), old, later_new]), "it came after the crash");
    assert!(!judge(vec![write(0, 1, 1, 2), open(2), new, later_old]), "it went away again");
    // Without the crash it may come at any time.
    let ghost = vec![write(0, 1, 1, 2), open(2), read(0, Some(1), 11, 12), read(0, Some(2), 13, 14)];
    assert!(Checker::new().check(&History::new(ghost)).is_linearizable());
}

/// A history of writes, removals and listings of three keys, with the listings made key by key.
fn listings(seed: u64) -> History {
    let mut chance = Chance::new(seed);
    let keys = ["a", "b", "c"].map(Key::from);
    let mut present: BTreeMap<Key, bool> = BTreeMap::new();
    let mut listing: Option<(Operation, Vec<Key>, usize)> = None;
    let (mut done, mut place) = (Vec::new(), 0);
    while place < 60 {
        place += 2;
        match (chance.below(3), &mut listing) {
            (0, None) => listing = Some((Operation::new(1, Call::Keys(None), place), Vec::new(), 0)),
            (0, Some((_, listed, at))) if *at < keys.len() => {
                if present.get(&keys[*at]) == Some(&true) {
                    listed.push(keys[*at].clone());
                }
                *at += 1;
            }
            (0, slot) => {
                let Some((operation, listed, _)) = slot.take() else { continue };
                let answer = Answer::Keys { keys: listed, complete: true };
                done.push(operation.returning(place, Outcome::Ok(answer)));
            }
            _ => {
                let key = keys[chance.below(3)].clone();
                let there = present.entry(key.clone()).or_insert(false);
                let (call, answer) = match chance.below(3) {
                    0 => (Call::Dissoc(key), Answer::Flag(std::mem::replace(there, false))),
                    _ => (Call::Assoc(key, number(place)), Answer::Done),
                };
                *there |= matches!(call, Call::Assoc(..));
                done.push(Operation::new(0, call, place).returning(place + 1, Outcome::Ok(answer)));
            }
        }
    }
    History::new(done)
}

#[test]
fn a_listing_may_miss_or_have_what_comes_and_goes_but_nothing_else() {
    let mut found = [0, 0];
    for seed in 1..=3_000 {
        let history = listings(seed);
        let verdict = Checker::new().check(&history);
        assert!(verdict.is_linearizable(), "seed {seed}: {verdict}");
        // The writes are one after the other, so it is known when a key was there.
        for (at, listing) in history.operations().iter().enumerate() {
            let Some(Answer::Keys { keys: listed, .. }) = listing.answer() else { continue };
            for key in ["a", "b", "c"].map(Key::from) {
                let of_key = history.operations().iter().filter(|operation| operation.key() == Some(&key));
                let changes = |operation: &&Operation| match (&operation.call, operation.answer()) {
                    (Call::Assoc(..), _) => true,
                    (_, answer) => answer == Some(&Answer::Flag(true)),
                };
                let (before, after): (Vec<_>, Vec<_>) =
                    of_key.filter(changes).partition(|operation| operation.returned < Some(listing.invoked));
                let there = before.last().is_some_and(|last| matches!(last.call, Call::Assoc(..)));
                let stays = |operation: &&Operation| match &operation.call {
                    Call::Assoc(..) => there || Some(operation.invoked) > listing.returned,
                    _ => Some(operation.invoked) > listing.returned,
                };
                if !after.iter().all(stays) {
                    continue;
                }
                // The contrary of the truth is found out.
                let mut keys: Vec<Key> = listed.iter().filter(|listed| **listed != key).cloned().collect();
                let rule = if there { Rule::ListedOnce } else { Rule::NotListed };
                if !there {
                    keys.push(key);
                }
                let mut wrong = history.operations().to_vec();
                wrong[at].outcome = Outcome::Ok(Answer::Keys { keys, complete: true });
                let verdict = Checker::new().check(&History::new(wrong));
                assert_eq!(
                    verdict.violation().map(|violation| violation.rule),
                    Some(rule),
                    "seed {seed}: {verdict}"
                );
                found[usize::from(there)] += 1;
            }
        }
    }
    assert!(found.iter().all(|found| *found > 1_000), "{found:?}");
}

#[test]
fn wrong_hints_about_effects_change_no_verdict() {
    let size = Size { clients: 3, calls: 5, crashes: false };
    for seed in 1..=10_000 {
        let history = history(&subjects::everything(), &mut Chance::new(seed), size);
        let draws = Draws::new(seed).domain("hints");
        let hinted = history.operations().iter().zip(0..).map(|(operation, at)| {
            let effect = (!draws.at(at).is_multiple_of(4)).then(|| below(draws.of(1).at(at), 30));
            Operation { effect, ..operation.clone() }
        });
        let checker = Checker::new().without_explanation();
        let (plain, hinted) = (checker.check(&history), checker.check(&hinted.collect()));
        assert_eq!(plain.is_linearizable(), hinted.is_linearizable(), "seed {seed}");
    }
}

#[test]
fn a_search_that_is_given_up_says_so_and_never_yes_or_no() {
    let size = Size { clients: 4, calls: 12, crashes: false };
    let mut unknown = 0;
    for seed in 1..=2_000 {
        let history = history(&subjects::cas_register(), &mut Chance::new(seed), size);
        let full = Checker::new().without_explanation().check(&history);
        for budget in [0, 1, 3] {
            match Checker::new().without_explanation().budget(budget).check(&history) {
                Verdict::Unknown(Undecided::Budget { budget: told, .. }) => {
                    assert_eq!(told, budget);
                    unknown += 1;
                }
                verdict => {
                    assert_eq!(verdict.is_linearizable(), full.is_linearizable(), "seed {seed}: {verdict}")
                }
            }
        }
    }
    assert!(unknown > 50, "{unknown}");
}

#[test]
fn many_clients_and_unknown_outcomes_on_one_key_are_decided_quickly() {
    // Thirty-two clients, and every fiftieth write never comes back: hopeless without tightening.
    let size = Size { clients: 32, calls: 600, crashes: false };
    for (seed, mut subject) in (1..).zip([subjects::everything(), subjects::distinct()]) {
        subject.call = |chance, n| match chance.below(6) {
            0..2 => Call::Get(key()),
            2 => Call::Dissoc(key()),
            3 => Call::Exists(key()),
            _ => Call::Assoc(key(), number(n as u64)),
        };
        let history = history(&subject, &mut Chance::new(seed), size);
        let verdict = Checker::new().budget(10_000).check(&history);
        assert!(!matches!(verdict, Verdict::Unknown(_)), "{verdict}");
    }
}
