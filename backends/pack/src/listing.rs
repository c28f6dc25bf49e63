//! Listing keys: pages of the index. What the page cache has is taken on the caller's thread; a page for which
//! the medium would have to be waited for is a job of an IO thread, one ahead of the reader.

use std::sync::Arc;

use larder::{Keys, Reply};

use crate::failure;
use crate::index::Cursor;
use crate::shared::Shared;

/// So many keys are taken at a time on the caller's thread: little enough that they are still in the
/// processor's cache when they are looked at.
const AT_ONCE: usize = 512;

/// So many keys are fetched first: whoever wants a few need not wait for many.
const FIRST: usize = 1024;

/// So many are fetched at a time later on; each page has twice as many as the one before it until then.
const MOST: usize = 8192;

/// All keys, or the text keys that begin so.
pub(crate) fn keys(shared: &Arc<Shared>, prefix: Option<&str>) -> Keys {
    let shared = Arc::clone(shared);
    let mut most = FIRST;
    Keys::fetched(Cursor::new(prefix), move |mut cursor| {
        if let Err(closed) = shared.check_open() {
            return Reply::ready(Err(closed));
        }
        let next = |cursor: Cursor| (!cursor.is_done()).then_some(cursor);
        match shared.index.page_cached(&mut cursor, AT_ONCE) {
            Ok(Some(page)) => return Reply::ready(Ok((Ok(page), next(cursor)))),
            Err(error) => return Reply::ready(Ok((Err(error.in_backend(failure::NAME)), next(cursor)))),
            Ok(None) => {}
        }
        let size = most;
        most = (most * 2).min(MOST);
        let here = Arc::clone(&shared);
        shared.readers.run(move || {
            let page = here.index.page(&mut cursor, size).map_err(|error| error.in_backend(failure::NAME));
            Ok((page, next(cursor)))
        })
    })
}
