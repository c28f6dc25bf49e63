//! Scenario 36: an objective for a function of the application, under each profile.

use std::time::Duration;

use larder::Larder;
use larder_simulated::latency::Profile;
use larder_simulated::run::{self, Runs};
use larder_simulated::stage::Stage;

use crate::support::{secs, store};

/// A function of an application: takes one piece from the stock and notes the order.
async fn check_out(larder: &Larder, order: u64) -> larder::Result<()> {
    larder.update_in("stock", |n: Option<u64>| n.unwrap_or(1000).saturating_sub(1)).await?;
    larder.assoc(format!("order {order}"), &order).await
}

fn within(profile: &'static str, at_most: Duration) -> Runs {
    run::seeds(0..2).try_run(move |cx| async move {
        let store = store(&cx, Profile::named(profile)?);
        let shop = store.clone();
        cx.clients(4, move |client| {
            let larder = shop.larder(client.id());
            async move {
                let order = client.id() * 1000 + client.round();
                // A brown-out may be part of the profile: what fails is not measured as fast.
                let checked = client.context().measure("check out", check_out(&larder, order)).await;
                client.context().clock().sleep_for(secs(1)).await;
                drop(checked);
            }
        })
        .until(secs(120))
        .await;
        cx.assert_quantile("check out", 0.95, at_most);
        Ok(())
    })
}

#[test]
fn checking_out_is_as_fast_as_the_storage_allows_and_no_faster() {
    for (profile, fine, too_strict) in [
        ("local-nvme", Duration::from_millis(5), Duration::from_micros(5)),
        ("redis-same-zone", Duration::from_millis(20), Duration::from_micros(100)),
        ("s3-standard", Duration::from_secs(3), Duration::from_millis(20)),
    ] {
        let kept = within(profile, fine);
        assert!(kept.failure().is_none(), "{profile}: {}", kept.report().unwrap_or_default());
        let missed = within(profile, too_strict);
        let failure = missed.failure().expect(profile).to_string();
        assert!(failure.contains("check out") && failure.contains("95 %"), "{profile}: {failure}");
    }
}
