//! Recording a backend, fitting a profile, and comparing the two.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt};
use larder::{
    Backend, Bytes, Clock, Data, ErrorKind, Expect, Key, Kind, Meta, Part, RealClock, Record, Result,
    Timestamp, Write,
};
use larder_conformance::Harness;
use larder_memory::Memory;
use larder_simulated::draw::{Draws, below};
use larder_simulated::latency::{
    Class, Latency, Legs, Profile, Recorder, Recording, Resource, Service, SizeClass,
};

use crate::{ms, secs};

#[derive(Debug)]
struct Recorded;

impl Harness for Recorded {
    type Backend = Recorder<Memory>;

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        pollster::block_on(future)
    }

    async fn open(&self) -> Result<Recorder<Memory>> {
        Ok(Recorder::new(Memory::new(), RealClock::shared()))
    }
}

mod conformance {
    use super::Recorded;
    larder_conformance::conformance_tests!(Recorded);
}

/// A clock that goes a millisecond further whenever it is read.
#[derive(Debug, Default)]
struct Steps(AtomicU64);

impl Clock for Steps {
    fn now(&self) -> Duration {
        Duration::from_millis(self.0.fetch_add(1, Ordering::Relaxed))
    }

    fn wall(&self) -> Timestamp {
        Timestamp::from_millis(1_795_260_480_123)
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        std::future::ready(()).boxed()
    }

    fn random(&self) -> u64 {
        0
    }
}

fn meta(key: &Key) -> Meta {
    Meta::new(key.clone(), Kind::Binary, Timestamp::from_millis(1))
}

fn of(recording: &Recording) -> Vec<(Class, u8, u64, u64)> {
    let row = |(class, size, times): (Class, SizeClass, &larder_simulated::latency::Histogram)| {
        (class, size.into(), times.count(), times.quantile(0.5) / 1_000_000)
    };
    recording.histograms().map(row).collect()
}

#[test]
fn every_operation_is_recorded_by_class_and_size() {
    let recorder = Recorder::new(Memory::new(), Arc::new(Steps::default()));
    let (tape, key) = (recorder.tape(), Key::from("ada"));
    pollster::block_on(async {
        let record = || Record::new(&meta(&key), Bytes::from(vec![0; 5_000])).unwrap();
        recorder.write(&key, record(), Expect::Any).await.unwrap();
        recorder.read(&key, Part::All).await.unwrap();
        recorder.read(&key, Part::Head).await.unwrap();
        assert_eq!(recorder.keys(None).try_collect::<Vec<Key>>().await.unwrap(), std::slice::from_ref(&key));
        let batch = Write { key: key.clone(), record: Some(record()), expect: Expect::Any };
        recorder.write_batch(vec![batch]).await.unwrap();
        recorder.sync().await.unwrap();
        recorder.remove(&key, Expect::Any).await.unwrap();
    });
    let recording = tape.recording();
    assert_eq!((recording.backend(), recording.date()), ("memory", "2026-11-21"));
    let (one, two) = (1, 2);
    let expected = [
        (Class::Read, 1, 1, one),
        (Class::Head, 0, 1, one),
        (Class::Write, 1, 1, one),
        (Class::Remove, 0, 1, one),
        // The key, and the end.
        (Class::List, 0, 1, two),
        (Class::Batch, 1, 1, one),
        (Class::Sync, 0, 1, one),
    ];
    assert_eq!(of(&recording), expected);
    assert_eq!(Recording::parse(&recording.to_text()).unwrap(), recording);
}

#[test]
fn the_time_of_a_source_does_not_count_as_the_stores() {
    let clock = Arc::new(Steps::default());
    let recorder = Recorder::new(Memory::new(), Arc::clone(&clock) as Arc<dyn Clock>);
    let (tape, key) = (recorder.tape(), Key::from("ada"));
    let slow = futures::stream::iter(0..100).map(move |_| {
        clock.0.fetch_add(1_000, Ordering::Relaxed);
        Ok(Bytes::from(vec![0; 1_000]))
    });
    let record = Record::streamed(&meta(&key), slow.boxed()).unwrap();
    pollster::block_on(recorder.write(&key, record, Expect::Any)).unwrap();
    let recording = tape.recording();
    // 100 kB, and of the 100 s only the steps of the clock itself, two for every chunk.
    let [(Class::Write, 2, 1, took)] = of(&recording)[..] else { panic!("{recording:?}") };
    assert!(took < 300, "{took} ms");
}

