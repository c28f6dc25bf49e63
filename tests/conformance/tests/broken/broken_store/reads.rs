//! What is wrong with reading.

use std::sync::atomic::Ordering;

use futures::StreamExt;
use larder::{ByteRange, Bytes, Data, DataSum, Error, ErrorKind, Key, Part, Result, Stored, Version};

use super::{Broken, all_of, locked};
use crate::breakage::Breakage as B;
use crate::pause;

impl Broken {
    pub(super) async fn read_broken(&self, key: Key, part: Part) -> Result<Option<Stored>> {
        let part = match part {
            Part::Range(range) if self.is(B::RangeOffByOne) => {
                let (start, end) = range.within(u64::MAX);
                Part::Range(ByteRange::new(start..end.saturating_add(1))?)
            }
            part => part,
        };
        if locked(&self.0.blocked).contains(&key) {
            return Err(Error::new(ErrorKind::Locked, "the key is locked"));
        }
        if self.is(B::DroppedReadBlocksTheKey) {
            locked(&self.0.blocked).insert(key.clone());
            pause().await;
            locked(&self.0.blocked).remove(&key);
        }
        let stored = match self.good().read(&self.key(&key), part).await {
            Err(error) if self.is(B::DamageIsAbsence) && error.kind() == ErrorKind::Corrupt => {
                return Ok(None);
            }
            Err(error) if self.is(B::ReadsAfterClose) && error.kind() == ErrorKind::Closed => {
                return Ok(None);
            }
            answer => answer?,
        };
        let Some(mut stored) = stored else { return Ok(None) };
        match self.0.breakage {
            B::VersionDoesNotChange => stored.version = Version::from(0),
            B::ReadsDataForTheHead if part == Part::Head => {
                if let Some(whole) = self.good().read(&key, Part::All).await? {
                    whole.head.vouch(&DataSum::of(&all_of(whole.data).await?))?;
                }
            }
            B::ReadGivesAnotherVersion if part == Part::Head => stored.version = Version::from(u64::MAX),
            B::DeliversDamageAsVerified => stored.verified = true,
            B::StaleHead if part == Part::Head => {
                stored.head = locked(&self.0.heads).entry(key).or_insert(stored.head).clone();
            }
            B::MixesHeadAndData if part == Part::All => {
                // Waits a while for another state.
                for _ in 0..20_000 {
                    std::thread::yield_now();
                    let next = self.good().read(&key, Part::All).await?;
                    if let Some(next) = next.filter(|next| next.version != stored.version) {
                        stored.data = next.data;
                        break;
                    }
                }
            }
            B::StreamsThePresentState if part == Part::All => {
                let (this, size) = (self.clone(), stored.head.size().unwrap_or(0));
                let chunks = (0..size).step_by(1 << 18).map(move |start| (this.clone(), key.clone(), start));
                let chunks = futures::stream::iter(chunks).then(|(this, key, start)| async move {
                    let range = Part::Range(ByteRange::new(start..start + (1 << 18))?);
                    let Some(now) = this.good().read(&key, range).await? else { return Ok(Bytes::new()) };
                    all_of(now.data).await
                });
                stored.data = Data::Stream(chunks.boxed());
            }
            B::ClosingCutsStreams if part == Part::All => {
                let (this, bytes) = (self.clone(), all_of(stored.data).await?);
                let chunks: Vec<_> =
                    bytes.chunks(1 << 18).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
                let open = move |_: &Result<Bytes>| !this.0.closed.load(Ordering::SeqCst);
                let chunks =
                    futures::stream::iter(chunks).take_while(move |chunk| std::future::ready(open(chunk)));
                stored.data = Data::Stream(chunks.boxed());
            }
            B::ReadsInOnePiece if part == Part::All => stored.data = Data::Bytes(all_of(stored.data).await?),
            _ => {}
        }
        Ok(Some(stored))
    }
}
