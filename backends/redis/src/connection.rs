//! A connection that many tasks share: commands that are sent while others are under way follow them
//! without waiting.

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisResult, Value};

use std::time::Duration;

use crate::request::Request;

/// How many requests may wait to be sent before their senders wait.
const QUEUE: usize = 1024;

/// A connection. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Connection(MultiplexedConnection);

impl Connection {
    /// Connects, which may take as long as `patience`.
    pub(crate) async fn open(client: &Client, patience: Duration) -> RedisResult<Connection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(patience))
            // Every question has a deadline of its own.
            .set_response_timeout(None)
            .set_pipeline_buffer_size(QUEUE);
        Ok(Connection(client.get_multiplexed_async_connection_with_config(&config).await?))
    }

    /// Sends a request. Several commands are answered by an array; the first that failed is the failure of
    /// all.
    pub(crate) async fn send(&mut self, request: &Request) -> RedisResult<Value> {
        match request {
            Request::One(cmd) => self.0.send_packed_command(cmd).await.and_then(Value::extract_error),
            Request::Many(pipeline) => {
                let answers = self.0.send_packed_commands(pipeline, 0, pipeline.len()).await?;
                let answers: RedisResult<_> = answers.into_iter().map(Value::extract_error).collect();
                answers.map(Value::Array)
            }
        }
    }
}
