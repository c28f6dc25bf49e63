//! Scenario 38: a thousand clients and 64 places: nobody starves.

use std::sync::{Arc, Mutex};

use larder_simulated::latency::{Class, Latency, Legs};
use larder_simulated::run;

use crate::support::{ms, secs, steady, store};

#[test]
fn no_client_starves_among_a_thousand() {
    const CLIENTS: u64 = 1000;
    run::seeds(0..2).run(|cx| async move {
        // Without a tail: one read of half a minute would say nothing about the queue.
        let read = Latency::lognormal(ms(25), ms(80))?;
        let profile = steady("s3-standard")
            .legs(Class::Read, Legs::Whole { latency: read, effect_percent: 50 })
            .class_servers(Class::Read, 64)
            .servers(64);
        let store = store(&cx, profile);
        store.larder(CLIENTS).assoc("key", &1).await?;
        let served = Arc::new(Mutex::new(vec![0u64; CLIENTS as usize]));
        let (count, app) = (Arc::clone(&served), store.clone());
        cx.clients(CLIENTS, move |client| {
            let (larder, count) = (app.larder(client.id()), Arc::clone(&count));
            async move {
                larder.get::<u64>("key").await.unwrap();
                count.lock().unwrap()[client.id() as usize] += 1;
            }
        })
        .until(secs(20))
        .await;
        let served = served.lock().unwrap();
        let (least, most) = (served.iter().min().unwrap(), served.iter().max().unwrap());
        println!("{least} to {most} reads a client");
        assert!(*least >= 10 && *most <= 2 * least, "{least} to {most}");
        Ok(())
    });
}
