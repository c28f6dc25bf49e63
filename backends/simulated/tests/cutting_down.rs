//! Failures are cut down to what they need: operations of a plan, and faults of a store.

use std::time::Duration;

use larder::Larder;
use larder_memory::Memory;
use larder_simulated::draw::Ratio;
use larder_simulated::fault::{FaultKind, Faults};
use larder_simulated::latency::Profile;
use larder_simulated::run;
use larder_simulated::stage::{Stage, write_report};
use serde::{Deserialize, Serialize};

/// Takes from a stock without an update: between its read and its write others come.
async fn take_badly(larder: &Larder) -> larder::Result<()> {
    let left = larder.get::<u64>("stock").await?.unwrap_or(0);
    larder.assoc("stock", &(left - 1)).await
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Step {
    client: u64,
    number: u64,
    takes: bool,
}

/// Three hundred steps of which most only look; two that take at the same time make the stock wrong.
fn shop(directory: std::path::PathBuf, fixed: bool) -> run::Runs {
    run::seeds(0..20).directory(directory).try_run(move |cx| async move {
        let redis = Profile::named("redis-same-zone")?;
        let store = cx.wrap(Memory::new()).profile(redis).build();
        store.larder(100).assoc("stock", &1000u64).await?;
        let steps = cx.plan("steps", |draws| {
            (0..300)
                .map(|n| Step {
                    client: n % 3,
                    number: n,
                    takes: larder_simulated::draw::below(draws.at(n), 10) == 0,
                })
                .collect()
        });
        let takes = steps.iter().filter(|step| step.takes).count() as u64;
        let app = store.clone();
        cx.clients(3, move |client| {
            let larder = app.larder(client.id());
            let own: Vec<Step> = steps.iter().filter(|step| step.client == client.id()).cloned().collect();
            async move {
                for step in own {
                    if !step.takes {
                        larder.exists("stock").await?;
                    } else if fixed {
                        larder.update_in("stock", |n: Option<u64>| n.unwrap_or(0) - 1).await?;
                    } else {
                        take_badly(&larder).await?;
                    }
                }
                Ok::<(), larder::Error>(())
            }
        })
        .each()
        .await;
        let left = store.larder(100).get::<u64>("stock").await?;
        assert_eq!(left, Some(1000 - takes), "the stock does not agree with what was taken");
        Ok(())
    })
}

#[test]
fn a_lost_update_in_three_hundred_steps_is_cut_down_to_a_few() {
    let dir = tempfile::tempdir().unwrap();
    let runs = shop(dir.path().to_owned(), false);
    let failure = runs.failure().expect("the bug shows within twenty seeds");
    assert!(failure.to_string().contains("does not agree"), "{failure}");
    let repro = runs.repro().unwrap();
    let (items, _) = repro.size();
    println!("{} items are left\n{}", items, runs.report().unwrap());
    assert!(items <= 10, "{items} items are left");
    assert!(std::fs::read_dir(dir.path()).unwrap().count() > 0, "it was stored");
    assert!(shop(dir.path().to_owned(), true).failure().is_none());
}

/// A store that acknowledges what it does not do. The clients are fine; the fault itself is what is left.
#[test]
fn a_lost_write_is_found_and_the_faults_are_cut_down_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let page = dir.path().join("pages/lost.html");
    let runs = run::seeds(0..20)
        .directory(dir.path())
        .keep_extensions()
        .after(write_report("lost", page.clone()))
        .try_run(|cx| async move {
            let faults = Faults::none()
                .rate(FaultKind::LostWrite, Ratio::percent(1))
                .rate(FaultKind::ErrorBefore, Ratio::percent(10))
                .rate(FaultKind::Slow, Ratio::percent(10));
            let redis = Profile::named("redis-same-zone")?;
            let store = cx.wrap(Memory::new()).profile(redis).faults(faults).build();
            let app = store.clone();
            cx.clients(3, move |client| {
                let larder = app.larder(client.id());
                async move {
                    for n in 0..70u64 {
                        if n % 2 == 0 {
                            drop(larder.assoc("key", &(client.id() * 1000 + n)).await);
                        } else {
                            drop(larder.get::<u64>("key").await);
                        }
                    }
                }
            })
            .each()
            .await;
            cx.assert_linearizable();
            Ok(())
        });
    let failure = runs.failure().expect("a lost write shows within twenty seeds");
    assert!(failure.to_string().contains("linearizable"), "{failure}");
    let (items, _) = runs.repro().unwrap().size();
    let left = format!("{:?}", runs.repro());
    println!("{items} faults are left");
    assert!((1..=10).contains(&items) && left.contains("lost-write"), "{left}");
    let html = std::fs::read_to_string(page).unwrap();
    assert!(html.contains("lost-write") && html.contains("<svg"), "{} bytes", html.len());
}

#[test]
fn a_store_that_heals_answers_and_one_that_hangs_is_reported() {
    let hanging = |heal: bool| {
        run::seeds([1]).limit(Duration::from_secs(3600)).shrink(0).try_run(move |cx| async move {
            let faults = Faults::none().rate(FaultKind::Hang, Ratio::ONE);
            let store = cx.wrap(Memory::new()).faults(faults).build();
            let larder = store.larder(0);
            let client = cx.spawn("client", async move { larder.get::<u64>("key").await });
            cx.clock().sleep_for(Duration::from_secs(1)).await;
            if heal {
                cx.heal_and_drain(Duration::from_secs(10)).await?;
                assert!(client.await.is_err(), "what hung fails");
                assert_eq!(store.larder(1).get::<u64>("key").await?, None);
            } else {
                drop(client.await);
            }
            Ok(())
        })
    };
    assert!(hanging(true).failure().is_none(), "{:?}", hanging(true).report());
    let failure = hanging(false).failure().expect("it hangs").to_string();
    assert!(failure.contains("client"), "{failure}");
}
