//! Asking the sentinels which server is the primary: for every connection anew, through the `redis` crate's
//! client, which also asks that server whether it is.

use redis::sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType};
use redis::{Client, ConnectionInfo, RedisConnectionInfo, RedisResult};

/// A client for what the sentinels say is the primary of this name now.
pub(crate) async fn primary(
    sentinels: Vec<ConnectionInfo>,
    name: String,
    settings: RedisConnectionInfo,
) -> RedisResult<Client> {
    let server = SentinelNodeConnectionInfo::default().set_redis_connection_info(settings);
    let kind = SentinelServerType::Master;
    SentinelClient::build(sentinels, name, Some(server), kind)?.async_get_client().await
}
