//! What a backend's author provides: how to open a store, and how to run a future.

use std::future::Future;

use larder::{Backend, Key, Result};

/// Opens stores for the suite, and drives them.
///
/// Every property makes one harness of its own by evaluating the expression that
/// [`conformance_tests!`](crate::conformance_tests) was given. So the harness holds what the store
/// lives in (a temporary directory, say), and dropping it cleans up.
///
/// What the suite asks of the other methods follows from the backend's
/// [`Capabilities`](larder::Capabilities); what is claimed and cannot be tested is a failure, not a
/// silent pass:
///
/// | the backend claims | the harness provides |
/// |---|---|
/// | a [`durability`](larder::Capabilities::durability) above `Volatile` | [`reopen`](Harness::reopen) and [`tamper`](Harness::tamper) |
/// | a [`reach`](larder::Capabilities::reach) beyond `Process` | [`reopen`](Harness::reopen) |
///
/// ```
/// use std::future::Future;
/// use larder::Result;
/// use larder_conformance::Harness;
/// use larder_memory::Memory;
///
/// #[derive(Debug)]
/// struct InMemory;
///
/// impl Harness for InMemory {
///     type Backend = Memory;
///
///     fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
///         pollster::block_on(future)
///     }
///
///     async fn open(&self) -> Result<Memory> {
///         Ok(Memory::new())
///     }
/// }
///
/// mod conformance {
///     use super::InMemory;
///     larder_conformance::conformance_tests!(InMemory);
/// }
/// # fn main() {}
/// ```
///
/// A durable backend adds, in the same spirit:
///
/// ```text
/// struct InDirectory { dir: tempfile::TempDir }
///
/// impl Harness for InDirectory {
///     // ...
///     async fn reopen(&self) -> Option<Result<MyBackend>> {
///         Some(MyBackend::open(self.dir.path()).await)
///     }
///
///     fn tamper(&self) -> Option<Box<dyn Tamper + '_>> {
///         Some(Box::new(RawFiles(self.dir.path())))
///     }
/// }
/// ```
pub trait Harness: Sync {
    /// The backend under test.
    type Backend: Backend;

    /// Runs a future to its end: `pollster::block_on`, `smol::block_on`, a tokio runtime's. The
    /// suite calls it from several threads at once, and never from within itself.
    fn block_on<T>(&self, future: impl Future<Output = T>) -> T;

    /// Opens an empty store. Called once per harness.
    fn open(&self) -> impl Future<Output = Result<Self::Backend>>;

    /// Opens the storage of [`open`](Harness::open) once more. `None` if there is none that
    /// outlives the backend.
    ///
    /// For durable backends, after the one before was closed. For those whose reach goes beyond the
    /// process also while it is still open: the two must then either work together or the second
    /// be refused as [`Locked`](larder::ErrorKind::Locked).
    fn reopen(&self) -> impl Future<Output = Option<Result<Self::Backend>>> {
        async { None }
    }

    /// Access to the raw bytes at rest, behind the back of the store, which is open meanwhile.
    /// `None` if nothing is at rest anywhere.
    fn tamper(&self) -> Option<Box<dyn Tamper + '_>> {
        None
    }
}

/// Reads and damages the raw bytes of a stored record.
pub trait Tamper {
    /// The bytes that are stored for this key, all that matter for reading it back: head and data,
    /// and whatever frame the backend puts around them. The record was written and synced.
    fn bytes(&self, key: &Key) -> Vec<u8>;

    /// Puts these bytes in their place; the next read must see them. They may be fewer: `false` if
    /// the storage cannot express that, and nothing was changed.
    fn replace(&self, key: &Key, bytes: &[u8]) -> bool;
}
