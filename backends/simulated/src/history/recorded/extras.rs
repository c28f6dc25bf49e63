//! What a store offers beside the nine operations, recorded. An answer that is there at once stays so.

use async_trait::async_trait;
use larder::{
    Binary, ByteRange, Bytes, Capabilities, Document, Documents, Extras, Hooks, Key, MetaUpdate, Reply,
    Result, Together,
};

use super::streams;
use super::{Recorded, line, read_outcome, write_outcome};
use crate::history::answer::{Answer, Digest};
use crate::history::call::Call;
use crate::history::operation::Outcome;
use crate::history::recorder::Pending;

#[async_trait]
impl<S: Extras + ?Sized> Extras for Recorded<S> {
    fn get_reply(&self, key: &Key) -> Reply<Option<Document>> {
        let pending = self.client.invoke(Call::Get(key.clone()));
        let finish = |pending: Pending, result: &Result<Option<Document>>| {
            pending.finish(read_outcome(result, |value| Answer::Value(value.clone())));
        };
        match self.store.get_reply(key).try_now() {
            Ok(result) => {
                finish(pending, &result);
                Reply::ready(result)
            }
            Err(later) => Reply::future(async move {
                let result = later.await;
                finish(pending, &result);
                result
            }),
        }
    }

    fn bget_reply(&self, key: &Key, range: ByteRange) -> Reply<Option<Binary>> {
        let pending = self.client.invoke(Call::Bget(key.clone(), range));
        let reply = self.store.bget_reply(key, range);
        match reply.try_now() {
            Ok(result) => Reply::ready(streams::binary(pending, range, result)),
            Err(later) => Reply::future(async move { streams::binary(pending, range, later.await) }),
        }
    }

    async fn multi_assoc(&self, entries: Vec<(Key, Document, MetaUpdate)>, together: Together) -> Result<()> {
        let copy = entries.iter().map(|(key, value, _)| (key.clone(), value.clone())).collect();
        let atomic = together == Together::Atomic;
        let pending = self.client.invoke(Call::MultiAssoc { entries: copy, atomic });
        let result = self.store.multi_assoc(entries, together).await;
        pending.finish(batch_outcome(&result, atomic, |()| Answer::Done));
        result
    }

    /// Recorded as a write for each key, at the same time: whoever checks the history does not learn that they
    /// belong together.
    async fn multi_bassoc(&self, entries: Vec<(Key, Bytes, MetaUpdate)>, together: Together) -> Result<()> {
        let call = |(key, bytes, _): &(Key, Bytes, MetaUpdate)| {
            self.client.invoke(Call::Bassoc(key.clone(), Some(Digest::of(bytes))))
        };
        let pending: Vec<_> = entries.iter().map(call).collect();
        let result = self.store.multi_bassoc(entries, together).await;
        for pending in pending {
            pending.finish(batch_outcome(&result, together == Together::Atomic, |()| Answer::Done));
        }
        result
    }

    async fn multi_dissoc(&self, keys: &[Key], together: Together) -> Result<Vec<bool>> {
        let atomic = together == Together::Atomic;
        let pending = self.client.invoke(Call::MultiDissoc { keys: keys.to_vec(), atomic });
        let result = self.store.multi_dissoc(keys, together).await;
        pending.finish(batch_outcome(&result, atomic, |existed| Answer::Flags(existed.clone())));
        result
    }

    async fn append(&self, key: &Key, elements: Vec<Document>, meta: MetaUpdate) -> Result<()> {
        let pending = self.client.invoke(Call::Append(key.clone(), elements.clone()));
        let result = self.store.append(key, elements, meta).await;
        pending.finish(write_outcome(&result, |()| Answer::Done));
        result
    }

    async fn log(&self, key: &Key) -> Result<Option<Documents>> {
        let pending = self.client.invoke(Call::Log(key.clone()));
        match self.store.log(key).await {
            Ok(Some(elements)) => Ok(Some(streams::log(pending, elements))),
            result => {
                pending.finish(read_outcome(&result, |_| Answer::Elements(None)));
                result
            }
        }
    }

    fn hooks(&self) -> &Hooks {
        self.store.hooks()
    }

    async fn sync(&self) -> Result<()> {
        self.store.sync().await
    }

    async fn close(&self) -> Result<()> {
        self.store.close().await
    }

    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }
}

/// The outcome of several writes. One by one, an error leaves in the dark how far they went.
fn batch_outcome<T>(result: &Result<T>, atomic: bool, answer: impl FnOnce(&T) -> Answer) -> Outcome {
    match result {
        Err(error) if !atomic => Outcome::Unknown(line(error)),
        _ => write_outcome(result, answer),
    }
}
