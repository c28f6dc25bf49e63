//! Writing and removing records: one script each. Large records are built aside first (`upload`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::TryStreamExt;
use larder::{ByteStream, Data, DataSum, Error, ErrorKind, Expect, Head, Record, Removed, Result, Written};
use redis::{Cmd, Value};

use crate::args::{Whole, condition};
use crate::failure;
use crate::nodes::To;
use crate::request::{Answer, Effect, Request};
use crate::scripts::{Load, Script};
use crate::shared::{SMALL, Shared};
use crate::stamp::{STAMP, is_small, version};
use crate::upload::Upload;

/// Stores a record under this name if the expectation holds.
pub(crate) async fn write(
    shared: Arc<Shared>,
    name: Vec<u8>,
    record: Record,
    expect: Expect,
) -> Result<Written> {
    let (head, data) = record.into_parts();
    let room = SMALL.saturating_sub(STAMP + head.as_bytes().len());
    match data {
        Data::None => small(&shared, &name, &head, &[], &expect).await,
        Data::Bytes(bytes) if bytes.len() <= room => small(&shared, &name, &head, &bytes, &expect).await,
        data => Box::pin(large(&shared, &name, head, data, room, &expect)).await,
    }
}

/// Stores a record that may be large.
async fn large(
    shared: &Arc<Shared>,
    name: &[u8],
    head: Head,
    data: Data,
    room: usize,
    expect: &Expect,
) -> Result<Written> {
    let mut upload = Upload::new(shared, name, &head);
    let gathered = match data {
        Data::None => Ok((head, None)),
        Data::Bytes(bytes) => upload.add(bytes).await.map(|()| (head, None)),
        Data::Stream(stream) => gather(&mut upload, &head, stream, room).await,
    };
    let written = match gathered {
        Ok((head, None)) => upload.commit(&head, expect).await,
        Ok((head, Some(data))) => small(shared, name, &head, &data, expect).await,
        Err(error) => Err(error),
    };
    upload.leave().await;
    written
}

/// Takes in a stream: what is little comes back, the rest goes into the upload. The head comes back sealed.
async fn gather(
    upload: &mut Upload,
    head: &Head,
    mut stream: ByteStream,
    room: usize,
) -> Result<(Head, Option<Vec<u8>>)> {
    let (mut sum, mut first) = (DataSum::new(), Some(Vec::new()));
    while let Some(chunk) = upload.awaiting(stream.try_next()).await? {
        sum.update(&chunk);
        match &mut first {
            Some(little) if little.len() + chunk.len() <= room => little.extend_from_slice(&chunk),
            Some(_) => {
                upload.add(first.take().unwrap_or_default().into()).await?;
                upload.add(chunk).await?;
            }
            None => upload.add(chunk).await?,
        }
    }
    Ok((head.seal(&sum), first))
}

async fn small(
    shared: &Arc<Shared>,
    name: &[u8],
    head: &Head,
    data: &[u8],
    expect: &Expect,
) -> Result<Written> {
    let stamp = shared.stamps.next(false);
    let whole = Whole(&stamp, head, data);
    // Nothing of ours can be there the first time.
    let first = AtomicBool::new(true);
    let make = |load: Load| match expect {
        Expect::Absent if first.swap(false, Ordering::Relaxed) => {
            let mut cmd = Cmd::with_capacity(4, name.len() + whole.len() + 16);
            cmd.arg("SET").arg(name).arg(whole).arg("NX");
            Request::One(cmd)
        }
        Expect::Version(version) if is_small(version.as_bytes()) => {
            let mut cmd = Script::Swap.call(load, 1);
            cmd.arg(name).arg(version.as_bytes()).arg(whole);
            Request::One(cmd)
        }
        expect => {
            let (mode, expected) = condition(expect);
            // Without a second key where none is needed: a slot that is being moved answers for one key only.
            let blind = *expect == Expect::Any;
            let mut cmd = Script::Write.call(load, if blind { 2 } else { 1 });
            cmd.arg(name);
            if blind {
                cmd.arg(shared.names.own(name, "done", &stamp));
            }
            cmd.arg(mode).arg(expected).arg(whole);
            cmd.arg(shared.names.aside(name)).arg(shared.hold_ms()).arg(shared.marker_ms());
            Request::One(cmd)
        }
    };
    let Answer { value, repeated, .. } = shared.ask(To::main(name), Effect::Write, make).await?;
    match value {
        Value::Int(1) | Value::Okay => Ok(Written::Done(version(&stamp))),
        Value::BulkString(_) | Value::Nil if repeated => Err(overtaken()),
        Value::BulkString(_) | Value::Nil => Ok(Written::Unmet),
        _ => Err(failure::nonsense("EVALSHA")),
    }
}

/// A write was sent, its answer lost, and now something else is there: it may have been written over since.
fn overtaken() -> Error {
    failure::error(ErrorKind::Unavailable, "the answer was lost, and somebody else has written since")
        .ambiguous()
}

/// Removes the record with this name if the expectation holds.
pub(crate) async fn remove(shared: Arc<Shared>, name: Vec<u8>, expect: Expect) -> Result<Removed> {
    let stamp = shared.stamps.next(false);
    let (mode, expected) = condition(&expect);
    let aside = shared.names.aside(&name);
    let marker = shared.names.own(&name, "done", &stamp);
    let make = |load: Load| {
        let mut cmd = Script::Remove.call(load, 2);
        cmd.arg(&name).arg(&marker).arg(mode).arg(expected);
        cmd.arg(&aside).arg(shared.hold_ms()).arg(shared.marker_ms());
        Request::One(cmd)
    };
    let Answer { value, .. } = shared.ask(To::main(&name), Effect::Write, make).await?;
    match value {
        Value::Int(1) => Ok(Removed::Done),
        Value::Int(0) => Ok(Removed::Absent),
        Value::Int(-1) => Ok(Removed::Unmet),
        _ => Err(failure::nonsense("EVALSHA")),
    }
}
