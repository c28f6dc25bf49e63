//! Reading records: one ranged read for all but the large ones, and those part after part, each of which
//! proves that it is of the same state.

use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use larder::{ByteRange, ByteStream, Data, ErrorKind, Head, Origin, Part, Result, Stored, limits};
use redis::Value;

use crate::failure;
use crate::nodes::To;
use crate::request::{Effect, Request};
use crate::scripts::{Load, Script};
use crate::shared::{SMALL, Shared};
use crate::stamp::{STAMP, Stamp, version};

/// What is read where only the head is wanted; heads with an unusually large meta need a second trip.
const TOP: usize = 1024;

/// How much of a large record comes at a time.
const CHUNK: u64 = limits::CHUNK_BYTES as u64;

/// How often a record that is being replaced all the time is looked at anew.
const ATTEMPTS: usize = 64;

/// Reads a part of the record with this name.
pub(crate) fn read(
    shared: Arc<Shared>,
    name: Vec<u8>,
    part: Part,
) -> impl Future<Output = Result<Option<Stored>>> {
    async move {
        let mut want = if part == Part::All { SMALL } else { TOP };
        for _ in 0..ATTEMPTS {
            let Some(top) = beginning(&shared, &name, want).await? else { return Ok(None) };
            let Some(length) = head_length(&top)? else {
                return Err(failure::foreign("the value is cut off within its head, or is none of larder's"));
            };
            if top.len() < STAMP + length {
                if top.len() < want {
                    return Err(failure::foreign("the value is cut off within its head"));
                }
                want = STAMP + length;
                continue;
            }
            let head = Head::parse(top.slice(STAMP..STAMP + length), Origin::Larder)
                .map_err(|why| failure::error(why.kind(), "the record cannot be read").with_source(why))?;
            let state =
                State { shared: &shared, name: &name, top: &top, head: &head, whole: top.len() < want };
            let data = match state.here(part) {
                Some(data) => Some(data),
                None => Box::pin(state.data(part)).await?,
            };
            if let Some(data) = data {
                let version = version(&top[..STAMP]);
                return Ok(Some(Stored { head, data, version, verified: false }));
            }
        }
        Err(failure::error(ErrorKind::Conflict, "the record was replaced again and again while it was read"))
    }
}

/// The length of the head, from the beginning of the value: `None` if that is too short to tell.
fn head_length(top: &[u8]) -> Result<Option<usize>> {
    let Some(record) = top.get(STAMP..) else { return Ok(None) };
    Head::length(record)
        .map_err(|why| failure::error(why.kind(), "the value is none of larder's").with_source(why))
}

/// The first bytes of the value, at the most so many; `None` if there is none.
///
/// A range of what is absent is as empty as one of an empty string, so the same trip asks which it is, unless reads
/// have found something for long. The two commands are not one step: what they disagree on, or what was not asked, is
/// asked as one.
fn beginning(shared: &Arc<Shared>, name: &[u8], most: usize) -> impl Future<Output = Result<Option<Bytes>>> {
    async move {
        let both = shared.misses.are_likely();
        let make = |_| {
            let mut request = Request::new("GETRANGE");
            request.word(name).word(0usize).word(most - 1);
            if both {
                request.then("EXISTS").word(name);
            }
            request
        };
        let answer = shared.ask(To::main(name), Effect::Read, make).await?.value;
        let (bytes, exists) = match answer {
            Value::BulkString(bytes) if !both => (bytes, true),
            Value::Array(answers) => match <[Value; 2]>::try_from(answers) {
                Ok([Value::BulkString(bytes), Value::Int(exists)]) => (bytes, exists != 0),
                _ => return Err(failure::nonsense("GETRANGE")),
            },
            _ => return Err(failure::nonsense("GETRANGE")),
        };
        shared.misses.judge(!bytes.is_empty());
        match (bytes.is_empty(), exists) {
            (false, _) => Ok(Some(bytes.into())),
            (true, false) => Ok(None),
            (true, true) => {
                let look = |load| {
                    let mut request = Script::Look.call(load, 1);
                    request.word(name).word(most - 1);
                    request
                };
                match Box::pin(shared.ask(To::main(name), Effect::Read, look)).await?.value {
                    Value::Nil => Ok(None),
                    Value::BulkString(bytes) => Ok(Some(bytes.into())),
                    _ => Err(failure::nonsense("EVALSHA")),
                }
            }
        }
    }
}

