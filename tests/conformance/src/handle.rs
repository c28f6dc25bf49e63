//! The handle over the backend under test, and what the properties say about its answers.

use std::fmt::Debug;
use std::sync::Arc;

use larder::{
    Backend, Batch, Capabilities, Document, Error, ErrorKind, Expect, Key, Keys, Larder, Part, Record,
    Removed, Reply, Stored, Write, Written,
};

use crate::Harness;
use crate::states::open;

/// A larder over an empty store, and the backend beneath it.
pub(crate) fn larder<H: Harness>(harness: &H) -> (Larder, Shared<H::Backend>) {
    let backend = Shared(open(harness));
    (Larder::new(backend.clone()), backend)
}

/// The document that a larder must answer for this value.
pub(crate) fn document<T: serde::Serialize + ?Sized>(value: &T) -> Document {
    Document::encode(value).expect("a value of the suite can be encoded")
}

/// The failure of an operation that must fail in this way.
#[track_caller]
pub(crate) fn fails<T: Debug, E: Debug + AsError>(answer: Result<T, E>, kind: ErrorKind) -> E {
    match answer {
        Ok(answer) => panic!("it answered {answer:?}, and must fail as {kind:?}"),
        Err(error) => {
            assert_eq!(error.as_error().kind(), kind, "{error:?}");
            assert!(!error.as_error().to_string().contains('\n'), "an error is one line: {error:?}");
            error
        }
    }
}

/// What [`fails`] takes.
pub(crate) trait AsError {
    fn as_error(&self) -> &Error;
}

impl AsError for Error {
    fn as_error(&self) -> &Error {
        self
    }
}

/// A backend that several larders share, each of which then takes the others for another process.
#[derive(Debug)]
pub(crate) struct Shared<B>(pub(crate) Arc<B>);

impl<B> Clone for Shared<B> {
    fn clone(&self) -> Shared<B> {
        Shared(Arc::clone(&self.0))
    }
}

#[deny(clippy::missing_trait_methods, reason = "a wrapper forwards every method")]
impl<B: Backend> Backend for Shared<B> {
    fn read(&self, key: &Key, part: Part) -> Reply<Option<Stored>> {
        self.0.read(key, part)
    }

    fn write(&self, key: &Key, record: Record, expect: Expect) -> Reply<Written> {
        self.0.write(key, record, expect)
    }

    fn remove(&self, key: &Key, expect: Expect) -> Reply<Removed> {
        self.0.remove(key, expect)
    }

    fn keys(&self, prefix: Option<&str>) -> Keys {
        self.0.keys(prefix)
    }

    fn write_batch(&self, writes: Vec<Write>) -> Reply<Batch> {
        self.0.write_batch(writes)
    }

    fn sync(&self) -> Reply<()> {
        self.0.sync()
    }

    fn close(&self) -> Reply<()> {
        self.0.close()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }
}

/// A backend that lets every operation wait once before it begins and once after it is done, so that
/// a future can be dropped there whatever the backend.
#[derive(Debug)]
pub(crate) struct Hesitant<B>(pub(crate) Shared<B>);

impl<B: Backend> Hesitant<B> {
    fn hesitate<T: Send + 'static>(
        &self,
        operate: impl FnOnce(&Shared<B>) -> Reply<T> + Send + 'static,
    ) -> Reply<T> {
        let backend = self.0.clone();
        Reply::future(async move {
            crate::race::yield_once().await;
            let answer = operate(&backend).await;
            crate::race::yield_once().await;
            answer
        })
    }
}

#[deny(clippy::missing_trait_methods, reason = "a wrapper forwards every method")]
impl<B: Backend> Backend for Hesitant<B> {
    fn read(&self, key: &Key, part: Part) -> Reply<Option<Stored>> {
        let key = key.clone();
        self.hesitate(move |backend| backend.read(&key, part))
    }

    fn write(&self, key: &Key, record: Record, expect: Expect) -> Reply<Written> {
        let key = key.clone();
        self.hesitate(move |backend| backend.write(&key, record, expect))
    }

    fn remove(&self, key: &Key, expect: Expect) -> Reply<Removed> {
        let key = key.clone();
        self.hesitate(move |backend| backend.remove(&key, expect))
    }

    fn keys(&self, prefix: Option<&str>) -> Keys {
        self.0.keys(prefix)
    }

    fn write_batch(&self, writes: Vec<Write>) -> Reply<Batch> {
        self.hesitate(move |backend| backend.write_batch(writes))
    }

    fn sync(&self) -> Reply<()> {
        self.hesitate(Backend::sync)
    }

    fn close(&self) -> Reply<()> {
        self.hesitate(Backend::close)
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }
}
