//! Listing keys: pages of the index, each a job of an IO thread.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::stream::{self, StreamExt};
use larder::{Error, Key, Keys, Result};

use crate::failure;
use crate::index::Cursor;
use crate::shared::Shared;

/// So many keys are fetched at a time.
const PAGE: usize = 8192;

/// All keys, or the text keys that begin so.
pub(crate) fn keys(shared: &Arc<Shared>, prefix: Option<&str>) -> Keys {
    let listing = Listing { shared: Arc::clone(shared), cursor: Some(Cursor::new(prefix)) };
    stream::try_unfold(listing, Listing::next).map(flatten).flatten().boxed()
}

struct Listing {
    shared: Arc<Shared>,
    /// `None` after the end.
    cursor: Option<Cursor>,
}

/// What a page brought; a page that failed does not end the listing.
type Page = Result<Vec<Key>>;

impl Listing {
    async fn next(mut self) -> Result<Option<(Page, Listing)>> {
        let Some(mut cursor) = self.cursor.take() else { return Ok(None) };
        self.shared.check_open()?;
        let shared = Arc::clone(&self.shared);
        let turn = move || Ok((shared.index.page(&mut cursor, PAGE), cursor));
        let (page, cursor) = self.shared.readers.run(turn).await?;
        if page.as_ref().is_ok_and(Vec::is_empty) {
            return Ok(None);
        }
        self.cursor = Some(cursor);
        Ok(Some((page, self)))
    }
}

fn flatten(page: Result<Page>) -> impl futures::Stream<Item = Result<Key>> {
    let keys: VecDeque<Result<Key>> = match page {
        Ok(Ok(keys)) => keys.into_iter().map(Ok).collect(),
        Ok(Err(error)) | Err(error) => VecDeque::from([Err(ours(error))]),
    };
    stream::iter(keys)
}

fn ours(error: Error) -> Error {
    error.in_backend(failure::NAME)
}