/// The beginning of a record, verified.
struct State<'a> {
    shared: &'a Arc<Shared>,
    name: &'a [u8],
    top: &'a Bytes,
    head: &'a Head,
    /// Whether there is no more of it.
    whole: bool,
}

impl State<'_> {
    fn start(&self) -> usize {
        STAMP + self.head.as_bytes().len()
    }

    /// The data that is asked for, if it came along as a whole.
    fn here(&self, part: Part) -> Option<Data> {
        match part {
            Part::Head => Some(Data::None),
            // The checksum tells whether it is all.
            Part::All if self.whole => Some(Data::Bytes(self.top.slice(self.start()..))),
            _ => None,
        }
    }

    /// The data that is asked for: `None` if another state is there by now.
    async fn data(&self, part: Part) -> Result<Option<Data>> {
        let start = self.start();
        let size = self.head.size().unwrap_or_default();
        let range = match part {
            Part::Range(range) => range,
            _ => ByteRange::ALL,
        };
        let (from, to) = range.within(size);
        let (from, to) = (start as u64 + from, start as u64 + to);
        let here = self.top.len() as u64;
        if to <= here {
            return Ok(Some(Data::Bytes(self.top.slice(from as usize..to as usize))));
        }
        if self.whole {
            return Err(cut_off());
        }
        let mut stamp = Stamp::default();
        stamp.copy_from_slice(&self.top[..STAMP]);
        // What is here already need not come again.
        let first = if from < here { self.top.slice(from as usize..) } else { Bytes::new() };
        let mut rest = Rest::new(self.shared, self.name, stamp, from.max(here), to);
        if first.is_empty() && to - from <= SMALL as u64 {
            rest.step = SMALL as u64;
        }
        // The first part makes the lease that keeps the others.
        let Some(second) = rest.next().await? else { return Ok(None) };
        if rest.at == rest.end && first.is_empty() {
            return Ok(Some(Data::Bytes(second)));
        }
        Ok(Some(Data::Stream(chained(first, second, rest))))
    }
}

/// What is still to be read of one state of a large record.
struct Rest {
    shared: Arc<Shared>,
    record: Vec<u8>,
    held: Vec<u8>,
    lease: Vec<u8>,
    stamp: Stamp,
    at: u64,
    end: u64,
    step: u64,
}

impl Rest {
    fn new(shared: &Arc<Shared>, record: &[u8], stamp: Stamp, at: u64, end: u64) -> Rest {
        Rest {
            held: shared.names.own(record, "held", &stamp),
            lease: shared.names.own(record, "read", &stamp),
            record: record.to_vec(),
            shared: Arc::clone(shared),
            stamp,
            at,
            end,
            step: CHUNK,
        }
    }

    /// The next part: `None` if this state is gone.
    async fn next(&mut self) -> Result<Option<Bytes>> {
        let until = self.end.min(self.at + self.step);
        let hold = if until < self.end { self.shared.hold_ms().to_string() } else { String::new() };
        let make = |load: Load| {
            let mut request = Script::Chunk.call(load, 3);
            request.word(&self.record).word(&self.held).word(&self.lease);
            request.word(&self.stamp[..]).word(self.at).word(until - 1).word(&hold[..]);
            request
        };
        match self.shared.ask(To::bulk(&self.record), Effect::Read, make).await?.value {
            Value::Nil => Ok(None),
            Value::BulkString(bytes) if bytes.len() as u64 == until - self.at => {
                self.at = until;
                Ok(Some(bytes.into()))
            }
            Value::BulkString(_) => Err(cut_off()),
            _ => Err(failure::nonsense("EVALSHA")),
        }
    }
}

fn cut_off() -> larder::Error {
    failure::foreign("the value is shorter than its head says")
}

fn chained(first: Bytes, second: Bytes, rest: Rest) -> ByteStream {
    let here = [first, second].into_iter().filter(|bytes| !bytes.is_empty()).map(Ok);
    let rest = stream::unfold(Some(rest), |rest| async move {
        let mut rest = rest.filter(|rest| rest.at < rest.end)?;
        let part = match rest.next().await {
            Ok(Some(part)) => return Some((Ok(part), Some(rest))),
            Ok(None) => Err(failure::error(
                ErrorKind::Unavailable,
                format!(
                    "the record was replaced, and its reader paused for longer than {} s; read it again",
                    rest.shared.hold.as_secs()
                ),
            )),
            Err(error) => Err(error),
        };
        Some((part, None))
    });
    stream::iter(here).chain(rest).boxed()
}
