//! Updates: old and new, atomic against every other writer, and all or nothing.

use std::collections::{BTreeMap, BTreeSet};

use larder::{Error, ErrorKind, Larder, path};

use crate::Harness;
use crate::handle::{AsError, fails, larder};
use crate::race::{race, while_running};

/// `update_in` answers with the values at its path, before and after.
pub fn an_update_answers_with_old_and_new<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    harness.block_on(async {
        let visit = |n: Option<u64>| n.map_or(1, |n| n + 1);
        assert_eq!(larder.update_in("visits", visit).await.unwrap(), (None, 1));
        assert_eq!(larder.update_in("visits", visit).await.unwrap(), (Some(1), 2));
        assert_eq!(larder.update_in(path!["ada", "visits"], visit).await.unwrap(), (None, 1));
        assert_eq!(larder.update_in(path!["ada", "visits"], visit).await.unwrap(), (Some(1), 2));
        larder.assoc_in(path!["ada", "name"], "Ada").await.unwrap();
        assert_eq!(larder.update_in(path!["ada", "visits"], visit).await.unwrap(), (Some(2), 3));
        assert_eq!(larder.get_in::<u64>(path!["ada", "visits"]).await.unwrap(), Some(3));
        assert_eq!(larder.get_in::<String>(path!["ada", "name"]).await.unwrap().as_deref(), Some("Ada"));
        assert!(larder.dissoc("visits").await.unwrap());
        assert_eq!(larder.update_in("visits", visit).await.unwrap(), (None, 1), "it begins again");
        larder.assoc("visits", &41).await.unwrap();
        assert_eq!(larder.update_in("visits", visit).await.unwrap(), (Some(41), 42));
    });
}

#[derive(Debug)]
enum Refusal {
    TooPoor,
    Store(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal::Store(error)
    }
}

impl AsError for Refusal {
    fn as_error(&self) -> &Error {
        match self {
            Refusal::Store(error) => error,
            Refusal::TooPoor => panic!("the update refused"),
        }
    }
}

/// An update that fails writes nothing, creates nothing, and its own error comes back.
pub fn an_update_that_fails_writes_nothing<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    harness.block_on(async {
        let pay = |price: u64| {
            move |purse: Option<u64>| match purse {
                Some(purse) if purse >= price => Ok(purse - price),
                _ => Err(Refusal::TooPoor),
            }
        };
        assert!(matches!(larder.try_update_in("purse", pay(5)).await, Err(Refusal::TooPoor)));
        assert!(!larder.exists("purse").await.unwrap(), "a failed first write leaves the key absent");
        assert!(matches!(larder.try_update_in(path!["a", "b"], pay(5)).await, Err(Refusal::TooPoor)));
        assert!(!larder.exists("a").await.unwrap());
        larder.assoc("purse", &7).await.unwrap();
        let (old, new) = larder.try_update_in("purse", pay(5)).await.unwrap();
        assert_eq!((old, new), (Some(7), 2));
        let before = larder.get_meta("purse").await.unwrap();
        assert!(matches!(larder.try_update_in("purse", pay(5)).await, Err(Refusal::TooPoor)));
        assert_eq!(larder.get::<u64>("purse").await.unwrap(), Some(2));
        assert_eq!(larder.get_meta("purse").await.unwrap(), before, "nothing was written");
        larder.assoc("purse", "empty").await.unwrap();
        fails(larder.try_update_in("purse", pay(5)).await, ErrorKind::Decode);
    });
}

/// A counter incremented by 16 tasks, 50 times each, ends at 800; every increment got an old and a
/// new value of its own.
pub fn a_counter_incremented_by_sixteen_tasks_loses_nothing<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    counts(harness, 50, |_| &larder);
}

/// The same through several handles that know nothing of one another, as several processes would.
pub fn a_counter_incremented_through_separate_handles_loses_nothing<H: Harness>(harness: &H) {
    let (first, backend) = larder(harness);
    let handles = [first, Larder::new(backend.clone()), Larder::new(backend.clone()), Larder::new(backend)];
    counts(harness, 10, |task| &handles[task % handles.len()]);
}

