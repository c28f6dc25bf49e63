//! A store that fails, or never answers.

use async_trait::async_trait;
use futures::stream;
use larder::{
    Binary, ByteRange, Bytes, Capabilities, Document, Documents, Error, Extras, Hooks, Key, Keys, Meta,
    MetaUpdate, Path, Reply, Result, Source, Store, Together, UpdateFn,
};

/// What becomes of every call.
#[derive(Clone, Debug)]
pub(crate) enum Fate {
    Hang,
    Fail(Error),
}

#[derive(Debug)]
pub(crate) struct Failing {
    fate: Fate,
    hooks: Hooks,
}

impl Failing {
    pub(crate) fn new(fate: Fate) -> Failing {
        Failing { fate, hooks: Hooks::new() }
    }

    async fn answer<T>(&self) -> Result<T> {
        match &self.fate {
            Fate::Hang => std::future::pending().await,
            Fate::Fail(error) => Err(error.clone()),
        }
    }

    fn reply<T: Send + 'static>(&self) -> Reply<T> {
        match &self.fate {
            Fate::Hang => Reply::future(std::future::pending()),
            Fate::Fail(error) => Reply::ready(Err(error.clone())),
        }
    }
}

#[async_trait]
impl Store for Failing {
    async fn exists(&self, _key: &Key) -> Result<bool> {
        self.answer().await
    }

    async fn get_meta(&self, _key: &Key) -> Result<Option<Meta>> {
        self.answer().await
    }

    async fn get(&self, _key: &Key) -> Result<Option<Document>> {
        self.answer().await
    }

    async fn assoc_in(&self, _path: &Path, _value: Document, _meta: MetaUpdate) -> Result<()> {
        self.answer().await
    }

    async fn update_in(
        &self,
        _path: &Path,
        _update: UpdateFn,
        _meta: MetaUpdate,
    ) -> Result<(Option<Document>, Option<Document>)> {
        self.answer().await
    }

    async fn dissoc(&self, _key: &Key) -> Result<bool> {
        self.answer().await
    }

    fn keys(&self, _prefix: Option<&str>) -> Keys {
        Keys::new(stream::empty())
    }

    async fn bget(&self, _key: &Key, _range: ByteRange) -> Result<Option<Binary>> {
        self.answer().await
    }

    async fn bassoc(&self, _key: &Key, _value: Source, _meta: MetaUpdate) -> Result<()> {
        self.answer().await
    }
}

#[async_trait]
impl Extras for Failing {
    fn get_reply(&self, _key: &Key) -> Reply<Option<Document>> {
        self.reply()
    }

    fn bget_reply(&self, _key: &Key, _range: ByteRange) -> Reply<Option<Binary>> {
        self.reply()
    }

    async fn multi_assoc(
        &self,
        _entries: Vec<(Key, Document, MetaUpdate)>,
        _together: Together,
    ) -> Result<()> {
        self.answer().await
    }

    async fn multi_bassoc(&self, _entries: Vec<(Key, Bytes, MetaUpdate)>, _together: Together) -> Result<()> {
        self.answer().await
    }

    async fn multi_dissoc(&self, _keys: &[Key], _together: Together) -> Result<Vec<bool>> {
        self.answer().await
    }

    async fn append(&self, _key: &Key, _elements: Vec<Document>, _meta: MetaUpdate) -> Result<()> {
        self.answer().await
    }

    async fn log(&self, _key: &Key) -> Result<Option<Documents>> {
        self.answer().await
    }

    fn hooks(&self) -> &Hooks {
        &self.hooks
    }

    async fn sync(&self) -> Result<()> {
        self.answer().await
    }

    async fn close(&self) -> Result<()> {
        self.answer().await
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new("failing")
    }
}
