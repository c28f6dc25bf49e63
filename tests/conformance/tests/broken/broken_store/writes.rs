//! What is wrong with writing.

use std::sync::atomic::Ordering;

use futures::{StreamExt, TryStreamExt};
use larder::{Bytes, Data, Error, ErrorKind, Expect, Key, Kind, Meta, Record, Result, Version, Written};

use super::{Broken, all_of, locked, with_head};
use crate::breakage::Breakage as B;
use crate::pause;

impl Broken {
    pub(super) async fn write_broken(&self, key: Key, record: Record, expect: Expect) -> Result<Written> {
        let key = self.key(&key);
        let count = self.0.writes.fetch_add(1, Ordering::SeqCst);
        if self.is(B::ForgetsTheLastWrite) {
            *locked(&self.0.last_written) = Some(key.clone());
        }
        match self.0.breakage {
            B::ListingBlocksWriters if self.0.listings.load(Ordering::SeqCst) > 0 => {
                return Err(Error::new(ErrorKind::Locked, "the store is being listed"));
            }
            B::ForgetsTheMeta => {
                let (head, data) = record.into_parts();
                let meta = Meta::new(head.key()?, Kind::Binary, head.last_write());
                let record = Record::new(&meta, all_of(data).await?)?;
                return self.good().write(&key, record, expect).await;
            }
            B::DamageCannotBeReplaced => _ = self.version_now(&key).await?,
            B::LosesWrites if count % 50 == 49 && expect == Expect::Any => {
                return Ok(Written::Done(Version::from(u64::MAX)));
            }
            B::CutsLargeData => {
                if let (head, Data::Bytes(bytes)) = record.into_parts() {
                    let kept = if bytes.len() > 65_536 { bytes.slice(..bytes.len() - 1) } else { bytes };
                    let record = with_head(&head, Data::Bytes(kept))?;
                    return self.good().write(&key, record, expect).await;
                }
                return Ok(Written::Unmet);
            }
            B::VersionDoesNotChange => {
                let expect = match expect {
                    Expect::Version(version) if version == Version::from(0) => {
                        match self.version_now(&key).await? {
                            Some(version) => Expect::Version(version),
                            None => return Ok(Written::Unmet),
                        }
                    }
                    expect => expect,
                };
                return Ok(match self.good().write(&key, record, expect).await? {
                    Written::Done(_) => Written::Done(Version::from(0)),
                    Written::Unmet => Written::Unmet,
                });
            }
            B::ComparesAndWritesLater => {
                if !self.holds(&key, &expect).await? {
                    return Ok(Written::Unmet);
                }
                pause().await;
                return self.good().write(&key, record, Expect::Any).await;
            }
            B::UnmetWrites => {
                let holds = self.holds(&key, &expect).await?;
                let written = self.good().write(&key, record, Expect::Any).await?;
                return Ok(if holds { written } else { Written::Unmet });
            }
            B::WritesInTwoSteps if expect == Expect::Any => {
                self.good().remove(&key, Expect::Any).await?;
                pause().await;
            }
            _ => {}
        }
        let record = self.broken_stream(&key, record, &expect).await?;
        let Some(record) = record else { return Ok(Written::Unmet) };
        let expect = match expect {
            Expect::Version(_) if self.is(B::VersionIsNotCompared) => Expect::Any,
            Expect::Absent if self.is(B::AbsentOverwrites) => Expect::Any,
            _ if self.is(B::ComparesBeforeTheStream) => Expect::Any,
            expect => expect,
        };
        self.good().write(&key, record, expect).await
    }

    /// What becomes of a streamed record; `None` if its expectation does not hold.
    async fn broken_stream(&self, key: &Key, record: Record, expect: &Expect) -> Result<Option<Record>> {
        if !matches!(record.data(), Data::Stream(_)) {
            return Ok(Some(record));
        }
        let (head, Data::Stream(mut stream)) = record.into_parts() else { return Ok(None) };
        let stream = match self.0.breakage {
            B::StreamsBlockTheKey => {
                locked(&self.0.blocked).insert(key.clone());
                let chunks: Vec<Bytes> = stream.try_collect().await?;
                locked(&self.0.blocked).remove(key);
                futures::stream::iter(chunks.into_iter().map(Ok)).boxed()
            }
            B::ComparesBeforeTheStream => {
                if !self.holds(key, expect).await? {
                    return Ok(None);
                }
                stream
            }
            B::ShowsUnfinishedStreams => {
                let mut all = Vec::new();
                while let Some(chunk) = stream.try_next().await? {
                    all.extend_from_slice(&chunk);
                    let so_far = with_head(&head, Data::Bytes(all.clone().into()))?;
                    _ = self.good().write(key, so_far, Expect::Any).await?;
                }
                futures::stream::iter([Ok(all.into())]).boxed()
            }
            B::StoresFailedStreams => stream.take_while(|chunk| std::future::ready(chunk.is_ok())).boxed(),
            B::PadsStreams => stream.chain(futures::stream::iter([Ok(Bytes::from_static(b"\0"))])).boxed(),
            B::EmptyChunkEndsTheStream => {
                let ends = |chunk: &Result<Bytes>| chunk.as_ref().is_ok_and(Bytes::is_empty);
                stream.take_while(move |chunk| std::future::ready(!ends(chunk))).boxed()
            }
            B::CollectsStreams => {
                let chunks: Vec<Bytes> = stream.try_collect().await?;
                futures::stream::iter(chunks.into_iter().map(Ok)).boxed()
            }
            _ => stream,
        };
        with_head(&head, Data::Stream(stream)).map(Some)
    }
}
