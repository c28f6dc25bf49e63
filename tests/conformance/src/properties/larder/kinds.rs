//! Kinds: a document, a binary and a log are told apart, and any may be replaced by another.

use larder::{Error, ErrorKind, Kind, path};

use crate::Harness;
use crate::handle::{fails, larder};

#[track_caller]
fn names_the_call(error: &Error, call: &str) {
    assert!(error.to_string().contains(call), "the error names the right call, {call}: {error}");
    assert_eq!(error.key(), Some("\"it\""), "the error names the key: {error}");
    assert!(error.backend().is_some() && error.operation().is_some(), "where and what: {error}");
}

/// What reads or changes documents refuses a binary as `WrongKind`, names `bget`, and writes nothing.
pub fn a_binary_is_no_document<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    harness.block_on(async {
        // Bytes that happen to be a document, too.
        larder.bassoc("it", &b"\x83\x01\x02\x03"[..]).await.unwrap();
        let before = larder.get_meta("it").await.unwrap();
        assert_eq!(before.as_ref().map(larder::Meta::kind), Some(Kind::Binary));
        names_the_call(&fails(larder.get_document("it").await, ErrorKind::WrongKind), "bget");
        names_the_call(&fails(larder.get_in::<u64>(path!["it", 0]).await, ErrorKind::WrongKind), "bget");
        let update = larder.update_in("it", |n: Option<u64>| n.unwrap_or(0)).await;
        names_the_call(&fails(update, ErrorKind::WrongKind), "bget");
        names_the_call(&fails(larder.assoc_in(path!["it", 0], &1).await, ErrorKind::WrongKind), "bget");
        names_the_call(&fails(larder.dissoc_in(path!["it", 0]).await, ErrorKind::WrongKind), "bget");
        fails(larder.append("it", &1).await, ErrorKind::WrongKind);
        fails(larder.log::<u64>("it").await, ErrorKind::WrongKind);
        assert_eq!(larder.get_meta("it").await.unwrap(), before, "nothing was written");
        let bytes = larder.bget("it").await.unwrap().unwrap().bytes().await.unwrap();
        assert_eq!(bytes, &b"\x83\x01\x02\x03"[..]);
    });
}

/// What reads binaries refuses a document as `WrongKind`, and names `get`.
pub fn a_document_is_no_binary<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    harness.block_on(async {
        larder.assoc("it", &[1, 2, 3]).await.unwrap();
        let before = larder.get_meta("it").await.unwrap();
        names_the_call(&fails(larder.bget("it").await, ErrorKind::WrongKind), "get");
        names_the_call(&fails(larder.bget_range("it", 0..2).await, ErrorKind::WrongKind), "get");
        fails(larder.append("it", &1).await, ErrorKind::WrongKind);
        fails(larder.log::<u64>("it").await, ErrorKind::WrongKind);
        assert_eq!(larder.get_meta("it").await.unwrap(), before, "nothing was written");
    });
}

/// A log is neither.
pub fn a_log_is_neither_document_nor_binary<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    harness.block_on(async {
        larder.append("it", &1).await.unwrap();
        names_the_call(&fails(larder.get_document("it").await, ErrorKind::WrongKind), "log");
        names_the_call(&fails(larder.bget("it").await, ErrorKind::WrongKind), "log");
        let update = larder.update_in("it", |n: Option<u64>| n.unwrap_or(0)).await;
        names_the_call(&fails(update, ErrorKind::WrongKind), "log");
        fails(larder.assoc_in(path!["it", "x"], &1).await, ErrorKind::WrongKind);
        assert_eq!(larder.log::<u64>("it").await.unwrap(), Some(vec![1]));
        assert_eq!(larder.get_meta("it").await.unwrap().unwrap().kind(), Kind::AppendLog);
    });
}

/// `assoc` and `bassoc` replace an entry of any kind, and `dissoc` removes it; the kind is that of the
/// last write.
pub fn any_kind_is_replaced_by_any_other<H: Harness>(harness: &H) {
    let (larder, backend) = larder(harness);
    harness.block_on(async {
        let kind = async || larder.get_meta("it").await.unwrap().map(|meta| meta.kind());
        for _ in 0..2 {
            larder.assoc("it", "a document").await.unwrap();
            assert_eq!(kind().await, Some(Kind::Document));
            larder.bassoc("it", "a binary").await.unwrap();
            assert_eq!(kind().await, Some(Kind::Binary));
            assert_eq!(larder.bget("it").await.unwrap().unwrap().bytes().await.unwrap(), "a binary");
            larder.assoc("it", "a document").await.unwrap();
            assert_eq!(larder.get::<String>("it").await.unwrap().as_deref(), Some("a document"));
            assert!(larder.dissoc("it").await.unwrap());
            for element in 0..3 {
                larder.append("it", &element).await.unwrap();
            }
            assert_eq!(kind().await, Some(Kind::AppendLog));
            larder.assoc("it", "a document").await.unwrap();
            assert_eq!(kind().await, Some(Kind::Document));
            assert!(larder.dissoc("it").await.unwrap());
            larder.append("it", &7).await.unwrap();
            assert_eq!(larder.log::<u64>("it").await.unwrap(), Some(vec![7]), "no element of an earlier log");
            larder.bassoc("it", "a binary").await.unwrap();
            assert!(larder.dissoc("it").await.unwrap());
            assert_eq!(kind().await, None);
        }
        assert_eq!(crate::states::listed(&backend, None).await, [], "replaced logs leave nothing behind");
    });
}
