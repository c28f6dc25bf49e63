//! The URL scheme of this backend.

use larder::{Address, Durability, Larder, Result, Scheme};

use crate::Pack;

/// Opens the store that an address of the [scheme](scheme()) names.
///
/// # Errors
/// `Invalid` for a value that an option does not have; and as [`Options::open`](crate::Options::open).
pub async fn open(address: &Address) -> Result<Pack> {
    let durabilities = [("synced", Durability::Synced), ("flushed", Durability::Flushed)];
    let flags = [("true", true), ("false", false)];
    let unless = [("false", false), ("true", true)];
    let mut options = Pack::options();
    if let Some(bytes) = bytes(address, "segment-bytes")? {
        options = options.segment_bytes(bytes);
    }
    if let Some(bytes) = bytes(address, "checkpoint-bytes")? {
        options = options.checkpoint_bytes(bytes);
    }
    let options = options
        .durability(address.one_of("durability", &durabilities)?)
        .create(address.one_of("create", &flags)?)
        .compaction(address.one_of("compaction", &flags)?)
        .mapped_reads(address.one_of("mapped-reads", &unless)?);
    if address.one_of("read-only", &unless)? {
        options.open_read_only(address.path()?).await
    } else {
        options.open(address.path()?).await
    }
}

/// The scheme `pack:DIR?durability=synced|flushed&create=true|false`, for a [`Registry`](larder::Registry); its other
/// options are those of [`Options`](crate::Options).
pub fn scheme() -> Scheme {
    let scheme =
        Scheme::new("pack", "a directory with an append-only log; one writer", |address| async move {
            Ok(Larder::new(open(&address).await?))
        });
    scheme
        .option("durability", "synced|flushed", "what an acknowledged write survives: a power cut, or a kill")
        .option("create", "true|false", "whether to make the store if there is none")
        .option("compaction", "true|false", "whether dead bytes are reclaimed in the background")
        .option("segment-bytes", "67108864", "how long a file of the log gets, in bytes, at least 4096")
        .option(
            "checkpoint-bytes",
            "67108864",
            "how much log is written before the index is written down, in bytes",
        )
        .option("mapped-reads", "false|true", "whether to read through memory maps: faster, on trusted media")
        .option("read-only", "false|true", "whether to read what another process writes")
}

/// A number of bytes, if it is given.
fn bytes(address: &Address, name: &str) -> Result<Option<u64>> {
    address.option(name).map(|_| address.parsed(name, 0)).transpose()
}
