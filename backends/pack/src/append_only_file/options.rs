//! When an append flushes, and how.

use std::fmt;
use std::sync::Arc;

use larder::io::{Disk, RealDisk};

use super::AppendOnlyFile;

/// irmin-pack's threshold, in bytes, for its suffix and its dictionary (3.5 to 3.8).
pub const DEFAULT_AUTO_FLUSH_THRESHOLD: usize = 1_000_000;

/// What an append does when the buffer has reached the threshold.
pub enum AutoFlush<D: Disk + ?Sized = RealDisk> {
    /// It flushes. The bytes are then in the file, and who knows only the published end does not see them.
    Internal,
    /// It calls this procedure, which must flush, and may do what belongs to it: flush other files first,
    /// record the new end.
    ///
    /// If it fails without having flushed, or does not flush, the append is taken back, together with what
    /// the procedure itself appended.
    External(Procedure<D>),
}

/// The procedure of [`AutoFlush::External`].
pub(super) type Procedure<D> = Arc<dyn Fn(&mut AppendOnlyFile<D>) -> larder::Result<()> + Send + Sync>;

impl<D: Disk + ?Sized> AutoFlush<D> {
    /// Calls this procedure when the threshold is reached: see [`AutoFlush::External`].
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// use larder::io::RealDisk;
    /// use larder_pack::append_only_file::{AppendOnlyFile, AutoFlush};
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("suffix");
    /// let published = Arc::new(AtomicU64::new(0));
    /// let publish = Arc::clone(&published);
    /// let procedure = AutoFlush::external(move |file: &mut AppendOnlyFile| {
    ///     file.flush()?;
    ///     publish.store(file.end_poff(), Ordering::Release);
    ///     Ok(())
    /// });
    /// let mut file = AppendOnlyFile::create_rw(Arc::new(RealDisk), &path, false, 8, procedure)?;
    /// file.append(b"seven b")?;
    /// assert_eq!(published.load(Ordering::Acquire), 0);
    /// file.append(b"!")?;
    /// assert_eq!(published.load(Ordering::Acquire), 8);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn external(
        procedure: impl Fn(&mut AppendOnlyFile<D>) -> larder::Result<()> + Send + Sync + 'static,
    ) -> AutoFlush<D> {
        AutoFlush::External(Arc::new(procedure))
    }
}

impl<D: Disk + ?Sized> Clone for AutoFlush<D> {
    fn clone(&self) -> Self {
        match self {
            AutoFlush::Internal => AutoFlush::Internal,
            AutoFlush::External(procedure) => AutoFlush::External(Arc::clone(procedure)),
        }
    }
}

impl<D: Disk + ?Sized> fmt::Debug for AutoFlush<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AutoFlush::Internal => "Internal",
            AutoFlush::External(_) => "External(..)",
        })
    }
}
