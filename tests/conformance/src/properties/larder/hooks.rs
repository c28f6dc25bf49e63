//! Write hooks: told of every write that succeeded, and of no other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use larder::{Document, Larder, Operation, Path, Together, WriteEvent, path};

use crate::Harness;
use crate::handle::{document, larder};

type Told = Arc<Mutex<Vec<WriteEvent>>>;

fn listen(larder: &Larder) -> (larder::HookId, Told) {
    let told = Told::default();
    let heard = Arc::clone(&told);
    let id = larder.add_hook(move |event| {
        heard.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone());
    });
    (id, told)
}

#[track_caller]
fn heard(told: &Told, expected: &[(Operation, Path, Option<Document>)]) {
    let told = std::mem::take(&mut *told.lock().unwrap_or_else(PoisonError::into_inner));
    let told: Vec<_> = told.into_iter().map(|event| (event.operation, event.path, event.value)).collect();
    assert_eq!(told, expected);
}

/// A hook is told of every write once, with operation, path and new value.
pub fn a_hook_is_told_of_every_write_once<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    let (_, told) = listen(&larder);
    harness.block_on(async {
        larder.assoc("ada", &[1, 2]).await.unwrap();
        heard(&told, &[(Operation::Assoc, path!["ada"], Some(document(&[1, 2])))]);
        larder.assoc_in(path!["ada", 0], &7).await.unwrap();
        heard(&told, &[(Operation::AssocIn, path!["ada", 0], Some(document(&7)))]);
        larder.update_in(path!["ada", 0], |n: Option<u64>| n.unwrap_or(0) + 1).await.unwrap();
        heard(&told, &[(Operation::UpdateIn, path!["ada", 0], Some(document(&8)))]);
        larder.dissoc("ada").await.unwrap();
        heard(&told, &[(Operation::Dissoc, path!["ada"], None)]);
        larder.bassoc("photo", "bytes").await.unwrap();
        heard(&told, &[(Operation::Bassoc, path!["photo"], None)]);
        larder.append("log", "element").await.unwrap();
        heard(&told, &[(Operation::Append, path!["log"], Some(document("element")))]);
        let together = if larder.capabilities().batches { Together::Atomic } else { Together::OneByOne };
        larder.multi_assoc([("b", 1), ("a", 2)], together).await.unwrap();
        let b = (Operation::Assoc, path!["b"], Some(document(&1)));
        heard(&told, &[b, (Operation::Assoc, path!["a"], Some(document(&2)))]);
        larder.multi_dissoc(["nobody", "a"], together).await.unwrap();
        heard(&told, &[(Operation::Dissoc, path!["a"], None)]);
    });
}

/// Reads, writes that failed, and writes that changed nothing are not told.
pub fn a_hook_is_not_told_of_what_was_not_written<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    harness.block_on(async {
        larder.assoc("ada", "text").await.unwrap();
        larder.bassoc("photo", "bytes").await.unwrap();
        let (_, told) = listen(&larder);
        larder.get::<String>("ada").await.unwrap();
        larder.get_meta("ada").await.unwrap();
        larder.bget("photo").await.unwrap();
        larder.log::<u64>("log").await.unwrap();
        assert!(!larder.dissoc("nobody").await.unwrap());
        assert!(!larder.dissoc_in(path!["ada", "first"]).await.unwrap());
        larder.assoc_in(path!["ada", "first"], &1).await.unwrap_err();
        larder.assoc_in(path!["photo", "first"], &1).await.unwrap_err();
        larder.append("ada", &1).await.unwrap_err();
        let refuse = |_: Option<String>| Err(larder::Error::new(larder::ErrorKind::Invalid, "refused"));
        larder.try_update_in("ada", refuse).await.unwrap_err();
        heard(&told, &[]);
    });
}

/// Several hooks are told in the order in which they were added, and one that is removed no more.
pub fn a_hook_that_is_removed_is_told_no_more<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    harness.block_on(async {
        let ((first, told_first), (second, told_second)) = (listen(&larder), listen(&larder));
        let a = [(Operation::Assoc, path!["a"], Some(document(&1)))];
        larder.assoc("a", &1).await.unwrap();
        heard(&told_first, &a);
        heard(&told_second, &a);
        assert!(larder.remove_hook(first));
        assert!(!larder.remove_hook(first), "it is gone already");
        larder.clone().assoc("a", &1).await.unwrap();
        heard(&told_first, &[]);
        heard(&told_second, &a);
        assert!(larder.remove_hook(second));
        larder.assoc("a", &1).await.unwrap();
        heard(&told_second, &[]);
    });
}

/// A hook that panics is the panic of the task that wrote; the write stays, and the store is usable.
pub fn a_hook_that_panics_leaves_the_store_usable<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    let id = larder.add_hook(|_| panic!("a hook that panics"));
    for round in 1..4u64 {
        let update = || harness.block_on(larder.update_in("n", |n: Option<u64>| n.unwrap_or(0) + 1));
        catch_unwind(AssertUnwindSafe(update)).expect_err("the hook panics");
        assert_eq!(harness.block_on(larder.get::<u64>("n")).unwrap(), Some(round));
    }
    assert!(larder.remove_hook(id));
    let (old, new) = harness.block_on(larder.update_in("n", |n: Option<u64>| n.unwrap_or(0) + 1)).unwrap();
    assert_eq!((old, new), (Some(3), 4));
}
