//! Several writes as one script: all or nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use larder::{Batch, Data, ErrorKind, Expect, Head, Result, Write};
use redis::Value;

use crate::args::{Whole, condition};
use crate::failure;
use crate::nodes::To;
use crate::request::Effect;
use crate::scripts::{Load, Script};
use crate::shared::{SMALL, Shared};
use crate::stamp::{STAMP, Stamp};

/// The most data that one batch may carry: the server does nothing else while it performs it.
const MOST: usize = 64 * 1024 * 1024;

struct Item {
    name: Vec<u8>,
    aside: Vec<u8>,
    expect: Expect,
    record: Option<(Stamp, Head, Bytes)>,
}

/// Whether there are batches: of a store whose keys are all on one server.
pub(crate) fn possible(shared: &Shared) -> bool {
    !shared.nodes.is_cluster() || shared.names.tagged()
}

/// Performs all of these writes or none.
pub(crate) async fn write_batch(shared: Arc<Shared>, writes: Vec<Write>) -> Result<Batch> {
    if !possible(&shared) {
        return Err(failure::error(
            ErrorKind::Unsupported,
            "the keys of this store are in many slots of the cluster, which nothing writes in one step: open \
             it with a prefix that has a hash tag, as in prefix={shop}, and all of its keys are in one slot, on \
             one server",
        ));
    }
    let invalid = |what: &'static str| failure::error(ErrorKind::Invalid, what);
    let (mut items, mut keys, mut bytes) = (Vec::with_capacity(writes.len()), BTreeSet::new(), 0);
    for Write { key, record, expect } in writes {
        key.check()?;
        let name = shared.names.record(&key);
        let record = match record.map(larder::Record::into_parts) {
            None => None,
            Some((_, Data::Stream(_))) => {
                return Err(invalid("a batch takes no streams; write them one by one"));
            }
            Some((head, _)) if head.key_bytes() != key.as_cbor() => {
                return Err(invalid("the record is one of another key").at_key(&key));
            }
            Some((head, data)) => {
                let data = if let Data::Bytes(data) = data { data } else { Bytes::new() };
                let len = STAMP + head.as_bytes().len() + data.len();
                bytes += len;
                Some((shared.stamps.next(len > SMALL), head, data))
            }
        };
        if !keys.insert(key.clone()) {
            return Err(invalid("a key stands twice in the batch").at_key(&key));
        }
        items.push(Item { aside: shared.names.aside(&name), name, expect, record });
    }
    if bytes > MOST {
        let message = format!("the batch has {bytes} bytes, the limit is {MOST}");
        return Err(failure::error(ErrorKind::TooLarge, message));
    }
    let Some(first) = items.first() else { return Ok(Batch::Done(Vec::new())) };
    let marker = shared.names.own(&first.name, "done", &shared.stamps.next(false));
    let make = |load: Load| {
        let mut request = Script::Batch.call(load, items.len() + 1);
        request.word(&marker);
        items.iter().for_each(|item| _ = request.word(&item.name));
        request.word(shared.hold_ms()).word(shared.marker_ms());
        for Item { aside, expect, record, .. } in &items {
            let (mode, expected) = condition(expect);
            request.word(mode).word(expected);
            match record {
                Some((stamp, head, data)) => request.word(Whole(stamp, head, data)),
                None => request.word(""),
            };
            request.word(aside);
        }
        request
    };
    let to = if bytes > SMALL { To::bulk(&first.name) } else { To::main(&first.name) };
    match shared.ask(to, Effect::Write, make).await?.value {
        Value::Int(0) => Ok(Batch::Unmet),
        Value::BulkString(flags) if flags.len() == items.len() => {
            Ok(Batch::Done(flags.iter().map(|flag| *flag == b'1').collect()))
        }
        _ => Err(failure::nonsense("EVALSHA")),
    }
}
