//! Listing keys: pages of the index, each a job of an IO thread, one ahead of the reader.

use std::sync::Arc;

use larder::{Keys, Reply};

use crate::failure;
use crate::index::Cursor;
use crate::shared::Shared;

/// So many keys are fetched first: whoever wants a few need not wait for many.
const FIRST: usize = 1024;

/// So many are fetched at a time later on; each page has twice as many as the one before it until then.
const MOST: usize = 8192;

/// All keys, or the text keys that begin so.
pub(crate) fn keys(shared: &Arc<Shared>, prefix: Option<&str>) -> Keys {
    let shared = Arc::clone(shared);
    let mut most = FIRST;
    Keys::fetched(Cursor::new(prefix), move |mut cursor| {
        let size = most;
        most = (most * 2).min(MOST);
        if let Err(closed) = shared.check_open() {
            return Reply::ready(Err(closed));
        }
        let here = Arc::clone(&shared);
        shared.readers.run(move || {
            let page = here.index.page(&mut cursor, size).map_err(|error| error.in_backend(failure::NAME));
            Ok((page, (!cursor.is_done()).then_some(cursor)))
        })
    })
}
