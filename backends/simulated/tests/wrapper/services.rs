//! Services that are shared, and their weather.

use crate::*;

#[test]
fn stores_that_share_a_service_share_its_outages_and_its_load() {
    let time = Virtual::new(1);
    let service = Resource::new(hundred().servers(1), Draws::new(3));
    let build = |name: &str| {
        let store = Simulated::builder(Memory::new(), time.timeline(), 1);
        store.named(name).resource(service.clone()).build()
    };
    let (one, other) = (build("one"), build("other"));
    service.outage(MS, 2 * MS);
    service.brown_out(3 * MS, 5 * MS, Factor::times(7), larder_simulated::draw::Ratio::ZERO);
    time.block_on(async {
        let (first, second) = (one.sync(), other.sync());
        first.await.unwrap();
        assert_eq!(time.clock.nanos(), 100 * US);
        second.await.unwrap();
        assert_eq!(time.clock.nanos(), 200 * US, "it had to wait for the other store");
        time.clock.sleep_until(MS).await;
        for store in [&one, &other] {
            let error = store.write(&key(), record(&key(), "x"), Expect::Any).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            assert!(error.is_retryable() && !error.is_ambiguous(), "{error}");
        }
        time.clock.sleep_until(3 * MS).await;
        one.sync().await.unwrap();
        assert_eq!(time.clock.nanos(), 3 * MS + 700 * US);
        one.heal();
        other.sync().await.unwrap();
        assert_eq!(time.clock.nanos(), 3 * MS + 800 * US, "the weather is that of both");
    });
}

#[test]
fn in_a_brown_out_some_operations_fail_and_say_honestly_whether_they_happened() {
    let time = Virtual::new(1);
    let (memory, log) = (Memory::new(), Log::new());
    let store = Simulated::builder(memory.clone(), time.timeline(), 1).profile(hundred()).log(&log);
    let service = Resource::new(hundred(), Draws::new(3));
    service.brown_out(0, 1_000_000 * MS, Factor::ONE, larder_simulated::draw::Ratio::percent(50));
    let store = store.resource(service).build();
    let (mut refused, mut ambiguous) = (0, 0);
    time.block_on(async {
        for n in 0..400u64 {
            let key = Key::from(n);
            let Err(error) = store.write(&key, record(&key, "x"), Expect::Any).await else { continue };
            let there = memory.read(&key, Part::Head).wait().unwrap().is_some();
            assert_eq!(error.is_ambiguous(), there);
            *(if there { &mut ambiguous } else { &mut refused }) += 1;
        }
    });
    assert!((60..140).contains(&refused) && (60..140).contains(&ambiguous), "{refused} {ambiguous}");
    assert_eq!(store.counts().total().injected, 0, "this is the weather, no fault");
}
