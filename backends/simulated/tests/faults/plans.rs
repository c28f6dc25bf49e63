//! Faults by chance, counted and written down, and the same faults again.

use crate::*;

#[test]
fn what_was_injected_happens_again_when_it_is_planned() {
    let run = |faults: Faults| {
        let it = Faulty::built(faults, |builder| builder);
        let outcomes = it.time.block_on(async {
            let mut outcomes = Vec::new();
            for n in 0..300u64 {
                let (store, key) = (it.healthy.client(n % 3), Key::from(n % 7));
                let timeout = it.time.clock.sleep_for(Duration::from_secs(60));
                let work = async {
                    match n % 4 {
                        0 => store.read(&key, Part::All).await.map(|_| ()),
                        1 => store.keys(None).try_collect::<Vec<_>>().await.map(|_| ()),
                        2 => store.remove(&key, Expect::Any).await.map(|_| ()),
                        _ => store.write(&key, record(&key, "x"), Expect::Any).await.map(|_| ()),
                    }
                };
                outcomes.push(match futures::future::select(Box::pin(work), timeout).await {
                    futures::future::Either::Left((done, _)) => format!("{done:?}"),
                    futures::future::Either::Right(_) => "no answer".to_owned(),
                });
            }
            outcomes
        });
        (outcomes, it.healthy.injected(), it.healthy.counts())
    };
    let all = FaultKind::ALL.into_iter().fold(Faults::none(), |all, kind| all.rate(kind, Ratio::percent(2)));
    let (outcomes, injected, counts) = run(all);
    assert!(injected.len() > 20, "{injected:?}");
    let text = serde_json::to_string(&injected).unwrap();
    let plan: Vec<Planned> = serde_json::from_str(&text).unwrap();
    let (again, replayed, recounted) = run(Faults::planned(plan.clone()));
    assert_eq!((again, replayed, recounted), (outcomes, injected, counts));
    // Half of the plan is a run of its own.
    let (_, half, _) = run(Faults::planned(plan.iter().copied().step_by(2)));
    assert!(half.iter().all(|fault| plan.contains(fault)) && half.len() * 2 >= plan.len());
}

#[test]
fn every_kind_by_chance_ends_as_seen_or_as_survived() {
    for kind in FaultKind::ALL {
        let it = Faulty::built(Faults::none().rate(kind, Ratio::percent(30)), |builder| builder);
        it.time.block_on(async {
            for n in 0..200u64 {
                let key = Key::from(n % 5);
                let write = it.healthy.write(&key, record(&key, "x"), Expect::Any);
                let listing = it.healthy.keys(None).count();
                let work = futures::future::join3(write, listing, it.healthy.read(&key, Part::All));
                let timeout = it.time.clock.sleep_for(Duration::from_secs(20));
                futures::future::select(Box::pin(work), timeout).await;
            }
        });
        assert_eq!(it.healthy.rates().into_iter().collect::<Vec<_>>(), [(kind, Ratio::percent(30))]);
        it.healthy.heal();
        it.time.settle();
        let [injected, seen, survived] = it.count(kind);
        assert!(injected > 20, "{kind}: {injected}");
        assert!(
            seen + survived > 0 && seen + survived <= injected,
            "{kind}: {seen}+{survived} of {injected}"
        );
        assert_eq!(it.healthy.counts().total().injected, injected, "only {kind} was asked for");
    }
}
