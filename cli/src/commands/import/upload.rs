//! A binary on its way from the reader of the input, which gets its parts line by line, to the write
//! that streams it into the store. Unless its end was announced it is not stored.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_std::task;
use futures::SinkExt;
use futures::channel::mpsc;
use futures::stream::{self, StreamExt};
use larder::{Bytes, Error, ErrorKind, Source};

enum Part {
    Bytes(Bytes),
    End,
}

/// The end that the write holds.
pub(super) struct Upload {
    parts: mpsc::Receiver<Part>,
    fate: Fate,
}

/// Whether the input itself said that the binary is not whole.
#[derive(Clone)]
pub(super) struct Fate(Arc<AtomicBool>);

impl Fate {
    pub(super) fn was_abandoned(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The end that the reader holds. Dropping it breaks the upload off.
pub(super) struct Sender {
    parts: mpsc::Sender<Part>,
    fate: Fate,
}

pub(super) fn new() -> (Sender, Upload) {
    let (sender, parts) = mpsc::channel(1);
    let fate = Fate(Arc::default());
    (Sender { parts: sender, fate: fate.clone() }, Upload { parts, fate })
}

impl Sender {
    /// Hands over a part. Waits until the one before it was taken; if the write failed, it is dropped.
    pub(super) fn send(&mut self, bytes: Bytes) {
        _ = task::block_on(self.parts.send(Part::Bytes(bytes)));
    }

    /// Says that this was all.
    pub(super) fn end(mut self) {
        _ = task::block_on(self.parts.send(Part::End));
    }

    /// Says that the rest will never come, and that this is known.
    pub(super) fn abandon(self) {
        self.fate.0.store(true, Ordering::Release);
    }
}

impl Upload {
    pub(super) fn into_source(self) -> (Source, Fate) {
        let chunks = stream::unfold(Some(self.parts), |parts| async move {
            let mut parts = parts?;
            match parts.next().await {
                Some(Part::Bytes(bytes)) => Some((Ok(bytes), Some(parts))),
                Some(Part::End) => None,
                None => {
                    let error =
                        Error::new(ErrorKind::Invalid, "the rest of the binary is missing in the input");
                    Some((Err(error), None))
                }
            }
        });
        (Source::stream(chunks), self.fate)
    }
}
