//! A store that lies once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::{StreamExt, stream};
use larder::{
    Binary, ByteRange, Bytes, Capabilities, Data, Document, Documents, Extras, Hooks, Key, Keys, Larder,
    Meta, MetaUpdate, Path, Reply, Result, Source, Store, Together, UpdateFn,
};

/// What the store lies about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    /// A read answers with what was there before the last write.
    Stale,
    /// A write is acknowledged and not done.
    Lost,
    /// A removal is acknowledged and not done.
    Undead,
    /// An append is done twice.
    AppendedTwice,
    /// An update is done twice.
    UpdatedTwice,
    /// A write is done only after the next one.
    Reordered,
    /// A binary is half of the new bytes and half of the old.
    TornBinary,
    /// A document has members of two states.
    TornDocument,
    /// A batch is done by half.
    HalfBatch,
    /// A listing leaves out a key.
    Unlisted,
    /// A listing has a key twice.
    ListedTwice,
    /// A listing has a key that is gone.
    ListedGone,
}

impl Lie {
    pub(crate) const ALL: [Lie; 12] = [
        Lie::Stale,
        Lie::Lost,
        Lie::Undead,
        Lie::AppendedTwice,
        Lie::UpdatedTwice,
        Lie::Reordered,
        Lie::TornBinary,
        Lie::TornDocument,
        Lie::HalfBatch,
        Lie::Unlisted,
        Lie::ListedTwice,
        Lie::ListedGone,
    ];
}

/// A store over another that lies once it is told to.
#[derive(Debug)]
pub(crate) struct Liar {
    inner: Arc<dyn Extras>,
    lie: Lie,
    armed: AtomicBool,
    /// The documents that were written, oldest first.
    past: Mutex<HashMap<Key, Vec<Document>>>,
    binaries: Mutex<Vec<Bytes>>,
    held_back: Mutex<Option<(Path, Document)>>,
}

impl Liar {
    pub(crate) fn new(larder: &Larder, lie: Lie) -> Liar {
        Liar {
            inner: Arc::clone(larder.store()),
            lie,
            armed: AtomicBool::new(false),
            past: Mutex::default(),
            binaries: Mutex::default(),
            held_back: Mutex::default(),
        }
    }

    /// The next opportunity is taken.
    pub(crate) fn arm(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }

    pub(crate) fn has_lied(&self) -> bool {
        !self.armed.load(Ordering::SeqCst)
    }

    fn lies(&self, lie: Lie) -> bool {
        self.lie == lie && self.armed.swap(false, Ordering::SeqCst)
    }

    /// What was written to this key before what was written last.
    fn before_last(&self, key: &Key) -> Option<Document> {
        let past = self.past.lock().unwrap();
        past.get(key).and_then(|past| past.iter().rev().nth(1).cloned())
    }
}

#[async_trait]
impl Store for Liar {
    async fn exists(&self, key: &Key) -> Result<bool> {
        self.inner.exists(key).await
    }

    async fn get_meta(&self, key: &Key) -> Result<Option<Meta>> {
        self.inner.get_meta(key).await
    }

    async fn get(&self, key: &Key) -> Result<Option<Document>> {
        let present = self.inner.get(key).await?;
        let Some(old) = self.before_last(key) else { return Ok(present) };
        if self.lies(Lie::Stale) {
            return Ok(Some(old));
        }
        let member = old.get_in(&["one".into()])?;
        match (present, member) {
            (Some(new), Some(one)) if self.lies(Lie::TornDocument) => {
                new.assoc_in(&["one".into()], &one).map(Some)
            }
            (present, _) => Ok(present),
        }
    }

    async fn assoc_in(&self, path: &Path, value: Document, meta: MetaUpdate) -> Result<()> {
        self.past.lock().unwrap().entry(path.key().clone()).or_default().push(value.clone());
        if self.lies(Lie::Lost) {
            return Ok(());
        }
        if self.lies(Lie::Reordered) {
            *self.held_back.lock().unwrap() = Some((path.clone(), value));
            return Ok(());
        }
        self.inner.assoc_in(path, value, meta).await?;
        let late = self.held_back.lock().unwrap().take_if(|(late, _)| late == path);
        match late {
            Some((path, value)) => self.inner.assoc_in(&path, value, MetaUpdate::new()).await,
            None => Ok(()),
        }
    }