#[test]
fn failures_of_the_storage_are_counted_and_those_of_the_caller_are_not() {
    let recorder = Recorder::new(Memory::new(), Arc::new(Steps::default()));
    let (tape, key) = (recorder.tape(), Key::from("ada"));
    let broken = futures::stream::iter([Err(larder::Error::new(ErrorKind::Io, "the source is broken"))]);
    let record = Record::streamed(&meta(&key), broken.boxed()).unwrap();
    assert!(pollster::block_on(recorder.write(&key, record, Expect::Any)).is_err());
    recorder.close().wait().unwrap();
    assert_eq!(recorder.read(&key, Part::All).wait().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(tape.recording().counts(), (0, 0));
    let mut recording = tape.recording();
    recording.note_error(Class::Read, 7);
    (0..99).for_each(|_| recording.note(Class::Read, 7, 1_000));
    assert_eq!(recording.counts(), (99, 1));
    let profile = recording.fit().unwrap();
    let regime = Resource::new(profile, Draws::new(1)).weather().at(12_345);
    assert_eq!(regime.errors, larder_simulated::draw::Ratio::millionths(10_000));
}

/// Reads of 200 B, 20 kB and 2 MB, writes of 100 kB and 2 MB, and removals, one at a time, as a service of this profile answers.
fn record(profile: &Profile, count: u64) -> Recording {
    let (draws, mut recording) = (Draws::new(11), Recording::new("known", "2026-11-21"));
    let resource = Resource::new(profile.clone(), draws.domain("resource"));
    let mut now = 0;
    for n in 0..count {
        let draws = draws.domain("operations").of(n);
        let class = [Class::Read, Class::Write, Class::Remove][below(draws.at(100), 3) as usize];
        let size = below(draws.at(101), 5) as usize;
        let bytes = match class {
            Class::Read => [200, 200, 200, 20_000, 2_000_000][size],
            Class::Write => [100_000, 100_000, 100_000, 2_000_000, 2_000_000][size],
            _ => 0,
        };
        let times = resource.admit(now, class, bytes, draws);
        recording.note(class, bytes, times.acknowledge - now);
        now = times.acknowledge + 1_000_000;
    }
    recording
}

fn known() -> Profile {
    let read = Latency::lognormal(ms(25), ms(80)).unwrap().with_pareto_tail(0.99, 1.5, secs(30)).unwrap();
    let write = Legs::Apart {
        request: Latency::lognormal(ms(40), ms(120)).unwrap(),
        response: Latency::exponential(ms(5)),
    };
    Profile::new("known")
        .legs(Class::Read, Legs::Whole { latency: read, effect_percent: 50 })
        .with_service(Class::Write, Service::new(write))
        .per_byte(50_000_000)
}

#[test]
fn a_recording_of_a_known_profile_gives_it_back() {
    let (known, count) = (known(), 150_000);
    let fitted = record(&known, count).fit().unwrap();
    for class in [Class::Read, Class::Write, Class::Remove] {
        let (got, truth) = (fitted.unloaded(class, 200), known.unloaded(class, 200));
        // Of 30,000 small operations 300 lie beyond the 99th percentile, where the tail of reads begins:
        // the error of sampling is about 4 % there.
        for (q, bound) in [(0.1, 0.01), (0.5, 0.01), (0.9, 0.02), (0.99, 0.10)] {
            let (got, truth) = (got.quantile(q), truth.quantile(q));
            let off = got as f64 / truth as f64 - 1.0;
            assert!(off.abs() < bound, "{class} at {q}: {got}, not {truth}");
        }
    }
    for class in [Class::Read, Class::Write] {
        let slope = |profile: &Profile| {
            profile.unloaded(class, 10_000_000).quantile(0.5) - profile.unloaded(class, 0).quantile(0.5)
        };
        let (got, truth) = (slope(&fitted) as f64, slope(&known) as f64);
        assert!((got / truth - 1.0).abs() < 0.02, "{class}: 10 MB take {got} ns, not {truth}");
    }
    assert!(fitted.note().contains("not recorded: head, list, batch, sync"), "{}", fitted.note());
    assert_eq!(Profile::parse(&fitted.to_text()).unwrap(), fitted);
}

#[test]
fn a_comparison_tells_the_right_model_from_a_wrong_one() {
    let (known, recording) = (known(), record(&known(), 40_000));
    let right = recording.compare(&known);
    assert_eq!(right.rows.len(), 6);
    for row in &right.rows {
        // The 99.9 % bound of Kolmogorov, and 1 % for bucket and table.
        let bound = 1.95 / (row.count as f64).sqrt() + 0.01;
        assert!(row.distance < bound, "{} {}: {}", row.class, row.size, row.distance);
        assert!(
            row.curve.windows(2).all(|two| two[0].time < two[1].time && two[0].measured <= two[1].measured)
        );
    }
    let fitted = recording.compare(&recording.fit().unwrap());
    assert!(fitted.rows.iter().all(|row| row.distance < 0.05), "{fitted}");
    let wrong = recording.compare(&Profile::named("s3-express").unwrap());
    assert!(wrong.rows.iter().all(|row| row.distance > 0.5), "{wrong}");
    let slower = recording.compare(&known.set("scale", "120").unwrap());
    assert!(slower.rows.iter().all(|row| row.distance > 0.05), "{slower}");
}

#[test]
fn a_comparison_prints_as_a_table() {
    let text = record(&known(), 3_000).compare(&known()).to_string();
    assert_eq!(text, TABLE);
}

const TABLE: &str = "\
model \"known\" against recording of \"known\"; each cell: model / measured
class   size             count               p50               p90               p99             p99.9 distance
read    to 1 KiB           564   25.0ms / 24.4ms   47.5ms / 44.5ms   80.5ms / 65.9ms     372ms / 193ms    0.040
read    to 256 KiB         205   25.4ms / 25.4ms   47.9ms / 51.0ms   80.9ms / 87.0ms     372ms / 108ms    0.056
read    to 4 MiB           217   65.0ms / 65.5ms   87.5ms / 90.3ms     120ms / 114ms     412ms / 122ms    0.064
write   to 256 KiB         611   47.2ms / 44.8ms   81.0ms / 76.5ms     128ms / 119ms     180ms / 204ms    0.056
write   to 4 MiB           405   85.2ms / 83.8ms     119ms / 113ms     166ms / 162ms     218ms / 168ms    0.045
remove  to 1 KiB           998   45.2ms / 44.8ms   79.0ms / 78.5ms     126ms / 126ms     178ms / 177ms    0.028
";

#[test]
fn a_damaged_recording_is_refused_and_an_empty_one_fits_nothing() {
    let text = record(&known(), 100).to_text();
    for (from, to) in
        [("recording 1", "recording 2"), ("\"size\":0", "\"size\":9"), ("\"bytes\":", "\"bites\":")]
    {
        let error = Recording::parse(&text.replacen(from, to, 1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{from}");
    }
    let cell = text.split("\"cells\":[").nth(1).unwrap().split("},{").next().unwrap();
    let twice = text.replacen("\"cells\":[", &format!("\"cells\":[{cell}}},"), 1);
    assert!(Recording::parse(&twice).unwrap_err().to_string().contains("twice"));
    assert!(Recording::new("x", "").fit().unwrap_err().to_string().contains("empty"));
}

#[test]
fn recordings_of_one_backend_add_up() {
    let (mut one, other) = (record(&known(), 500), record(&known(), 700));
    one.merge(&other);
    assert_eq!(one.counts(), (1_200, 0));
    assert_eq!(one.compare(&known()).rows.iter().map(|row| row.count).sum::<u64>(), 1_200);
}

#[test]
fn a_streamed_read_counts_when_it_has_ended() {
    let recorder = Recorder::new(Streaming, Arc::new(Steps::default()));
    let tape = recorder.tape();
    pollster::block_on(async {
        let read = || async {
            let stored = recorder.read(&Key::from("ada"), Part::All).await.unwrap().unwrap();
            let Data::Stream(chunks) = stored.data else { panic!("a stream was given") };
            chunks
        };
        assert_eq!(read().await.try_collect::<Vec<Bytes>>().await.unwrap().len(), 10);
        // Given up half-way: not counted.
        assert_eq!(read().await.take(5).count().await, 5);
    });
    // A millisecond to the head, and one to each chunk and to the end.
    assert_eq!(of(&tape.recording()), [(Class::Read, 1, 1, 12)]);
}

/// Answers every read with a stream of ten chunks of a thousand bytes.
#[derive(Debug)]
struct Streaming;

impl Backend for Streaming {
    fn read(&self, key: &Key, _: Part) -> larder::Reply<Option<larder::Stored>> {
        let (head, _) = Record::new(&meta(key), Bytes::new()).unwrap().into_parts();
        let chunks = futures::stream::iter((0..10).map(|_| Ok(Bytes::from(vec![0; 1_000]))));
        let version = larder::Version::of(&head);
        let data = Data::Stream(chunks.boxed());
        larder::Reply::ready(Ok(Some(larder::Stored { head, data, version, verified: true })))
    }

    fn write(&self, _: &Key, _: Record, _: Expect) -> larder::Reply<larder::Written> {
        larder::Reply::ready(Ok(larder::Written::Unmet))
    }

    fn remove(&self, _: &Key, _: Expect) -> larder::Reply<larder::Removed> {
        larder::Reply::ready(Ok(larder::Removed::Absent))
    }

    fn keys(&self, _: Option<&str>) -> larder::Keys {
        larder::Keys::new(futures::stream::empty())
    }

    fn write_batch(&self, _: Vec<Write>) -> larder::Reply<larder::Batch> {
        larder::Reply::ready(Ok(larder::Batch::Unmet))
    }

    fn sync(&self) -> larder::Reply<()> {
        larder::Reply::ready(Ok(()))
    }

    fn close(&self) -> larder::Reply<()> {
        larder::Reply::ready(Ok(()))
    }

    fn capabilities(&self) -> larder::Capabilities {
        larder::Capabilities::new("streaming")
    }
}
