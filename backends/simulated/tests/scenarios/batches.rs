//! Scenario 15: a batch happens as a whole or not at all, where the backend promises batches.

use std::time::Duration;

use larder::{Backend, Batch, Document, Expect, Key, Kind, Meta, Part, Record, Timestamp, Write};
use larder_simulated::fault::Faults;

use crate::support::{On, Scene, play, profile};

const ACCOUNTS: [&str; 4] = ["ada", "bob", "cyd", "dan"];
const EACH: i64 = 100;

fn record(key: &Key, amount: i64) -> Record {
    let meta = Meta::new(key.clone(), Kind::Document, Timestamp::default());
    Record::new(&meta, Document::encode(&amount).unwrap().as_cbor().clone()).unwrap()
}

/// What is on an account, and the condition that it stays so.
async fn balance(store: &impl Backend, account: &str) -> larder::Result<Option<(i64, Expect)>> {
    let Some(stored) = store.read(&account.into(), Part::All).await? else { return Ok(None) };
    let larder::Data::Bytes(bytes) = stored.data else { return Ok(None) };
    let amount = Document::from_cbor(bytes)?.decode()?;
    Ok(Some((amount, Expect::Version(stored.version))))
}

/// Moves money on the condition that neither account has changed meanwhile.
async fn transfer(store: &impl Backend, from: &str, to: &str, amount: i64) -> larder::Result<bool> {
    let (Some((payer, payer_as_is)), Some((payee, payee_as_is))) =
        (balance(store, from).await?, balance(store, to).await?)
    else {
        return Ok(false);
    };
    let writes = [(from, payer - amount, payer_as_is), (to, payee + amount, payee_as_is)];
    let writes = writes.map(|(account, amount, expect)| {
        let key = Key::from(account);
        Write { record: Some(record(&key, amount)), key, expect }
    });
    Ok(matches!(store.write_batch(writes.into()).await?, Batch::Done(_)))
}

/// Opens the accounts, all at once; healed, so that the run has something to lose.
async fn open_accounts(store: &impl Backend) {
    let writes = ACCOUNTS.map(|account| {
        let key = Key::from(account);
        Write { record: Some(record(&key, EACH)), key, expect: Expect::Absent }
    });
    assert!(matches!(store.write_batch(writes.into()).await.unwrap(), Batch::Done(_)));
}

async fn total(store: &impl Backend) -> i64 {
    let mut total = 0;
    for account in ACCOUNTS {
        total += balance(store, account).await.unwrap().unwrap().0;
    }
    total
}

#[test]
fn transfers_between_accounts_neither_make_nor_lose_money() {
    let mut done = 0;
    for name in ["redis-same-zone", "s3-standard"] {
        for seed in 0..25 {
            // The first operation of client 100 opens the accounts; faults strike the others.
            let faults = if seed % 2 == 0 { Faults::none() } else { Faults::swarm().intensity(200_000) };
            done += play(seed, On::Memory, profile(name), faults, |scene: Scene| async move {
                let inner = scene.store.inner().unwrap();
                open_accounts(&inner).await;
                let tasks: Vec<_> = (0..4)
                    .map(|client| {
                        let (store, mut dice) =
                            (scene.store.client(client), scene.draws(&format!("teller {client}")));
                        scene.sim.spawn(format!("teller {client}"), async move {
                            let mut done = 0u64;
                            for _ in 0..10 {
                                let (from, to) = (dice.pick(&ACCOUNTS), dice.pick(&ACCOUNTS));
                                if from != to {
                                    let amount = dice.below(50) as i64;
                                    done +=
                                        u64::from(transfer(&store, from, to, amount).await.unwrap_or(false));
                                }
                            }
                            done
                        })
                    })
                    .collect();
                let (clock, store) = (scene.sim.clock().clone(), scene.store.clone());
                let healer = scene.sim.spawn("healer", async move {
                    clock.sleep_for(Duration::from_secs(3600)).await;
                    store.heal();
                });
                let mut done = 0;
                for task in tasks {
                    done += task.await;
                }
                drop(healer);
                scene.store.heal();
                assert_eq!(total(&inner).await, EACH * ACCOUNTS.len() as i64, "seed {seed}, {name}");
                done
            });
        }
    }
    println!("{done} transfers");
    assert!(done > 500);
}

/// Whoever sees one write of a batch sees the others, at every moment.
#[test]
fn nobody_sees_a_part_of_a_batch() {
    let mut seen = 0;
    for seed in 0..30 {
        seen +=
            play(seed, On::Memory, profile("redis-same-zone"), Faults::none(), |scene: Scene| async move {
                let writer = scene.client(0);
                let writing = scene.sim.spawn("writer", async move {
                    for round in 1..20u64 {
                        let entries = [("left", round), ("right", round)];
                        writer.multi_assoc(entries, larder::Together::Atomic).await.unwrap();
                    }
                });
                let reader = scene.client(1);
                let mut seen = 0u64;
                for _ in 0..20 {
                    // Read one after the other: the second is never older than the first.
                    let left = reader.get::<u64>("left").await.unwrap().unwrap_or(0);
                    let right = reader.get::<u64>("right").await.unwrap().unwrap_or(0);
                    assert!(right >= left, "seed {seed}: {left} and then {right}");
                    seen += u64::from(left > 0);
                }
                writing.await;
                scene.assert_linearizable("batches");
                seen
            });
    }
    assert!(seen > 100, "{seen}");
}

/// One condition that does not hold, and nothing happens, wherever it stands in the batch.
#[test]
fn a_batch_with_one_unmet_condition_changes_nothing() {
    play(1, On::Memory, profile("local-nvme"), Faults::none(), |scene: Scene| async move {
        let store = scene.store.client(0);
        open_accounts(&store).await;
        for unmet in 0..ACCOUNTS.len() {
            let writes = ACCOUNTS.iter().enumerate().map(|(at, account)| {
                let key = Key::from(*account);
                let expect = if at == unmet { Expect::Absent } else { Expect::Any };
                Write { record: Some(record(&key, -1)), key, expect }
            });
            assert_eq!(store.write_batch(writes.collect()).await.unwrap(), Batch::Unmet);
            assert_eq!(total(&store).await, EACH * ACCOUNTS.len() as i64);
        }
    });
}
