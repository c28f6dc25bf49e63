//! Futures of the handle, dropped at every await point: the operation has happened completely or not
//! at all, nobody waits for ever, and the store stays usable.
//!
//! Each operation is tried over the backend as it is, and over the same backend with a pause before
//! and after every call, so that there are such points even where the backend answers at once.

use bytes::Bytes;
use futures::StreamExt;
use futures::future::{BoxFuture, join_all};
use larder::{Key, Kind, Larder, Result, Source, Together, path};

use crate::Harness;
use crate::handle::{Hesitant, Shared, larder};
use crate::race::{polled_at_most, yield_once};

/// More polls than any operation takes; one that is still pending then never finishes.
const MANY_POLLS: usize = 100_000;

/// What stands under a key.
#[derive(Clone, Debug, PartialEq)]
enum Found {
    Nothing,
    Numbers(Vec<u64>),
    Binary(Bytes),
    Log(Vec<u64>),
}

async fn find(larder: &Larder, key: &Key) -> Found {
    // The kind may change between the two reads, if a dropped operation still runs.
    for _ in 0..100 {
        let found: Result<Found> = async {
            Ok(match larder.get_meta(key).await?.map(|meta| meta.kind()) {
                None => Found::Nothing,
                Some(Kind::Document) => larder.get(key).await?.map_or(Found::Nothing, Found::Numbers),
                Some(Kind::Binary) => match larder.bget(key).await? {
                    Some(binary) => Found::Binary(binary.bytes().await?),
                    None => Found::Nothing,
                },
                Some(_) => larder.log(key).await?.map_or(Found::Nothing, Found::Log),
            })
        }
        .await;
        match found {
            Ok(found) => return found,
            Err(error) => assert_eq!(error.kind(), larder::ErrorKind::WrongKind, "{error}"),
        }
    }
    panic!("{key} goes on changing its kind");
}

/// An operation, and what it makes of `[1, 2]`.
struct Case {
    name: &'static str,
    after: Found,
    operate: fn(Larder, Key) -> BoxFuture<'static, Result<()>>,
}

fn cases() -> [Case; 7] {
    [
        Case {
            name: "assoc",
            after: Found::Numbers(vec![3]),
            operate: |larder, key| Box::pin(async move { larder.assoc(key, &[3]).await }),
        },
        Case {
            name: "assoc_in",
            after: Found::Numbers(vec![1, 2, 3]),
            operate: |larder, key| Box::pin(async move { larder.assoc_in(path![key, 2], &3).await }),
        },
        Case {
            name: "update_in",
            after: Found::Numbers(vec![1, 7]),
            operate: |larder, key| {
                Box::pin(async move {
                    let update = larder.update_in(path![key, 1], |n: Option<u64>| n.unwrap_or(0) + 5).await;
                    update.map(|answer| assert_eq!(answer, (Some(2), 7)))
                })
            },
        },
        Case {
            name: "dissoc",
            after: Found::Nothing,
            operate: |larder, key| {
                Box::pin(async move { larder.dissoc(key).await.map(|there| assert!(there)) })
            },
        },
        Case {
            name: "dissoc_in",
            after: Found::Numbers(vec![2]),
            operate: |larder, key| {
                Box::pin(async move { larder.dissoc_in(path![key, 0]).await.map(|there| assert!(there)) })
            },
        },
        Case {
            name: "bassoc",
            after: Found::Binary("in two chunks".into()),
            operate: |larder, key| {
                let chunks = futures::stream::iter(["in two ", "chunks"]).then(|chunk| async move {
                    yield_once().await;
                    Ok(Bytes::from(chunk))
                });
                Box::pin(async move { larder.bassoc(key, Source::stream(chunks)).await })
            },
        },
        Case {
            name: "multi_assoc",
            after: Found::Numbers(vec![4]),
            operate: |larder, key| {
                Box::pin(async move { larder.multi_assoc([(key, [4])], Together::OneByOne).await })
            },
        },
    ]
}

/// The larder, and another over the same store with pauses.
fn both<H: Harness>(harness: &H) -> (Shared<H::Backend>, [Larder; 2]) {
    let (larder, backend) = larder(harness);
    let hesitant = Larder::new(Hesitant(backend.clone()));
    (backend, [larder, hesitant])
}

