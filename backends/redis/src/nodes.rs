//! The servers that hold the records, and which of them a request goes to.

use larder::Error;

use crate::failure::Trouble;
use crate::link::Link;
use crate::request::{Answer, Effect, Request};

/// Which of a server's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// For whatever is short.
    Main,
    /// For parts of large records, which would keep the others waiting.
    Bulk,
}

/// Where a request goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct To<'a> {
    lane: Lane,
    /// The Redis key whose server is meant; any server if there is none.
    #[expect(dead_code, reason = "there is one server so far")]
    key: Option<&'a [u8]>,
}

impl<'a> To<'a> {
    /// To the server of this Redis key, on the connection for whatever is short.
    pub(crate) fn main(key: &'a [u8]) -> To<'a> {
        To { lane: Lane::Main, key: Some(key) }
    }

    /// To the server of this Redis key, on the connection for parts of large records.
    pub(crate) fn bulk(key: &'a [u8]) -> To<'a> {
        To { lane: Lane::Bulk, key: Some(key) }
    }

    /// To whatever server there is.
    pub(crate) fn any(lane: Lane) -> To<'a> {
        To { lane, key: None }
    }
}

/// The servers.
#[derive(Debug)]
pub(crate) struct Nodes {
    main: Link,
    bulk: Link,
}

/// What has become of the tries of one question.
#[derive(Default)]
pub(crate) struct Sent {
    /// The answer to an earlier one was lost.
    before: bool,
    /// The last one was sent on this connection, and there is no answer yet.
    unanswered: Option<(Link, u64)>,
    /// Where the last one was to be sent.
    asked: Option<Link>,
}

impl Nodes {
    pub(crate) fn new(main: Link, bulk: Link) -> Nodes {
        Nodes { main, bulk }
    }

    fn link(&self, to: To<'_>) -> &Link {
        match to.lane {
            Lane::Main => &self.main,
            Lane::Bulk => &self.bulk,
        }
    }

    /// Sends it once.
    pub(crate) async fn send(
        &self,
        to: To<'_>,
        _effect: Effect,
        request: &Request,
        sent: &mut Sent,
    ) -> Result<Answer, Trouble> {
        let link = self.link(to);
        sent.asked = Some(link.clone());
        let (epoch, mut connection) = link.connection().await?;
        sent.unanswered = Some((link.clone(), epoch));
        let answered = connection.send(request).await;
        sent.unanswered = None;
        let trouble = match answered {
            Ok(value) => return Ok(Answer { value, repeated: sent.before, epoch }),
            Err(failure) => crate::failure::sorted(&failure),
        };
        if matches!(trouble, Trouble::Lost(_)) {
            sent.before = true;
        }
        if matches!(trouble, Trouble::Lost(_) | Trouble::Elsewhere(_)) {
            link.lost(epoch);
        }
        Err(trouble)
    }

    /// Lets go of all connections, for good.
    pub(crate) fn close(&self) {
        self.main.close();
        self.bulk.close();
    }
}

impl Sent {
    /// Whether any of them may have been carried out.
    pub(crate) fn may_have_happened(&self) -> bool {
        self.before || self.unanswered.is_some()
    }

    /// The time is over: why there was no connection, if that is what it was waited for.
    pub(crate) fn give_up(&self) -> Option<Error> {
        match &self.unanswered {
            // A network that swallows everything says nothing at all: connect anew next time.
            Some((link, epoch)) => {
                link.lost(*epoch);
                None
            }
            None => self.asked.as_ref().and_then(Link::failure),
        }
    }
}
