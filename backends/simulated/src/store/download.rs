//! Reading a stream: every chunk takes its time on the way, and is fetched only when it is asked for.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream;
use larder::{Backend, ByteStream, Data, Stored};

use super::error::Failure;
use super::timer::Timer;
use super::world::World;
use crate::latency::Class;

/// The same record, whose stream takes its time.
pub(super) fn paced<B: Backend>(world: &Arc<World<B>>, epoch: u64, stored: Stored) -> Stored {
    match stored.data {
        Data::Stream(chunks) => {
            let data = Data::Stream(chunks_of(world, epoch, chunks));
            Stored { data, ..stored }
        }
        _ => stored,
    }
}

/// The state of the stream that is read is kept by the backend, so all that can happen to it is that the
/// store crashes.
fn chunks_of<B: Backend>(world: &Arc<World<B>>, epoch: u64, chunks: ByteStream) -> ByteStream {
    stream::unfold((Some(chunks), Arc::clone(world)), move |(chunks, world)| async move {
        let mut chunks = chunks?;
        let chunk = chunks.next().await?;
        if world.server.epoch() != epoch {
            let error = Failure::Crashed.error(Class::Read);
            return Some((Err(error), (None, world)));
        }
        if let Ok(chunk) = &chunk {
            let now = world.timeline.nanos();
            Timer::at(&world.timeline, world.resource.transfer(now, Class::Read, chunk.len() as u64)).await;
        }
        Some((chunk, (Some(chunks), world)))
    })
    .boxed()
}
