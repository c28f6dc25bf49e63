//! Large records are built under a name of the store's own, part after part, and renamed into place by the
//! script that compares. An upload that nobody goes on with expires.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::{Either, select};
use larder::{ErrorKind, Expect, Head, Result, Written, limits};
use redis::Value;

use crate::args::{Whole, condition};
use crate::failure;
use crate::nodes::To;
use crate::request::{Effect, Request};
use crate::scripts::{Load, Script};
use crate::shared::Shared;
use crate::stamp::{STAMP, Stamp, version};

/// How much is sent at a time.
const PART: usize = limits::CHUNK_BYTES;

/// Adds the call that puts in the place of `record` what stands aside under `name`, if the expectation holds.
pub(crate) fn commit(
    shared: &Shared,
    request: &mut Request,
    load: Load,
    [record, name]: [&[u8]; 2],
    stamp: &Stamp,
    head: &Head,
    expect: &Expect,
) {
    let (mode, expected) = condition(expect);
    let marker = shared.names.own(record, "done", stamp);
    Script::Commit.call_in(request, load, 3);
    request.word(record).word(&marker).word(name);
    request.word(mode).word(expected).word(Whole(stamp, head, &[]));
    request.word(&shared.names.aside(record)).word(shared.hold_ms()).word(shared.marker_ms());
}

/// A record on its way.
pub(crate) struct Upload {
    shared: Arc<Shared>,
    record: Vec<u8>,
    name: Vec<u8>,
    stamp: Stamp,
    /// Where the next part goes. The stamp and the head come last.
    at: usize,
    /// What is too little to be sent.
    gathered: Vec<u8>,
    begun: bool,
}

impl Upload {
    pub(crate) fn new(shared: &Arc<Shared>, record: &[u8], head: &Head) -> Upload {
        let stamp = shared.stamps.next(true);
        Upload {
            name: shared.names.own(record, "up", &stamp),
            record: record.to_vec(),
            shared: Arc::clone(shared),
            stamp,
            at: STAMP + head.as_bytes().len(),
            gathered: Vec::new(),
            begun: false,
        }
    }

    /// Takes more data.
    pub(crate) async fn add(&mut self, mut data: Bytes) -> Result<()> {
        while !data.is_empty() {
            if self.gathered.is_empty() && data.len() >= PART {
                let part = data.split_to(PART);
                self.send(&part).await?;
                continue;
            }
            let more = data.split_to(data.len().min(PART - self.gathered.len()));
            self.gathered.extend_from_slice(&more);
            if self.gathered.len() == PART {
                self.send_gathered().await?;
            }
        }
        Ok(())
    }

    async fn send_gathered(&mut self) -> Result<()> {
        let gathered = std::mem::take(&mut self.gathered);
        if gathered.is_empty() { Ok(()) } else { self.send(&gathered).await }
    }

    async fn send(&mut self, part: &[u8]) -> Result<()> {
        let first = if self.begun { "" } else { "first" };
        // Also if the answer is lost: what is there then must be removed.
        self.begun = true;
        let make = |load: Load| {
            let mut request = Script::Part.call(load, 1);
            request.word(&self.name).word(self.at).word(part).word(self.shared.hold_ms()).word(first);
            request
        };
        // Nobody sees it: whether it was written before does not matter.
        match self.shared.ask(To::bulk(&self.record), Effect::Read, make).await?.value {
            Value::Int(1) => self.at += part.len(),
            Value::Int(0) => return Err(self.expired()),
            _ => return Err(failure::nonsense("EVALSHA")),
        }
        Ok(())
    }

    fn expired(&self) -> larder::Error {
        let seconds = self.shared.hold.as_secs();
        let message =
            format!("the upload paused for longer than {seconds} s and has expired; write it again");
        failure::error(ErrorKind::Unavailable, message)
    }

    /// Renames it into place if the expectation holds.
    pub(crate) async fn commit(&mut self, head: &Head, expect: &Expect) -> Result<Written> {
        self.send_gathered().await?;
        let (shared, stamp) = (Arc::clone(&self.shared), self.stamp);
        let make = |load: Load| {
            let mut request = Request::default();
            commit(&shared, &mut request, load, [&self.record, &self.name], &stamp, head, expect);
            request
        };
        let answer = shared.ask(To::bulk(&self.record), Effect::Write, make).await?.value;
        match answer {
            Value::Int(1) => {
                self.begun = false;
                Ok(Written::Done(version(&stamp)))
            }
            Value::Int(0) => {
                self.begun = false;
                Ok(Written::Unmet)
            }
            Value::Int(-1) => Err(self.expired()),
            _ => Err(failure::nonsense("EVALSHA")),
        }
    }

    /// Waits for this future, and meanwhile sees to it that the upload does not expire.
    pub(crate) async fn awaiting<T>(&mut self, future: impl Future<Output = Result<T>>) -> Result<T> {
        let mut future = pin!(future);
        loop {
            let pause = self.shared.clock.sleep(self.shared.hold / 3);
            match select(future.as_mut(), pause).await {
                Either::Left((output, _)) => return output,
                Either::Right(_) if self.begun => self.send(&[]).await?,
                Either::Right(_) => {}
            }
        }
    }

    /// Removes what was not renamed into place. If that fails, it expires.
    pub(crate) async fn leave(&mut self) {
        if std::mem::take(&mut self.begun) {
            let make = |_| {
                let mut request = Request::new("UNLINK");
                request.word(&self.name);
                request
            };
            _ = self.shared.ask(To::bulk(&self.record), Effect::Read, make).await;
        }
    }
}
