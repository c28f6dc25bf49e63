//! Scenarios 34 and 35: a slow reader of a large binary keeps nobody from its key, and a large upload does
//! not stand before small reads, unless there is only one server.

use std::time::Duration;

use futures::StreamExt;
use larder_simulated::run;
use larder_simulated::stage::Stage;

use crate::support::{Count, ms, quantile, secs, steady, store};

#[test]
fn a_reader_that_pulls_slowly_does_not_hold_the_key() {
    const MIB: usize = 1 << 20;
    run::seeds(0..5).run(|cx| async move {
        let store = store(&cx, steady("redis-same-zone"));
        let (reader, writer) = (store.larder(0), store.larder(1));
        // Pulled from a stream, so that it is read in chunks, too.
        reader.bassoc("film", vec![1; 8 * MIB]).await?;
        let binary = reader.bget("film").await?.unwrap();
        let clock = cx.clock().clone();
        let slow = cx.spawn("slow reader", async move {
            let mut chunks = binary.into_stream();
            let mut bytes = Vec::new();
            while let Some(chunk) = chunks.next().await {
                bytes.extend_from_slice(&chunk.unwrap());
                clock.sleep_for(secs(60)).await;
            }
            bytes
        });
        cx.clock().sleep_for(secs(1)).await;
        for n in 0..10u64 {
            cx.measure("write", writer.bassoc("film", n.to_be_bytes().to_vec())).await?;
            cx.measure("read", writer.bget("film")).await?.unwrap().bytes().await?;
        }
        // Within milliseconds, although the reader takes minutes.
        cx.assert_quantile("write", 1.0, ms(50));
        cx.assert_quantile("read", 1.0, ms(50));
        let read = slow.await;
        assert_eq!(
            (read.len(), read.iter().all(|byte| *byte == 1)),
            (8 * MIB, true),
            "the state of one write"
        );
        Ok(())
    });
}

/// What is at the quantile 0.99 of small reads while large uploads go on, or while they do not.
fn small_reads(servers: u32, uploads: bool) -> Duration {
    let p99 = Count::default();
    let out = p99.clone();
    run::seeds([9]).run(move |cx| {
        let p99 = out.clone();
        async move {
            let store = store(&cx, steady("s3-standard").servers(servers).per_byte(50 << 20));
            let (reader, writer) = (store.larder(0), store.larder(1));
            reader.bassoc("small", vec![7; 1024]).await?;
            let uploading = cx.spawn("uploads", async move {
                let film = larder::Bytes::from(vec![1; 32 << 20]);
                for _ in 0..if uploads { 5 } else { 0 } {
                    writer.bassoc("large", film.clone()).await.unwrap();
                }
            });
            let mut times = Vec::new();
            for _ in 0..200 {
                let began = cx.clock().nanos();
                reader.bget("small").await?.unwrap().bytes().await?;
                times.push(cx.clock().nanos() - began);
            }
            uploading.await;
            p99.add(quantile(&mut times, 0.99));
            Ok(())
        }
    });
    Duration::from_nanos(p99.get())
}

#[test]
fn a_large_upload_does_not_move_the_tail_of_small_reads_where_there_are_servers_enough() {
    let (alone, beside, behind) = (small_reads(64, false), small_reads(64, true), small_reads(1, true));
    println!("p99 of small reads: {alone:?} alone, {beside:?} beside uploads, {behind:?} behind them");
    assert!(beside < alone + ms(20), "{alone:?}, {beside:?}");
    assert!(behind > alone * 2, "one server must make them wait: {behind:?}");
}
