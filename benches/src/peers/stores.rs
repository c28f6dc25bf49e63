//! larder and the stores it is compared with, behind one set of calls.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::TryStreamExt;
use larder::{Durability, Larder};
use larder_filesystem::Filesystem;
use object_store::local::LocalFileSystem;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::rows::Failure;

/// A store of bytes under text keys, in files.
#[derive(Debug)]
pub enum Store {
    /// larder over `larder-filesystem`.
    Larder(Larder),
    /// `object_store`'s local file system.
    Object(LocalFileSystem),
    /// opendal's service `fs`.
    Dal(opendal::Operator),
    /// cacache, async.
    Cacache(PathBuf),
    /// cacache, its blocking calls on the calling thread.
    CacacheSync(PathBuf),
}

impl Store {
    /// A larder in this directory.
    pub fn larder(dir: &Path, durability: Durability) -> Result<Store, Failure> {
        let backend = pollster::block_on(Filesystem::options().durability(durability).open(dir))?;
        Ok(Store::Larder(Larder::new(backend)))
    }

    /// `object_store`; with fsync it syncs the file and its directory.
    pub fn object(dir: &Path, fsync: bool) -> Result<Store, Failure> {
        Ok(Store::Object(LocalFileSystem::new_with_prefix(dir)?.with_fsync(fsync)))
    }

    /// opendal, writing atomically: by a temporary file that is renamed.
    pub fn dal(dir: &Path) -> Result<Store, Failure> {
        // Beside the store, so that it is not listed with it.
        let temp = dir.with_extension("temp");
        let builder = opendal::services::Fs::default()
            .root(&dir.to_string_lossy())
            .atomic_write_dir(&temp.to_string_lossy());
        Ok(Store::Dal(opendal::Operator::new(builder)?))
    }

    /// Stores bytes.
    pub async fn put(&self, key: &str, bytes: Bytes) -> Result<(), Failure> {
        match self {
            Store::Larder(larder) => larder.bassoc(key, bytes).await?,
            Store::Object(store) => drop(store.put(&key.into(), bytes.into()).await?),
            Store::Dal(operator) => drop(operator.write(key, bytes).await?),
            Store::Cacache(dir) => drop(cacache::write(dir, key, bytes).await?),
            Store::CacacheSync(dir) => drop(cacache::write_sync(dir, key, bytes)?),
        }
        Ok(())
    }

    /// Reads all bytes; says how many.
    pub async fn get(&self, key: &str) -> Result<usize, Failure> {
        Ok(match self {
            Store::Larder(larder) => {
                let binary = larder.bget(key).await?.ok_or("nothing there")?;
                std::hint::black_box(binary.bytes().await?).len()
            }
            Store::Object(store) => std::hint::black_box(store.get(&key.into()).await?.bytes().await?).len(),
            Store::Dal(operator) => std::hint::black_box(operator.read(key).await?).len(),
            Store::Cacache(dir) => std::hint::black_box(cacache::read(dir, key).await?).len(),
            Store::CacacheSync(dir) => std::hint::black_box(cacache::read_sync(dir, key)?).len(),
        })
    }

    /// Asks for what is known of an entry without reading it; says its size, which cacache does not
    /// know of an entry that was written in one call.
    pub async fn head(&self, key: &str) -> Result<Option<u64>, Failure> {
        const NOTHING: &str = "nothing there";
        Ok(match self {
            Store::Larder(larder) => larder.get_meta(key).await?.ok_or(NOTHING)?.size(),
            Store::Object(store) => Some(store.head(&key.into()).await?.size),
            Store::Dal(operator) => Some(operator.stat(key).await?.content_length()),
            Store::Cacache(dir) => cacache::metadata(dir, key).await?.map(|_| None).ok_or(NOTHING)?,
            Store::CacacheSync(dir) => cacache::metadata_sync(dir, key)?.map(|_| None).ok_or(NOTHING)?,
        })
    }

    /// Lists all keys; says how many.
    pub async fn list(&self) -> Result<usize, Failure> {
        Ok(match self {
            Store::Larder(larder) => larder.keys().try_fold(0, async |count, _| Ok(count + 1)).await?,
            Store::Object(store) => store.list(None).try_fold(0, async |count, _| Ok(count + 1)).await?,
            Store::Dal(operator) => {
                let lister = operator.lister("/").await?;
                lister
                    .try_fold(0, async |count, entry| Ok(count + usize::from(entry.metadata().is_file())))
                    .await?
            }
            Store::Cacache(dir) | Store::CacacheSync(dir) => {
                cacache::list_sync(dir).try_fold(0, |count, entry| entry.map(|_| count + 1))?
            }
        })
    }
}
