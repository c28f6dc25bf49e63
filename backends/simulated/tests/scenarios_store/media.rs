//! Scenarios 26 and 27: damage is reported, and never read as data.

use crate::*;

/// The failure of a read that must not bring wrong data.
fn is_reported<T: PartialEq + std::fmt::Debug>(answer: larder::Result<T>, right: &T, key: &str) -> bool {
    match answer {
        Ok(found) => {
            assert_eq!(found, *right, "wrong data instead of an error");
            false
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            assert!(!error.is_ambiguous() && error.to_string().contains(key), "{error}");
            true
        }
    }
}

#[test]
fn scenario_26_rot_is_reported_and_never_read_as_data() {
    let document = || vec![1u64, 2, 3];
    let mut reported = [0; 4];
    for draw in 0..150 {
        let time = Virtual::new(draw);
        // The document, the binary and the log are read by clients 1 to 3; every read of theirs rots.
        let faults = (0..5).flat_map(|number| (1..4).map(move |client| (client, number)));
        let faults = faults
            .fold(Faults::none(), |faults, (client, number)| faults.at(client, number, Fault::Rot { draw }));
        let store = over_memory(&time, 1, faults);
        let writer = larder(&time, &store, 9);
        time.block_on(async {
            writer.assoc("document", &document()).await.unwrap();
            writer.bassoc("binary", Bytes::from("a few bytes")).await.unwrap();
            writer.append("log", &1u64).await.unwrap();
            let reader = larder(&time, &store, 1);
            let answer = reader.get("document").await;
            reported[0] += u32::from(is_reported(answer, &Some(document()), "document"));
            let answer = async { larder(&time, &store, 2).bget("binary").await?.unwrap().bytes().await };
            reported[1] += u32::from(is_reported(answer.await, &Bytes::from("a few bytes"), "binary"));
            let answer = larder(&time, &store, 3).log("log").await;
            reported[2] += u32::from(is_reported(answer, &Some(vec![1u64]), "log"));
            // Everybody finds it damaged, again and again, and nobody builds on it.
            let other = larder(&time, &store, 4);
            let again = other.get::<Vec<u64>>("document").await;
            assert_eq!(again.unwrap_err().kind(), ErrorKind::Corrupt);
            let update = other.update_in("document", |list: Option<Vec<u64>>| list.unwrap_or_default()).await;
            reported[3] += u32::from(update.is_err_and(|error| error.kind() == ErrorKind::Corrupt));
            // It can be replaced, and the rest of the store is whole.
            other.assoc("document", &vec![9u64]).await.unwrap();
            assert_eq!(other.get("document").await.unwrap(), Some(vec![9u64]));
            assert_eq!(other.keys().try_collect::<Vec<_>>().await.unwrap().len(), 3);
        });
    }
    assert_eq!(
        [reported[0], reported[1], reported[3]],
        [150, 150, 150],
        "all of these read the whole record"
    );
    assert!(reported[2] > 50, "{reported:?}");
}

#[test]
fn scenario_26_torn_records_are_reported_also_by_streams() {
    const DRAWS: u64 = 30;
    let (time, dir) = (Virtual::new(1), crate::store_support::scratch());
    // The second call of every client is its write.
    let faults = (0..DRAWS).fold(Faults::none(), |faults, draw| faults.at(draw, 1, Fault::Torn { draw }));
    let store = over_directory(&time, dir.path(), |builder| builder.faults(faults));
    // Large enough to be streamed out.
    let data: Bytes = (0..1_500_000u32).map(|n| (n / 7) as u8).collect::<Vec<_>>().into();
    for draw in 0..DRAWS {
        time.block_on(async {
            let larder = larder(&time, &store, draw);
            larder.bassoc("binary", data.clone()).await.unwrap();
            let read = async {
                let chunks: Vec<Bytes> =
                    larder.bget("binary").await?.unwrap().into_stream().try_collect().await?;
                Ok(chunks.concat())
            };
            assert!(is_reported(read.await, &data.to_vec(), "binary"), "draw {draw}: it was torn");
        });
    }
}

#[test]
fn scenario_27_a_record_of_another_key_is_reported() {
    let time = Virtual::new(1);
    let faults = Faults::none().rate(FaultKind::Misdirect, Ratio::percent(50));
    let store = over_memory(&time, 7, faults);
    let larder = larder(&time, &store, 1);
    let mut reported = 0;
    time.block_on(async {
        for n in 0..5u64 {
            while larder.assoc(format!("key {n}"), &n).await.is_err() {}
        }
        for round in 0..200u64 {
            let n = round % 5;
            let answer = larder.get(format!("key {n}")).await;
            reported += u32::from(is_reported(answer, &Some(n), "key"));
        }
    });
    assert!((60..140).contains(&reported), "{reported}");
}