    async fn update_in(
        &self,
        path: &Path,
        mut update: UpdateFn,
        meta: MetaUpdate,
    ) -> Result<(Option<Document>, Option<Document>)> {
        if !self.lies(Lie::UpdatedTwice) {
            return self.inner.update_in(path, update, meta).await;
        }
        let once = self.inner.get(path.key()).await?;
        let larder::Change::Set(first) = update(once.clone())? else { return Ok((once.clone(), once)) };
        self.inner.assoc_in(path, first.clone(), meta).await?;
        let larder::Change::Set(second) = update(Some(first.clone()))? else {
            return Ok((once, Some(first)));
        };
        self.inner.assoc_in(path, second, MetaUpdate::new()).await?;
        Ok((once, Some(first)))
    }

    async fn dissoc(&self, key: &Key) -> Result<bool> {
        let there = self.inner.exists(key).await?;
        if there && self.lies(Lie::Undead) { Ok(true) } else { self.inner.dissoc(key).await }
    }

    fn keys(&self, prefix: Option<&str>) -> Keys {
        let keys = self.inner.keys(prefix);
        if self.lies(Lie::Unlisted) {
            return Keys::new(keys.skip(1));
        }
        if self.lies(Lie::ListedTwice) {
            return Keys::new(keys.chain(self.inner.keys(prefix).take(1)));
        }
        if self.lies(Lie::ListedGone) {
            return Keys::new(keys.chain(stream::iter([Ok(Key::from("gone"))])));
        }
        keys
    }

    async fn bget(&self, key: &Key, range: ByteRange) -> Result<Option<Binary>> {
        let past = self.binaries.lock().unwrap().clone();
        let [.., old, new] = past.as_slice() else { return self.inner.bget(key, range).await };
        if !self.lies(Lie::TornBinary) {
            return self.inner.bget(key, range).await;
        }
        let torn = [&new[..new.len() / 2], &old[old.len() / 2..]].concat();
        Ok(Some(Binary::new(torn.len() as u64, Data::Bytes(torn.into()))))
    }

    async fn bassoc(&self, key: &Key, value: Source, meta: MetaUpdate) -> Result<()> {
        let mut bytes = Vec::new();
        let mut chunks = value.into_stream();
        while let Some(chunk) = chunks.next().await {
            bytes.extend_from_slice(&chunk?);
        }
        let bytes = Bytes::from(bytes);
        self.binaries.lock().unwrap().push(bytes.clone());
        self.inner.bassoc(key, bytes.into(), meta).await
    }
}

#[async_trait]
impl Extras for Liar {
    fn get_reply(&self, key: &Key) -> Reply<Option<Document>> {
        Reply::ready(pollster::block_on(self.get(key)))
    }

    fn bget_reply(&self, key: &Key, range: ByteRange) -> Reply<Option<Binary>> {
        Reply::ready(pollster::block_on(self.bget(key, range)))
    }

    async fn multi_assoc(
        &self,
        mut entries: Vec<(Key, Document, MetaUpdate)>,
        together: Together,
    ) -> Result<()> {
        if self.lies(Lie::HalfBatch) {
            entries.pop();
        }
        self.inner.multi_assoc(entries, together).await
    }

    async fn multi_bassoc(
        &self,
        mut entries: Vec<(Key, Bytes, MetaUpdate)>,
        together: Together,
    ) -> Result<()> {
        if self.lies(Lie::HalfBatch) {
            entries.pop();
        }
        self.inner.multi_bassoc(entries, together).await
    }

    async fn multi_dissoc(&self, keys: &[Key], together: Together) -> Result<Vec<bool>> {
        self.inner.multi_dissoc(keys, together).await
    }

    async fn append(&self, key: &Key, elements: Vec<Document>, meta: MetaUpdate) -> Result<()> {
        if self.lies(Lie::AppendedTwice) {
            self.inner.append(key, elements.clone(), MetaUpdate::new()).await?;
        }
        self.inner.append(key, elements, meta).await
    }

    async fn log(&self, key: &Key) -> Result<Option<Documents>> {
        self.inner.log(key).await
    }

    fn hooks(&self) -> &Hooks {
        self.inner.hooks()
    }

    async fn sync(&self) -> Result<()> {
        self.inner.sync().await
    }

    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}
