//! Asking the sentinels which server is the primary: for every connection anew, through the `redis` crate's
//! client, which also asks that server whether it is.

use redis::sentinel::{SentinelClientBuilder, SentinelServerType};
use redis::{Client, ConnectionAddr, RedisConnectionInfo, RedisResult};

use crate::tls::Tls;

/// Who is asked, and for whom.
pub(crate) struct Watched<'a> {
    pub(crate) sentinels: &'a [ConnectionAddr],
    /// The name by which they know the primary.
    pub(crate) name: &'a str,
    /// Who we are to the sentinels, and to the server.
    pub(crate) to_sentinels: &'a RedisConnectionInfo,
    pub(crate) to_server: &'a RedisConnectionInfo,
    /// Whom to trust among both, if they talk TLS.
    pub(crate) tls: Option<&'a Tls>,
}

/// A client for what the sentinels say is the primary of this name now.
pub(crate) async fn primary(watched: Watched<'_>) -> RedisResult<Client> {
    let Watched { sentinels, name, to_sentinels, to_server, tls } = watched;
    let kind = SentinelServerType::Master;
    let mut builder = SentinelClientBuilder::new(sentinels.iter().cloned(), name, kind)?
        .set_client_to_redis_db(to_server.db())
        .set_client_to_redis_protocol(to_server.protocol());
    if let Some(user) = to_server.username() {
        builder = builder.set_client_to_redis_username(user);
    }
    if let Some(password) = to_server.password() {
        builder = builder.set_client_to_redis_password(password);
    }
    if let Some(user) = to_sentinels.username() {
        builder = builder.set_client_to_sentinel_username(user);
    }
    if let Some(password) = to_sentinels.password() {
        builder = builder.set_client_to_sentinel_password(password);
    }
    if let Some(tls) = tls {
        builder = tls.for_both(builder);
    }
    builder.build()?.async_get_client().await
}
