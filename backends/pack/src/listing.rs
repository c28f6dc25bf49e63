//! Listing keys: pages of the index, each a job of an IO thread, one ahead of the reader.

use std::sync::Arc;

use larder::{Keys, Reply};

use crate::failure;
use crate::index::Cursor;
use crate::shared::Shared;

/// So many keys are fetched at a time.
const PAGE: usize = 8192;

/// All keys, or the text keys that begin so.
pub(crate) fn keys(shared: &Arc<Shared>, prefix: Option<&str>) -> Keys {
    let shared = Arc::clone(shared);
    Keys::fetched(Cursor::new(prefix), move |mut cursor| {
        if let Err(closed) = shared.check_open() {
            return Reply::ready(Err(closed));
        }
        let here = Arc::clone(&shared);
        shared.readers.run(move || {
            let page = here.index.page(&mut cursor, PAGE).map_err(|error| error.in_backend(failure::NAME));
            Ok((page, (!cursor.is_done()).then_some(cursor)))
        })
    })
}
