//! The URL scheme of this backend.

use larder::{Durability, Larder, Scheme};

use crate::Filesystem;

/// The scheme `file:DIR?durability=synced|flushed&create=true|false`, for a
/// [`Registry`](larder::Registry).
pub fn scheme() -> Scheme {
    let scheme = Scheme::new("file", "a directory with one file for each key", |address| async move {
        let durabilities = [("synced", Durability::Synced), ("flushed", Durability::Flushed)];
        let options = Filesystem::options()
            .durability(address.one_of("durability", &durabilities)?)
            .create(address.one_of("create", &[("true", true), ("false", false)])?);
        Ok(Larder::new(options.open(address.path()?).await?))
    });
    scheme
        .option("durability", "synced|flushed", "what an acknowledged write survives: a power cut, or a kill")
        .option("create", "true|false", "whether to make the store if there is none")
}
