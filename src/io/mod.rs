//! Input and output for backends that keep files: [`Disk`], the file-system calls they need, as a
//! trait; [`RealDisk`], the operating system; [`MappedDisk`], the same read through memory maps; [`Workers`] and [`Drain`], the threads that do the work,
//! fed by channels; [`Buffer`], [`chunks`], [`make_dirs`], [`Halt`], and [`AdaptiveSpin`] with [`look`],
//! which several of them use.

mod buffer;
mod chunks;
mod dirs;
mod disk;
mod halt;
mod mapped_disk;
mod real_disk;
mod spin;
mod workers;

pub use buffer::{BUFFER_BYTES, Buffer};
pub use chunks::chunks;
pub use dirs::{make_dir, make_dirs};
pub use disk::{Disk, DiskFile, DiskLock, DiskSync, Entry, EntryKind, Mode};
pub use halt::Halt;
pub use mapped_disk::MappedDisk;
pub use real_disk::RealDisk;
pub use spin::{AdaptiveSpin, Looked, look};
pub use workers::{Drain, Workers};
