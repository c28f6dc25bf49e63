//! Input and output for backends that keep files: [`Disk`], the file-system calls they need, as a
//! trait; [`RealDisk`], the operating system; [`Workers`] and [`Drain`], the threads that do the work,
//! fed by channels.

mod disk;
mod real_disk;
mod workers;

pub use disk::{Disk, DiskFile, DiskLock, DiskSync, Entry, EntryKind, Mode};
pub use real_disk::RealDisk;
pub use workers::{Drain, Workers};
