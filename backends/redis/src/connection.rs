//! A connection that many tasks share: commands that are sent while others are under way follow them
//! without waiting.
//!
//! The `redis` crate logs in, and talks TLS. What is not encrypted is driven here, in less time.

use std::sync::Arc;
use std::time::Duration;

use larder::Clock;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Pipeline, RedisResult, Value};

use crate::request::Request;
use crate::socket::{Greeting, Socket};
use crate::wire::Wire;

/// How many requests may wait to be sent before their senders wait.
const QUEUE: usize = 1024;

/// A connection. Clones are the same one.
#[derive(Clone)]
pub(crate) enum Connection {
    Wire(Wire),
    Crate(MultiplexedConnection),
}

impl Connection {
    /// Connects, which may take as long as `patience`.
    pub(crate) async fn open(
        client: &Client,
        patience: Duration,
        clock: &Arc<dyn Clock>,
    ) -> RedisResult<Connection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(patience))
            // Every question has a deadline of its own.
            .set_response_timeout(None)
            .set_pipeline_buffer_size(QUEUE);
        let info = client.get_connection_info();
        let Some(socket) = Socket::connect(info).await?.map(Arc::new) else {
            let connection = client.get_multiplexed_async_connection_with_config(&config).await?;
            return Ok(Connection::Crate(connection));
        };
        let greeting = Greeting(Arc::clone(&socket));
        let greeted = MultiplexedConnection::new_with_config(info.redis_settings(), greeting, config).await?;
        // It has told the server who we are, and read all answers to that; now it lets go of the stream.
        drop(greeted);
        Ok(Connection::Wire(Wire::over(socket, Arc::clone(clock))))
    }

    /// Sends a request. What several commands are answered is one [answer](Request::answer).
    pub(crate) fn send(&mut self, request: &Request) -> impl Future<Output = RedisResult<Value>> {
        async move {
            let answer = self.ask(request).await?;
            request.answered(answer)
        }
    }

    /// Sends a request to a server that is still receiving the slot: it answers only whoever says so before
    /// each command.
    pub(crate) async fn send_asking(&mut self, request: &Request) -> RedisResult<Value> {
        let answers = self.send_all(&request.each_after("ASKING")?).await?;
        let answers: Vec<Value> = answers.into_iter().skip(1).step_by(2).collect();
        match <[Value; 1]>::try_from(answers) {
            Ok([answer]) => answer.extract_error(),
            Err(answers) => request.answer(answers.into_iter().map(Value::extract_error)),
        }
    }

    /// Sends a request of which each command is answered or refused by itself.
    pub(crate) async fn send_all(&mut self, request: &Request) -> RedisResult<Vec<Value>> {
        match (request.len(), self.ask(request).await?) {
            (1, answer) => Ok(vec![answer]),
            (_, Value::Array(answers)) => Ok(answers),
            (_, answer) => Ok(vec![answer]),
        }
    }

    /// The answer as it comes; those to several commands as an array.
    fn ask(&mut self, request: &Request) -> impl Future<Output = RedisResult<Value>> {
        async move {
            match self {
                Connection::Wire(wire) => wire.send(request).await,
                // In a box, so that those who need none of it have smaller futures.
                Connection::Crate(connection) => Box::pin(ask(connection, request)).await,
            }
        }
    }
}

async fn ask(connection: &mut MultiplexedConnection, request: &Request) -> RedisResult<Value> {
    let mut commands = request.commands()?;
    if let [cmd] = &commands[..] {
        return connection.send_packed_command(cmd).await;
    }
    let mut pipeline = Pipeline::with_capacity(commands.len());
    commands.drain(..).for_each(|cmd| _ = pipeline.add_command(cmd));
    let answers = connection.send_packed_commands(&pipeline, 0, pipeline.len()).await;
    answers.map(Value::Array)
}
