//! Writing and removing records: one script each. Large records are built aside first (`upload`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::TryStreamExt;
use larder::{ByteStream, Data, DataSum, Error, ErrorKind, Expect, Head, Record, Removed, Result, Written};
use redis::Value;

use crate::args::{Whole, condition};
use crate::failure;
use crate::nodes::To;
use crate::request::{Answer, Effect, Request, Word};
use crate::scripts::{Load, Script};
use crate::shared::{SMALL, Shared};
use crate::stamp::{STAMP, is_small, version};
use crate::upload::{Upload, commit};

/// Stores a record under this name if the expectation holds.
pub(crate) fn write(
    shared: Arc<Shared>,
    name: Vec<u8>,
    record: Record,
    expect: Expect,
) -> impl Future<Output = Result<Written>> {
    let (head, data) = record.into_parts();
    async move {
        let bytes: &[u8] = match &data {
            Data::None => &[],
            Data::Bytes(bytes) if bytes.len() <= room(&head) => bytes,
            _ => return Box::pin(large(&shared, &name, head, data, &expect)).await,
        };
        small(&shared, &name, &head, bytes, &expect).await
    }
}

/// How many bytes of data are written at once, beside this head.
fn room(head: &Head) -> usize {
    SMALL.saturating_sub(STAMP + head.as_bytes().len())
}

/// Stores a record that may be large.
async fn large(
    shared: &Arc<Shared>,
    name: &[u8],
    head: Head,
    data: Data,
    expect: &Expect,
) -> Result<Written> {
    let room = room(&head);
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

fn small(
    shared: &Arc<Shared>,
    name: &[u8],
    head: &Head,
    data: &[u8],
    expect: &Expect,
) -> impl Future<Output = Result<Written>> {
    async move {
        let stamp = shared.stamps.next(false);
        // Nothing of ours can be there the first time.
        let first = AtomicBool::new(true);
        let make = |load: Load| {
            let whole = Whole(&stamp, head, data);
            match expect {
                Expect::Absent if first.swap(false, Ordering::Relaxed) => {
                    let mut request = Request::with_room(name.len() + whole.len());
                    request.then("SET").word(name).word(whole).word("NX");
                    request
                }
                // Of a slot that is being moved the server answers for one key at a time only.
                expect if whole.len() > ARGUMENT && !shared.nodes.is_cluster() => {
                    aside(shared, name, head, &whole, expect, load)
                }
                Expect::Version(version) if is_small(version.as_bytes()) => {
                    swap(shared, name, version.as_bytes(), whole, load)
                }
                expect => {
                    let (mode, expected) = condition(expect);
                    // Without a second key where none is needed, for the same reason.
                    let blind = *expect == Expect::Any;
                    let mut request = Request::with_room(5 * name.len() + whole.len());
                    Script::Write.call_in(&mut request, load, if blind { 2 } else { 1 });
                    request.word(name);
                    if blind {
                        request.word(&shared.names.own(name, "done", &stamp));
                    }
                    request.word(mode).word(expected).word(whole);
                    request.word(&shared.names.aside(name)).word(shared.hold_ms()).word(shared.marker_ms());
                    request
                }
            }
        };
        let Answer { value, repeated, .. } = shared.ask(To::main(name), Effect::Write, make).await?;
        match value {
            Value::Int(1) | Value::Okay => Ok(Written::Done(version(&stamp))),
            Value::BulkString(_) | Value::Nil | Value::Int(0) if repeated => Err(overtaken()),
            Value::BulkString(_) | Value::Nil | Value::Int(0) => Ok(Written::Unmet),
            Value::Int(-1) => Err(failure::error(
                ErrorKind::Full,
                "the server has evicted the record before it was in place: give it more memory",
            )),
            _ => Err(failure::nonsense("EVALSHA")),
        }
    }
}

/// A record longer than this is no argument of a script: the server's Lua takes 1.7 µs to hash a KiB of one.
const ARGUMENT: usize = 2 * 1024;

/// Stores a record in the place of the small one with this stamp, as one of several perhaps.
fn swap(shared: &Shared, name: &[u8], expected: &[u8], whole: Whole<'_>, load: Load) -> Request {
    let mut request = Request::with_room(name.len() + whole.len());
    // The keys of a cluster are on several servers.
    let joins = !shared.nodes.is_cluster();
    if joins && load == Load::Send {
        // A server that has forgotten one script has forgotten the other, too. To have it loaded so takes no other
        // permission than to call it.
        Script::Swaps.call_in(&mut request, load, 0);
    }
    Script::Swap.call_in(&mut request, load, 1);
    let key = request.size();
    let rest = request.word(name).size();
    request.word(expected).word(whole);
    match (joins, load) {
        (true, Load::Known) => request.joining(key, rest),
        (true, Load::Send) => request.preparing(),
        (false, _) => request,
    }
}

/// Sends a record aside by a plain command, and in the same breath has a script put it in place if the
/// expectation holds.
fn aside(
    shared: &Shared,
    name: &[u8],
    head: &Head,
    whole: &Whole<'_>,
    expect: &Expect,
    load: Load,
) -> Request {
    let Whole(stamp, ..) = *whole;
    let up = shared.names.own(name, "up", stamp);
    let mut request = Request::with_room(6 * name.len() + whole.len());
    request.then("SET").word(&up).word(*whole).word("PX").word(shared.hold_ms());
    match expect {
        Expect::Version(version) if is_small(version.as_bytes()) => {
            Script::Place.call_in(&mut request, load, 2);
            request.word(name).word(&up).word(version.as_bytes()).word(stamp);
        }
        expect => commit(shared, &mut request, load, [name, &up], stamp, head, expect),
    }
    request.preparing()
}

/// A write was sent, its answer lost, and now something else is there: it may have been written over since.
fn overtaken() -> Error {
    failure::error(ErrorKind::Unavailable, "the answer was lost, and somebody else has written since")
        .ambiguous()
}

/// Removes the record with this name if the expectation holds.
pub(crate) fn remove(
    shared: Arc<Shared>,
    name: Vec<u8>,
    expect: Expect,
) -> impl Future<Output = Result<Removed>> {
    async move {
        let stamp = shared.stamps.next(false);
        let (mode, expected) = condition(&expect);
        let aside = shared.names.aside(&name);
        let marker = shared.names.own(&name, "done", &stamp);
        let make = |load: Load| {
            let mut request = Script::Remove.call(load, 2);
            request.word(&name).word(&marker).word(mode).word(expected);
            request.word(&aside).word(shared.hold_ms()).word(shared.marker_ms());
            request
        };
        let Answer { value, .. } = shared.ask(To::main(&name), Effect::Write, make).await?;
        match value {
            Value::Int(1) => Ok(Removed::Done),
            Value::Int(0) => Ok(Removed::Absent),
            Value::Int(-1) => Ok(Removed::Unmet),
            _ => Err(failure::nonsense("EVALSHA")),
        }
    }
}
