//! What is wrong with listing.

use std::sync::atomic::Ordering;

use futures::{StreamExt, TryStreamExt};
use larder::{Error, ErrorKind, Key, Keys};

use super::{Broken, locked};
use crate::breakage::Breakage as B;

impl Broken {
    pub(super) fn listing(&self, prefix: Option<&str>) -> Keys {
        let good = self.good().keys(prefix);
        match self.0.breakage {
            B::ListsTwice => good
                .enumerate()
                .flat_map(|(i, key)| futures::stream::iter(vec![key; if i == 7 { 2 } else { 1 }]))
                .boxed()
                .into(),
            B::ListsTooFew => good
                .enumerate()
                .filter_map(|(i, key)| std::future::ready((i != 7).then_some(key)))
                .boxed()
                .into(),
            B::ListsRemovedKeys => {
                let removed = locked(&self.0.removed).clone();
                good.chain(futures::stream::iter(removed.into_iter().map(Ok))).boxed().into()
            }
            B::ListingBlocksWriters => {
                let (begins, ends) = (self.clone(), self.clone());
                let begin = async move { _ = begins.0.listings.fetch_add(1, Ordering::SeqCst) };
                let end = async move { _ = ends.0.listings.fetch_sub(1, Ordering::SeqCst) };
                let (begin, end) = (futures::stream::once(begin), futures::stream::once(end));
                let none = |()| std::future::ready(None);
                begin.filter_map(none).chain(good).chain(end.filter_map(none)).boxed().into()
            }
            B::IgnoresPrefix => self.good().keys(None),
            B::ListsByOffset => {
                const PAGE: usize = 500;
                let (this, prefix) = (self.clone(), prefix.map(str::to_owned));
                futures::stream::try_unfold(0, move |offset| {
                    let listing = this.good().keys(prefix.as_deref());
                    async move {
                        let mut all: Vec<Key> = listing.try_collect().await?;
                        all.sort();
                        let page: Vec<_> = all.into_iter().skip(offset).take(PAGE).map(Ok).collect();
                        Ok((!page.is_empty()).then(|| (futures::stream::iter(page), offset + PAGE)))
                    }
                })
                .try_flatten()
                .boxed()
                .into()
            }
            B::ListingFailsUnderChange => {
                let (this, before) = (self.clone(), self.0.writes.load(Ordering::SeqCst));
                good.map(move |key| {
                    let changed = this.0.writes.load(Ordering::SeqCst) != before;
                    if changed { Err(Error::new(ErrorKind::Conflict, "the store has changed")) } else { key }
                })
                .boxed()
                .into()
            }
            B::ListsNothingAfterClose if self.0.closed.load(Ordering::SeqCst) => {
                futures::stream::empty().boxed().into()
            }
            _ => good,
        }
    }
}
