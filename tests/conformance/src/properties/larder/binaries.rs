//! Binaries: from bytes, readers and streams, back whole or by range, in constant memory.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::io::{AsyncRead, AsyncReadExt};
use futures::{StreamExt, TryStreamExt};
use larder::{DataSum, Error, ErrorKind, Kind, Larder, Source, limits};

use crate::Harness;
use crate::handle::{fails, larder};
use crate::random::Random;
use crate::states::data_of;

async fn bytes(larder: &Larder, key: &str) -> Bytes {
    let binary = larder.bget(key).await.unwrap().expect("there is a binary");
    let size = binary.size();
    let bytes = binary.bytes().await.unwrap();
    assert_eq!(size, bytes.len() as u64);
    bytes
}

/// A reader that gives so many bytes at a time, however many are asked for.
struct Sips(Bytes, usize);

impl AsyncRead for Sips {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<std::io::Result<usize>> {
        let sip = self.1.min(self.0.len()).min(buffer.len());
        let given = self.0.split_to(sip);
        buffer[..sip].copy_from_slice(&given);
        Poll::Ready(Ok(sip))
    }
}

/// Bytes come back as they were, whether they came in one piece, by a reader that reads short, or as
/// a stream, and whether they leave in one piece, as a stream or by a reader.
pub fn a_binary_comes_and_goes_by_every_road<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    harness.block_on(async {
        for (n, len) in [(1, 0usize), (2, 1), (3, 20_000), (4, 600_001)] {
            let data = data_of(n, len);
            for road in 0..4 {
                let source = match road {
                    0 => Source::from(data.clone()),
                    1 => Source::reader(Sips(data.clone(), 7_000)),
                    2 => Source::reader(futures::io::Cursor::new(data.clone())),
                    _ => {
                        let chunks: Vec<_> =
                            data.chunks(999).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
                        Source::stream(futures::stream::iter(chunks))
                    }
                };
                larder.bassoc("photo", source).await.unwrap();
                assert_eq!(bytes(&larder, "photo").await, data, "{len} bytes by road {road}");
                let mut streamed = Vec::new();
                let mut stream = larder.bget("photo").await.unwrap().unwrap().into_stream();
                while let Some(chunk) = stream.try_next().await.unwrap() {
                    streamed.extend_from_slice(&chunk);
                }
                assert_eq!(streamed, data, "{len} bytes, as a stream");
                let mut read = Vec::new();
                let mut reader = larder.bget("photo").await.unwrap().unwrap().into_reader();
                reader.read_to_end(&mut read).await.unwrap();
                assert_eq!(read, data, "{len} bytes, by a reader");
                assert_eq!(larder.get_meta("photo").await.unwrap().unwrap().size(), Some(len as u64));
            }
        }
    });
}

/// A range gives its bytes, and the size of the whole.
pub fn a_range_of_a_binary_tells_the_size_of_the_whole<H: Harness>(harness: &H) {
    let (larder, mut random) = (larder(harness).0, Random::seeded());
    const LEN: usize = 700_000;
    harness.block_on(async {
        let data = data_of(1, LEN);
        larder.bassoc("photo", data.clone()).await.unwrap();
        let part = async |range: std::ops::Range<u64>| {
            let binary = larder.bget_range("photo", range).await.unwrap().unwrap();
            assert_eq!(binary.size(), LEN as u64);
            binary.bytes().await.unwrap()
        };
        for _ in 0..50 {
            let start = random.below(LEN + 10);
            let end = start + random.below(LEN);
            let expected = data.slice(start.min(LEN)..end.min(LEN));
            assert!(part(start as u64..end as u64).await == expected, "{start}..{end}");
        }
        let last =
            larder.bget_range("photo", LEN as u64 - 1..).await.unwrap().unwrap().bytes().await.unwrap();
        assert_eq!(last, data.slice(LEN - 1..));
        let first = larder.bget_range("photo", ..=4).await.unwrap().unwrap().bytes().await.unwrap();
        assert_eq!(first, data.slice(..5));
        let (end, start) = (5, 9);
        fails(larder.bget_range("photo", start..end).await, ErrorKind::Invalid);
    });
}

