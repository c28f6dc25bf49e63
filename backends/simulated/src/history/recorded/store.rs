//! The nine operations, recorded.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use larder::{
    Binary, ByteRange, Change, Document, Extras, Key, Keys, Meta, MetaUpdate, Path, Result, Source, Store,
    UpdateFn,
};

use super::streams;
use super::{Recorded, line, read_outcome, write_outcome};
use crate::history::answer::Answer;
use crate::history::call::{Call, Update};
use crate::history::operation::Outcome;

#[async_trait]
impl<S: Extras + ?Sized> Store for Recorded<S> {
    async fn exists(&self, key: &Key) -> Result<bool> {
        let pending = self.client.invoke(Call::Exists(key.clone()));
        let result = self.store.exists(key).await;
        pending.finish(read_outcome(&result, |there| Answer::Flag(*there)));
        result
    }

    async fn get_meta(&self, key: &Key) -> Result<Option<Meta>> {
        let pending = self.client.invoke(Call::GetMeta(key.clone()));
        let result = self.store.get_meta(key).await;
        pending.finish(read_outcome(&result, |meta| Answer::Flag(meta.is_some())));
        result
    }

    async fn get(&self, key: &Key) -> Result<Option<Document>> {
        self.get_reply(key).await
    }

    async fn assoc_in(&self, path: &Path, value: Document, meta: MetaUpdate) -> Result<()> {
        let call = match path.segments() {
            [] => Call::Assoc(path.key().clone(), value.clone()),
            _ => Call::AssocIn(path.clone(), value.clone()),
        };
        let pending = self.client.invoke(call);
        let result = self.store.assoc_in(path, value, meta).await;
        pending.finish(write_outcome(&result, |()| Answer::Done));
        result
    }

    async fn update_in(
        &self,
        path: &Path,
        mut update: UpdateFn,
        meta: MetaUpdate,
    ) -> Result<(Option<Document>, Option<Document>)> {
        let pending = self.client.invoke(Call::UpdateIn(path.clone(), Update::NotRun));
        let (notes, gave_up) = (pending.beside(), Arc::new(AtomicBool::new(false)));
        let refused = Arc::clone(&gave_up);
        let update: UpdateFn = Box::new(move |old| {
            let changed = update(old.clone());
            refused.store(changed.is_err(), Ordering::SeqCst);
            match &changed {
                Ok(Change::Set(new)) => notes.ran(old, Some(new.clone())),
                Ok(Change::Remove) => notes.ran(old, None),
                Ok(Change::Keep) => notes.ran(old.clone(), old),
                Err(_) => {}
            }
            changed
        });
        let result = self.store.update_in(path, update, meta).await;
        pending.finish(match &result {
            // The error is the closure's own: it says nothing about what is stored.
            Err(error) if gave_up.load(Ordering::SeqCst) => Outcome::Failed(line(error)),
            _ => write_outcome(&result, |(old, new)| Answer::Change { old: old.clone(), new: new.clone() }),
        });
        result
    }

    async fn dissoc(&self, key: &Key) -> Result<bool> {
        let pending = self.client.invoke(Call::Dissoc(key.clone()));
        let result = self.store.dissoc(key).await;
        pending.finish(write_outcome(&result, |was| Answer::Flag(*was)));
        result
    }

    fn keys(&self, prefix: Option<&str>) -> Keys {
        streams::keys(&self.client, prefix, self.store.keys(prefix))
    }

    async fn bget(&self, key: &Key, range: ByteRange) -> Result<Option<Binary>> {
        self.bget_reply(key, range).await
    }

    async fn bassoc(&self, key: &Key, value: Source, meta: MetaUpdate) -> Result<()> {
        let pending = self.client.invoke(Call::Bassoc(key.clone(), None));
        let value = streams::digested(&pending, value);
        let result = self.store.bassoc(key, value, meta).await;
        pending.finish(write_outcome(&result, |()| Answer::Done));
        result
    }
}