/// Every operation that writes.
pub fn an_operation_dropped_at_any_point_happened_or_did_not<H: Harness>(harness: &H) {
    let (backend, larders) = both(harness);
    // It knows nothing of what the other handles began.
    let witness = Larder::new(backend);
    harness.block_on(async {
        for (i, larder) in larders.iter().enumerate() {
            for Case { name, after, operate } in cases() {
                let before = Found::Numbers(vec![1, 2]);
                let mut finished = false;
                for polls in 0..MANY_POLLS {
                    let key = Key::from(format!("{name}, handle {i}, {polls} polls"));
                    witness.assoc(&key, &[1, 2]).await.unwrap();
                    let answer = polled_at_most(polls, operate(larder.clone(), key.clone())).await;
                    finished = answer.is_some();
                    let found = find(&witness, &key).await;
                    match answer {
                        Some(answer) => {
                            answer.unwrap();
                            assert_eq!(found, after, "{key}");
                        }
                        None => assert!(found == before || found == after, "{key}: {found:?}"),
                    }
                    // The handle that was left goes on, and so does everyone else.
                    larder.assoc(&key, &[9]).await.unwrap();
                    let push = |numbers: Option<Vec<u64>>| {
                        let mut numbers = numbers.unwrap_or_default();
                        numbers.push(10);
                        numbers
                    };
                    match larder.update_in(&key, push).await {
                        Ok((old, _)) => {
                            let old = old.map_or(Found::Nothing, Found::Numbers);
                            // What was dropped may have come to its end only now.
                            let late = !finished && old == after;
                            assert!(late || old == Found::Numbers(vec![9]), "{key}: {old:?} after assoc");
                        }
                        Err(error) => {
                            assert_eq!((name, error.kind()), ("bassoc", larder::ErrorKind::WrongKind))
                        }
                    }
                    if finished {
                        break;
                    }
                }
                assert!(finished, "{name} never finishes");
            }
        }
    });
}

/// Appends: the element is there once or not at all, and those before and after it are whole.
pub fn an_append_dropped_at_any_point_happened_or_did_not<H: Harness>(harness: &H) {
    let (_, larders) = both(harness);
    harness.block_on(async {
        for (i, larder) in larders.iter().enumerate() {
            for exists in [true, false] {
                let mut finished = false;
                for polls in 0..MANY_POLLS {
                    let key = Key::from(format!("log of handle {i}, {exists}, {polls} polls"));
                    let mut allowed = vec![vec![1, 2], vec![1, 2, 3], vec![1, 3, 2]];
                    if exists {
                        larder.append(&key, &1).await.unwrap();
                    } else {
                        allowed = vec![vec![2], vec![2, 3], vec![3, 2]];
                    }
                    let answer = polled_at_most(polls, larder.append(&key, &3)).await;
                    finished = answer.is_some();
                    answer.transpose().unwrap();
                    larder.append(&key, &2).await.unwrap();
                    let log = larder.log::<u64>(&key).await.unwrap().unwrap();
                    assert!(allowed.contains(&log), "{key}: {log:?}");
                    assert!(!finished || log.contains(&3), "{key}: an acknowledged element is lost");
                    if finished {
                        break;
                    }
                }
                assert!(finished, "append never finishes");
            }
        }
    });
}

/// Of several updates that share their writes, any may be dropped at any point, also the one that
/// does the work for the others: these still finish, and each counts once.
pub fn an_update_dropped_at_any_point_lets_the_others_finish<H: Harness>(harness: &H) {
    const TASKS: usize = 6;
    let (_, larders) = both(harness);
    harness.block_on(async {
        for (i, larder) in larders.iter().enumerate() {
            for dropped in [0, 1, TASKS - 1] {
                let mut finished = false;
                for polls in 0..MANY_POLLS {
                    let key =
                        Key::from(format!("counter of handle {i}, {dropped} dropped after {polls} polls"));
                    let answers = join_all((0..TASKS).map(|task| {
                        let update = larder.update_in(&key, |n: Option<u64>| n.unwrap_or(0) + 1);
                        polled_at_most(if task == dropped { polls } else { MANY_POLLS }, update)
                    }));
                    let answers = answers.await;
                    finished = answers[dropped].is_some();
                    let mut news: Vec<u64> =
                        answers.into_iter().flatten().map(|answer| answer.unwrap().1).collect();
                    news.sort_unstable();
                    assert!(news.len() >= TASKS - 1, "{key}: an update that was not dropped never finished");
                    let count = larder.get::<u64>(&key).await.unwrap().unwrap();
                    let least = news.len() as u64;
                    assert!(count == least || count == TASKS as u64, "{key}: {count} increments of {least}");
                    news.dedup();
                    assert_eq!(news.len() as u64, least, "{key}: two updates answered the same");
                    if finished {
                        break;
                    }
                }
                assert!(finished, "update_in never finishes");
            }
        }
    });
}