/// A source that fails stores nothing, and what was there stays.
pub fn a_source_that_fails_stores_nothing<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    harness.block_on(async {
        let failing = || {
            let chunks = (0..10).map(|n| Ok(data_of(n, 70_000)));
            let failure = Err(Error::new(ErrorKind::Unavailable, "the source went away"));
            Source::stream(futures::stream::iter(chunks.chain([failure])))
        };
        fails(larder.bassoc("photo", failing()).await, ErrorKind::Unavailable);
        assert!(!larder.exists("photo").await.unwrap());
        larder.bassoc("photo", "old bytes").await.unwrap();
        fails(larder.bassoc("photo", failing()).await, ErrorKind::Unavailable);
        assert_eq!(bytes(&larder, "photo").await, "old bytes");
        larder.assoc("photo", "a document").await.unwrap();
        fails(larder.bassoc("photo", failing()).await, ErrorKind::Unavailable);
        assert_eq!(larder.get::<String>("photo").await.unwrap().as_deref(), Some("a document"));
        assert_eq!(larder.keys().count().await, 1);
    });
}

/// A binary is read as it was when its reading began, while it is replaced, removed, or becomes a
/// document.
pub fn a_binary_is_read_as_it_was_when_reading_began<H: Harness>(harness: &H) {
    const LEN: usize = 3 << 20;
    let (larder, _) = larder(harness);
    harness.block_on(async {
        for change in 0..3 {
            larder.bassoc("photo", data_of(1, LEN)).await.unwrap();
            let mut stream = larder.bget("photo").await.unwrap().unwrap().into_stream();
            let mut read = stream.try_next().await.unwrap().expect("a first chunk").to_vec();
            match change {
                0 => larder.bassoc("photo", data_of(2, LEN)).await.unwrap(),
                1 => assert!(larder.dissoc("photo").await.unwrap()),
                _ => larder.assoc("photo", "a document").await.unwrap(),
            }
            while let Some(chunk) = stream.try_next().await.unwrap() {
                read.extend_from_slice(&chunk);
            }
            assert!(read == data_of(1, LEN), "change {change}");
        }
    });
}

/// 64 MiB go in and out as streams, and can be copied to another key on the way; the chunks that
/// come out are small wherever streams are claimed.
pub fn a_binary_of_sixty_four_mebibytes_streams_through<H: Harness>(harness: &H) {
    const CHUNKS: u8 = 255;
    let (larder, _) = larder(harness);
    let streams = larder.capabilities().streams;
    harness.block_on(async {
        let chunk = |i: u8| vec![i; limits::CHUNK_BYTES];
        let source = futures::stream::iter(0..=CHUNKS).map(move |i| Ok(Bytes::from(chunk(i))));
        larder.bassoc("large", Source::stream(source)).await.unwrap();
        let size = (u64::from(CHUNKS) + 1) * limits::CHUNK_BYTES as u64;
        let meta = larder.get_meta("large").await.unwrap().unwrap();
        assert_eq!((meta.size(), meta.kind()), (Some(size), Kind::Binary));
        let copy = larder.bget("large").await.unwrap().unwrap().into_stream();
        larder.bassoc("copy", Source::stream(copy)).await.unwrap();
        larder.dissoc("large").await.unwrap();
        let mut stream = larder.bget("copy").await.unwrap().unwrap().into_stream();
        let mut sum = DataSum::new();
        while let Some(read) = stream.try_next().await.unwrap() {
            assert!(!streams || read.len() <= 4 * limits::CHUNK_BYTES, "a chunk of {} bytes", read.len());
            sum.update(&read);
        }
        let mut expected = DataSum::new();
        (0..=CHUNKS).for_each(|i| expected.update(&chunk(i)));
        assert_eq!((sum.len(), sum.crc()), (size, expected.crc()));
    });
}
