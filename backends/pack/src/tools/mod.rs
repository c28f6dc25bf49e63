//! Tools for a store that is not open, or open elsewhere: [`verify`] reads all of it and says what is damaged,
//! [`repair`] saves what can be read into a new store, [`dump`] shows every frame as a line of text. And what
//! [`Pack::stats`](crate::Pack::stats) tells: [`Stats`].
//!
//! None of them changes the store that it reads, takes its lock, or needs it to be whole. They wait for the medium:
//! call them on a thread that may wait.
//!
//! ```
//! use std::sync::Arc;
//! use larder::io::{Disk, RealDisk};
//! use larder_pack::{Pack, tools};
//! # let dir = tempfile::tempdir().unwrap();
//! # let dir = dir.path();
//! # smol::block_on(async {
//! # let larder = larder::Larder::new(Pack::open(dir.join("data")).await?);
//! # larder.assoc("ada", &"Lovelace").await?;
//! # larder.close().await?;
//! let disk: Arc<dyn Disk> = Arc::new(RealDisk);
//! let report = tools::verify(&disk, &dir.join("data"), &mut |_| {})?;
//! assert!(report.is_whole());
//! assert_eq!(report.stats.keys, 1);
//!
//! let saved = tools::repair(&disk, &dir.join("data"), &dir.join("saved"), &mut |_| {})?;
//! assert_eq!(saved.records, 1);
//! # Ok::<(), larder::Error>(())
//! # }).unwrap();
//! ```

mod blobs;
mod dump;
mod files;
mod index;
mod lenient;
mod newest;
mod record;
mod repair;
mod report;
mod verify;
mod walk;

pub use dump::dump;
pub use repair::repair;
pub use report::{Damage, Progress, Report, Saved};
pub use verify::verify;

pub use crate::stats::Stats;