fn counts<'a, H: Harness>(harness: &H, each: u64, handle: impl Fn(usize) -> &'a Larder + Sync) {
    const TASKS: usize = 16;
    let path = path!["site", "visits"];
    let answers = race(harness, TASKS, |task| {
        let (larder, path) = (handle(task), &path);
        async move {
            let mut answers = Vec::new();
            for _ in 0..each {
                let visit = |n: Option<u64>| n.unwrap_or(0) + 1;
                answers.push(larder.update_in(path, visit).await.unwrap());
            }
            answers
        }
    });
    let mut seen = BTreeSet::new();
    for (old, new) in answers.into_iter().flatten() {
        assert_eq!(old.unwrap_or(0) + 1, new);
        assert!(seen.insert(new), "two increments answered {new}");
    }
    let total = TASKS as u64 * each;
    assert_eq!(seen.len() as u64, total);
    let stored = harness.block_on(handle(0).get_in::<u64>(path));
    assert_eq!(stored.unwrap(), Some(total), "the counter ends at what was acknowledged");
}

/// Sixteen tasks push onto one list: every element is there once, those of one task in their order.
pub fn concurrent_pushes_keep_the_order_of_each_task<H: Harness>(harness: &H) {
    const EACH: usize = 15;
    let (larder, _) = larder(harness);
    race(harness, 16, |task| {
        let larder = &larder;
        async move {
            for i in 0..EACH {
                let push = move |list: Option<Vec<(usize, usize)>>| {
                    let mut list = list.unwrap_or_default();
                    list.push((task, i));
                    list
                };
                larder.update_in("list", push).await.unwrap();
            }
        }
    });
    let list = harness.block_on(larder.get::<Vec<(usize, usize)>>("list")).unwrap().unwrap();
    assert_eq!(list.len(), 16 * EACH);
    for task in 0..16 {
        let of_task: Vec<usize> =
            list.iter().filter(|element| element.0 == task).map(|element| element.1).collect();
        assert_eq!(of_task, (0..EACH).collect::<Vec<_>>(), "the elements of task {task}");
    }
}

/// Writers of different places in one document, by `assoc_in`, `update_in` and `dissoc_in`, do not
/// undo one another.
pub fn concurrent_writers_of_one_document_do_not_undo_one_another<H: Harness>(harness: &H) {
    const EACH: u64 = 10;
    let (larder, _) = larder(harness);
    race(harness, 16, |task| {
        let larder = &larder;
        async move {
            let name = format!("task {task}");
            for i in 0..EACH {
                larder.assoc_in(path!["shared", &name, "set"], &i).await.unwrap();
                let add = |n: Option<u64>| n.unwrap_or(0) + 1;
                larder.update_in(path!["shared", &name, "count"], add).await.unwrap();
                larder.assoc_in(path!["shared", &name, "passing"], &i).await.unwrap();
                assert!(larder.dissoc_in(path!["shared", &name, "passing"]).await.unwrap());
            }
        }
    });
    let shared = harness.block_on(larder.get::<BTreeMap<String, BTreeMap<String, u64>>>("shared"));
    let expected = BTreeMap::from([("set".to_owned(), EACH - 1), ("count".to_owned(), EACH)]);
    let shared = shared.unwrap().unwrap();
    assert_eq!(shared.len(), 16);
    shared.values().for_each(|of_task| assert_eq!(*of_task, expected));
}

/// While a document is updated, replaced and removed, `get` sees whole states, in their order.
pub fn get_sees_old_or_new_and_never_a_mixture<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    type Twins = BTreeMap<String, u64>;
    let names: Vec<String> = (0..40).map(|i| format!("member {i}")).collect();
    let whole = |n: u64| -> Twins { names.iter().map(|name| (name.clone(), n)).collect() };
    harness.block_on(larder.assoc("twins", &whole(0))).unwrap();
    let change = |round: u64| {
        let (larder, next) = (&larder, whole(round + 1));
        async move {
            match round % 3 {
                0 => larder.assoc("twins", &next).await.unwrap(),
                1 => {
                    let bump = |twins: Option<Twins>| {
                        let mut twins = twins.unwrap_or_default();
                        twins.values_mut().for_each(|n| *n += 1);
                        twins
                    };
                    larder.update_in("twins", bump).await.unwrap();
                }
                _ => {
                    assert!(larder.dissoc("twins").await.unwrap());
                    larder.assoc("twins", &next).await.unwrap();
                }
            }
        }
    };
    while_running(harness, change, |changes| {
        harness.block_on(async {
            let mut last = 0;
            while changes.fewer_than(150) {
                let Some(twins) = larder.get::<Twins>("twins").await.unwrap() else { continue };
                let n = twins["member 0"];
                assert_eq!(twins, whole(n), "a mixture of states");
                assert!(n >= last, "state {n} was seen after state {last}");
                last = n;
            }
        });
    });
}
