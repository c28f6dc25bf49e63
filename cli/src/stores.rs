//! The kinds of store that this command can open.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use larder::{Address, Durability, ErrorKind, Larder, Registry};
use larder_filesystem::Filesystem;
use larder_memory::Memory;
use larder_pack::Pack;
use larder_simulated::store as simulated;

use crate::failure::{Failure, Result};

/// The store that is used when none is named.
pub(crate) const DEFAULT: &str = "pack:./larder-data";

/// What a command is about to do with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    /// Only read: a store that is not there is an error, not made.
    Read,
    /// Change what is there, if anything is: a store that is not there is an error too.
    Change,
    /// Write: a store that is not there is made.
    Write,
}

pub(crate) fn registry() -> Registry {
    let mut registry = Registry::new();
    registry.register(larder_memory::scheme());
    registry.register(larder_filesystem::scheme());
    registry.register(larder_pack::scheme());
    for scheme in larder_redis::schemes() {
        registry.register(scheme);
    }
    registry.register(simulated::scheme("sim+file", &larder_filesystem::scheme(), file));
    registry.register(simulated::scheme("sim+pack", &larder_pack::scheme(), pack));
    registry.register(simulated::scheme("sim+memory", &larder_memory::scheme(), memory));
    registry
}

/// The store behind `sim+file:`, with the options of `file:`.
async fn file(address: Address) -> larder::Result<Filesystem> {
    let durabilities = [("synced", Durability::Synced), ("flushed", Durability::Flushed)];
    let options = Filesystem::options()
        .durability(address.one_of("durability", &durabilities)?)
        .create(address.one_of("create", &[("true", true), ("false", false)])?);
    options.open(address.path()?).await
}

/// The store behind `sim+pack:`.
async fn pack(address: Address) -> larder::Result<Pack> {
    larder_pack::open_address(&address).await
}

/// The store behind `sim+memory:`.
async fn memory(_: Address) -> larder::Result<Memory> {
    Ok(Memory::new())
}

/// How long a command waits for another process to close a pack, and how long between its attempts.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);

/// Opens the store.
pub(crate) async fn open(url: &str, intent: Intent) -> Result<Larder> {
    let registry = registry();
    open_with(&registry, url, intent, async |url| registry.open(&url).await).await
}

/// Opens a pack, to do with it what only packs can.
pub(crate) async fn open_pack(url: &str, intent: Intent) -> Result<Pack> {
    let opening = async |url: String| larder_pack::open_address(&Address::parse(&url)?).await;
    open_with(&registry(), url, intent, opening).await
}

/// Whether this is the URL of a pack; then its directory.
pub(crate) fn pack_dir(url: &str) -> Result<Option<PathBuf>> {
    let address = Address::parse(url)?;
    if address.scheme() == "pack" { Ok(Some(address.path()?)) } else { Ok(None) }
}

async fn open_with<T>(
    registry: &Registry,
    url: &str,
    intent: Intent,
    opening: impl AsyncFn(String) -> larder::Result<T>,
) -> Result<T> {
    let asked = for_intent(registry, url, intent);
    let is_pack = Address::parse(url).is_ok_and(|address| address.scheme() == "pack");
    let locked =
        |opened: &larder::Result<T>| is_pack && opened.as_ref().is_err_and(|e| e.kind() == ErrorKind::Locked);
    let mut opened = opening(asked.clone()).await;
    // A pack has one writer at a time. Reading is possible meanwhile; a change waits for its turn.
    if locked(&opened) && intent == Intent::Read {
        opened = opening(with_option(&asked, "read-only=true")).await;
    }
    let since = Instant::now();
    while locked(&opened) && since.elapsed() < PATIENCE {
        async_std::task::sleep(PAUSE).await;
        opened = opening(asked.clone()).await;
    }
    opened.map_err(|error| {
        // The way out that the library names is an option; here it is another command.
        let opening = error.kind() == ErrorKind::Invalid && error.backend().is_some();
        let nothing = opening && asked != url && is_missing_or_empty(url);
        match nothing {
            true => Failure::usage(format!(
                "there is no store at {url} yet: assoc, bassoc and import make one (--store or LARDER_STORE name another)"
            )),
            false => error.into(),
        }
    })
}

fn is_missing_or_empty(url: &str) -> bool {
    let Ok(path) = Address::parse(url).and_then(|address| address.path()) else { return false };
    match std::fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

/// Adds `create=false` for a reader, where the scheme has such an option and the caller has not said.
fn for_intent(registry: &Registry, url: &str, intent: Intent) -> String {
    let Ok(address) = Address::parse(url) else { return url.to_owned() };
    let understood = registry
        .schemes()
        .filter(|scheme| scheme.name() == address.scheme())
        .any(|scheme| scheme.options().iter().any(|option| option.name == "create"));
    if intent == Intent::Write || !understood || address.option("create").is_some() {
        return url.to_owned();
    }
    with_option(url, "create=false")
}

fn with_option(url: &str, option: &str) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}{option}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_makes_no_store_unless_it_is_told_to() {
        let registry = registry();
        let url = |url, intent| for_intent(&registry, url, intent);
        assert_eq!(url("file:x", Intent::Read), "file:x?create=false");
        assert_eq!(url("file:x?durability=flushed", Intent::Read), "file:x?durability=flushed&create=false");
        assert_eq!(url("file:x?create=true", Intent::Read), "file:x?create=true");
        assert_eq!(url("file:x", Intent::Write), "file:x");
        assert_eq!(url("memory:", Intent::Read), "memory:");
        assert_eq!(url("sim+file:x?seed=7", Intent::Read), "sim+file:x?seed=7&create=false");
        assert_eq!(url("nonsense", Intent::Read), "nonsense");
    }
}
