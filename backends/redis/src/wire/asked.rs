//! A question that was put, and its answer.

use futures::channel::oneshot;
use redis::{RedisError, RedisResult, Value};

use super::Wire;
use super::lone::Looking;

/// A question that was put. Whoever drops it gives up the answer.
pub(crate) struct Asked(State);

enum State {
    Waits {
        receiver: oneshot::Receiver<RedisResult<Value>>,
        /// If he is alone.
        looking: Option<Looking>,
    },
    Lost(RedisError),
}

impl Asked {
    pub(super) fn new(receiver: oneshot::Receiver<RedisResult<Value>>, alone: Option<Wire>) -> Asked {
        Asked(State::Waits { receiver, looking: alone.map(Looking::new) })
    }

    pub(super) fn lost(why: RedisError) -> Asked {
        Asked(State::Lost(why))
    }

    /// The answer, several by an array: `None` if there was none in time.
    pub(crate) async fn answer(self) -> Option<RedisResult<Value>> {
        let (mut receiver, looking) = match self.0 {
            State::Waits { receiver, looking } => (receiver, looking),
            State::Lost(why) => return Some(Err(why)),
        };
        if let Some(looking) = looking
            && let Some(answer) = looking.look(&mut receiver).await
        {
            return Some(answer);
        }
        receiver.await.ok()
    }
}
