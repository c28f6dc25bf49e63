//! An app with a bug that no ordinary test finds, a simulation that finds it, and the fix that it accepts.
//!
//! A shop sells apples from three tills, over an object store in the cloud. Now and then the cloud does what
//! it was asked for and the answer is lost. Whoever simply asks again then takes two apples for one order.
//!
//! `cargo run --example simulated_app`

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use larder::{Clock, Larder, path};
use larder_memory::Memory;
use larder_simulated::fault::{FaultKind, Faults};
use larder_simulated::latency::Profile;
use larder_simulated::run::{self, Runs};
use larder_simulated::stage::Stage;

/// Apples at the beginning of the day.
const STOCK: u64 = 1000;

/// How an order is carried out: the shop, its clock, the number of the order.
type Sell = fn(Larder, Arc<dyn Clock>, u64) -> BoxFuture<'static, larder::Result<()>>;

/// Takes an apple. **The bug**: when the store answers with an error, the apple may have been taken all the
/// same ([`larder::Error::is_ambiguous`]), and the second try takes another.
fn sell_carelessly(
    shop: Larder,
    clock: Arc<dyn Clock>,
    _order: u64,
) -> BoxFuture<'static, larder::Result<()>> {
    async move {
        let mut tries = 0;
        loop {
            let taken =
                shop.update_in(path!["apples", "left"], |left: Option<u64>| left.unwrap_or(STOCK) - 1);
            match taken.await {
                Err(_) if tries < 5 => tries += 1,
                result => return result.map(drop),
            }
            clock.sleep(Duration::from_millis(100)).await;
        }
    }
    .boxed()
}

/// Takes an apple. **The fix**: the order is noted in the same update as the apple is taken, so doing it twice is
/// doing it once, and it may be tried as often as need be.
fn sell(shop: Larder, clock: Arc<dyn Clock>, order: u64) -> BoxFuture<'static, larder::Result<()>> {
    async move {
        let mut tries = 0;
        loop {
            let taken = shop.update_in("apples", move |apples: Option<Apples>| {
                let mut apples = apples.unwrap_or_default();
                if apples.orders.insert(order) {
                    apples.left -= 1;
                }
                apples
            });
            match taken.await {
                Err(_) if tries < 5 => tries += 1,
                result => return result.map(drop),
            }
            clock.sleep(Duration::from_millis(100)).await;
        }
    }
    .boxed()
}

/// What the shop keeps.
#[derive(serde::Serialize, serde::Deserialize)]
struct Apples {
    left: u64,
    #[serde(default)]
    orders: BTreeSet<u64>,
}

impl Default for Apples {
    fn default() -> Apples {
        Apples { left: STOCK, orders: BTreeSet::new() }
    }
}

/// Opens the shop once for every seed: three tills, thirty orders, an object store on which everything that is
/// honest may go wrong. Whatever happens, every order must take one apple and no more.
fn simulate(sell: Sell) -> Runs {
    let hour = Duration::from_secs(3600);
    run::seeds(0..200).limit(hour).try_run(move |cx| async move {
        // The shop has no time limits of its own, so the store must answer.
        let faults = Faults::swarm().without([FaultKind::Hang]);
        let store = cx.wrap(Memory::new()).profile(Profile::named("s3-standard")?).faults(faults).build();
        // A list that the simulation may cut down when something goes wrong.
        let orders: Vec<u64> = cx.plan("orders", |_| (0..30).collect());
        let (count, sold) = (orders.len() as u64, Arc::new(AtomicU64::new(0)));
        let (shop, acknowledged) = (store.clone(), Arc::clone(&sold));
        cx.clients(3, move |till| {
            let larder = shop.larder(till.id());
            let clock: Arc<dyn Clock> = Arc::new(till.context().clock().clone());
            let mine: Vec<u64> = orders.iter().copied().filter(|order| order % 3 == till.id()).collect();
            let (calls, sold) = (shop.store().client(till.id()), Arc::clone(&acknowledged));
            async move {
                for order in mine {
                    // What befalls an order does not depend on those before it.
                    calls.skip_to(order * 100);
                    let selling = sell(larder.clone(), Arc::clone(&clock), order);
                    if till.context().measure("sell", selling).await.is_ok() {
                        sold.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        })
        .each()
        .await;
        cx.heal();
        let left = store.larder(3).get_in(path!["apples", "left"]).await?.unwrap_or(STOCK);
        let (taken, sold) = (STOCK - left, sold.load(Ordering::Relaxed));
        if taken < sold || taken > count {
            return Err(format!("{count} orders, {sold} of them acknowledged, took {taken} apples").into());
        }
        cx.assert_linearizable();
        Ok(())
    })
}

pub(crate) fn main() {
    let careless = simulate(sell_carelessly);
    let failure = careless.failure().expect("the simulation finds the bug");
    println!("The careless shop, seed {}: {}", failure.seed, failure.cause);
    if let Some(repro) = careless.repro() {
        println!("It takes {} orders to show it: {:?}", repro.size().0, repro.plan.get("orders"));
    }
    println!("{}\n", careless.report().unwrap_or_default());

    let careful = simulate(sell);
    assert_eq!(careful.report(), None);
    println!("The careful shop: {} seeds, every order took one apple.", careful.outcomes().len());
}
