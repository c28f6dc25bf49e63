//! Where the server is and who we are to it, from a URL and options. Nothing here prints a password.

use std::fmt;

use larder::{Address, Error, ErrorKind, Result};
use percent_encoding::percent_decode_str;
use redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion};

use crate::failure;

/// A server, a database of it, and credentials.
#[derive(Clone)]
pub(crate) struct Target {
    info: ConnectionInfo,
}

impl Target {
    /// What `redis://USER:PASSWORD@HOST:PORT/DB`, `rediss://..` or `redis+unix:/path?db=0&user=..&password=..`
    /// names.
    ///
    /// # Errors
    /// `Invalid` if it names nothing; what was wrong, and not what was written.
    pub(crate) fn of(address: &Address) -> Result<Target> {
        let invalid = |what: String| Error::new(ErrorKind::Invalid, what);
        let scheme = address.scheme();
        let info = if scheme == "redis+unix" {
            unix(address)?
        } else {
            let body = address.body();
            if !body.starts_with("//") || body.contains('#') {
                let hint = "write HOST:PORT/DB after //, and # within a password as %23";
                return Err(invalid(format!("the URL of {scheme}: cannot be understood: {hint}")));
            }
            if cfg!(not(feature = "tls")) && scheme == "rediss" {
                let message = "this program was built without TLS: build larder-redis with its feature tls";
                return Err(failure::error(ErrorKind::Unsupported, message));
            }
            let info = format!("{scheme}:{body}").as_str().into_connection_info();
            let info = info.map_err(|why| {
                invalid(format!(
                    "the URL of {scheme}: cannot be understood ({}): it looks like {scheme}://localhost:6379/0",
                    why.category()
                ))
            })?;
            credentials(address, info)?
        };
        if info.redis_settings().db() < 0 {
            return Err(invalid("the number of a database is not negative".into()));
        }
        let protocol =
            address.one_of("protocol", &[("3", ProtocolVersion::RESP3), ("2", ProtocolVersion::RESP2)])?;
        let settings = info.redis_settings().clone().set_protocol(protocol);
        Ok(Target { info: info.set_redis_settings(settings) })
    }

    /// A client for it, which does not connect yet.
    ///
    /// # Errors
    /// `Invalid` if the certificates are none.
    pub(crate) fn client(&self, tls: &Tls) -> Result<Client> {
        let failed = |what: &'static str| {
            move |why: redis::RedisError| failure::error(ErrorKind::Invalid, what).with_source(why)
        };
        if !matches!(self.info.addr(), ConnectionAddr::TcpTls { .. }) {
            return Client::open(self.info.clone()).map_err(failed("the server cannot be named so"));
        }
        tls.client(self.info.clone())
    }
}

fn unix(address: &Address) -> Result<ConnectionInfo> {
    let invalid = |what: &str| Error::new(ErrorKind::Invalid, what.to_owned());
    let path = address.body().strip_prefix("//").unwrap_or(address.body());
    let path = percent_decode_str(path).decode_utf8().map_err(|_| invalid("the path is no UTF-8"))?;
    if path.is_empty() {
        return Err(invalid(
            "redis+unix: needs the path of a socket, as in redis+unix:/run/redis/redis.sock",
        ));
    }
    // So that it stays where it is if the process changes its directory.
    let path =
        std::path::absolute(path.as_ref()).map_err(|cause| Error::io("cannot find the socket", cause))?;
    let info = ConnectionAddr::Unix(path).into_connection_info();
    let info = info.map_err(|_| invalid("there are no unix sockets on this system"))?;
    let settings = info.redis_settings().clone().set_db(address.parsed("db", 0)?);
    credentials(address, info.set_redis_settings(settings))
}

/// Adds the user and the password that stand among the options.
fn credentials(address: &Address, info: ConnectionInfo) -> Result<ConnectionInfo> {
    let mut settings = info.redis_settings().clone();
    if let Some(user) = address.option("user") {
        settings = settings.set_username(user);
    }
    if let Some(password) = address.option("password") {
        settings = settings.set_password(password);
    }
    Ok(info.set_redis_settings(settings))
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, database {}", self.info.addr(), self.info.redis_settings().db())
    }
}

/// Whom to trust, and who we are, beside the password.
#[derive(Clone, Default)]
pub(crate) struct Tls {
    /// Certificates of authorities, PEM. `None`: those of the system.
    pub(crate) authorities: Option<Vec<u8>>,
    /// Our own certificate and its key, PEM.
    pub(crate) identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl Tls {
    #[cfg(feature = "tls")]
    fn client(&self, info: ConnectionInfo) -> Result<Client> {
        use redis::{ClientTlsConfig, TlsCertificates};
        // Of several that a program may be built with, rustls takes none by itself.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Somebody else may have been faster, which is as well.
            _ = rustls::crypto::ring::default_provider().install_default();
        }
        let identity = self.identity.clone();
        let certificates = TlsCertificates {
            client_tls: identity.map(|(client_cert, client_key)| ClientTlsConfig { client_cert, client_key }),
            root_cert: self.authorities.clone(),
        };
        Client::build_with_tls(info, certificates).map_err(|why| {
            failure::error(
                ErrorKind::Invalid,
                format!("the certificates cannot be used ({})", why.category()),
            )
        })
    }

    #[cfg(not(feature = "tls"))]
    fn client(&self, _info: ConnectionInfo) -> Result<Client> {
        Err(failure::error(ErrorKind::Unsupported, "this program was built without TLS"))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("authorities", &self.authorities.is_some())
            .field("identity", &self.identity.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Result<Target> {
        Target::of(&Address::parse(url)?)
    }

    #[test]
    fn urls_name_server_database_and_user() {
        let target = |url| target(url).unwrap();
        for (url, shown) in [
            ("redis://localhost", "localhost:6379, database 0"),
            ("redis://h:7000/3?prefix=a", "h:7000, database 3"),
            ("redis://[::1]:7000", "::1:7000, database 0"),
            ("redis+unix:/run/r%20x.sock?db=2", "/run/r x.sock, database 2"),
            ("redis+unix:///run/r.sock", "/run/r.sock, database 0"),
        ] {
            assert_eq!(format!("{:?}", target(url)), shown, "{url}");
        }
        for url in [
            "redis://me:s%23cret@h",
            "redis+unix:/r?user=me&password=s%23cret",
            "redis://h?user=me&password=s%23cret",
        ] {
            let target = target(url);
            assert_eq!(target.info.redis_settings().username(), Some("me"), "{url}");
            assert_eq!(target.info.redis_settings().password(), Some("s#cret"), "{url}");
            assert!(!format!("{target:?}").contains("cret"));
        }
    }

    #[test]
    fn what_cannot_be_understood_is_not_repeated() {
        for url in [
            "redis:me:secret@h",
            "redis://me:secret@h#insecure",
            "redis://me:secret@h/nodb",
            "redis://me:secret@h:99999",
            "redis://me:secret@h/-1",
            "redis+unix:?password=secret",
            "redis://h?protocol=secret4",
        ] {
            let error = target(url).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{url}");
            assert!(!error.to_string().contains("me:secret"), "{error}");
        }
    }
}
