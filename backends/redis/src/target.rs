//! Where the server is and who we are to it, from a URL and options. Nothing here prints a password.

use std::fmt;

use larder::{Address, Error, ErrorKind, Result};
use percent_encoding::percent_decode_str;
use redis::{
    Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo,
    RedisResult,
};

use crate::slots::Place;
use crate::tls::Tls;
use crate::{failure, sentinel};

/// What is meant by a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A server that stands by itself.
    Server,
    /// Some servers of a cluster, which know the others.
    Cluster,
    /// Sentinels, which know the server.
    Sentinel,
}

/// A server, a database of it, and credentials; or several of which one is to be asked for the others.
#[derive(Clone)]
pub(crate) struct Target {
    kind: Kind,
    info: ConnectionInfo,
    /// All hosts that the URL names, of which `info` has the first; none for a server.
    hosts: Vec<ConnectionAddr>,
    /// The name by which the sentinels know the primary.
    name: String,
    /// Who we are to the sentinels.
    sentinel: RedisConnectionInfo,
}

impl Target {
    /// What `redis://USER:PASSWORD@HOST:PORT/DB`, `rediss://..`, `redis+unix:/path?db=0&user=..&password=..`,
    /// `redis-cluster://USER:PASSWORD@HOST:PORT,HOST:PORT,..`, `rediss-cluster://..`,
    /// `redis+sentinel://USER:PASSWORD@HOST:PORT,HOST:PORT,../NAME/DB` or `rediss+sentinel://..` names.
    ///
    /// # Errors
    /// `Invalid` if it names nothing; what was wrong, and not what was written.
    pub(crate) fn of(address: &Address) -> Result<Target> {
        let scheme = address.scheme();
        let mut target = match scheme {
            "redis+unix" => Target::server(unix(address)?),
            "redis-cluster" | "rediss-cluster" => cluster(address)?,
            "redis+sentinel" | "rediss+sentinel" => sentinels(address)?,
            _ => Target::server(one(address)?),
        };
        if cfg!(not(feature = "tls")) && is_encrypted(scheme) {
            let message = "this program was built without TLS: build larder-redis with its feature tls";
            return Err(failure::error(ErrorKind::Unsupported, message));
        }
        let info = credentials(address, target.info)?;
        if info.redis_settings().db() < 0 {
            return Err(invalid("the number of a database is not negative"));
        }
        let protocol =
            address.one_of("protocol", &[("3", ProtocolVersion::RESP3), ("2", ProtocolVersion::RESP2)])?;
        let settings = info.redis_settings().clone().set_protocol(protocol);
        target.info = info.set_redis_settings(settings);
        Ok(target)
    }

    fn server(info: ConnectionInfo) -> Target {
        Target {
            kind: Kind::Server,
            info,
            hosts: Vec::new(),
            name: String::new(),
            sentinel: RedisConnectionInfo::default(),
        }
    }

    /// What is meant.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// The servers of a cluster that the URL names.
    pub(crate) fn places(&self) -> Vec<Place> {
        let place = |host: &ConnectionAddr| match host {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                Some(Place { host: host.as_str().into(), port: *port })
            }
            _ => None,
        };
        self.hosts.iter().filter_map(place).collect()
    }

    /// The server at this place, for the same user.
    pub(crate) fn at(&self, place: &Place) -> Target {
        let (host, port) = (place.host.to_string(), place.port);
        let addr = if self.is_encrypted() { by_tls(host, port) } else { ConnectionAddr::Tcp(host, port) };
        Target { kind: Kind::Server, info: self.info.clone().set_addr(addr), ..self.clone() }
    }

    /// A client for the server that the sentinels name.
    pub(crate) async fn primary(&self, tls: &Tls) -> RedisResult<Client> {
        sentinel::primary(sentinel::Watched {
            sentinels: &self.hosts,
            name: &self.name,
            to_sentinels: &self.sentinel,
            to_server: self.info.redis_settings(),
            tls: self.is_encrypted().then_some(tls),
        })
        .await
    }

    fn is_encrypted(&self) -> bool {
        matches!(self.info.addr(), ConnectionAddr::TcpTls { .. })
    }

    /// A client for it, which does not connect yet.
    ///
    /// # Errors
    /// `Invalid` if the certificates are none.
    pub(crate) fn client(&self, tls: &Tls) -> Result<Client> {
        let failed = |what: &'static str| {
            move |why: redis::RedisError| failure::error(ErrorKind::Invalid, what).with_source(why)
        };
        if !self.is_encrypted() {
            return Client::open(self.info.clone()).map_err(failed("the server cannot be named so"));
        }
        tls.client(self.info.clone())
    }
}

/// Whether this scheme says TLS.
fn is_encrypted(scheme: &str) -> bool {
    scheme.starts_with("rediss")
}

/// A server that proves who it is.
fn by_tls(host: String, port: u16) -> ConnectionAddr {
    ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
}

fn invalid(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Invalid, what.into())
}

/// One server, by its host.
fn one(address: &Address) -> Result<ConnectionInfo> {
    let (scheme, body) = (address.scheme(), address.body());
    if !body.starts_with("//") || body.contains('#') {
        let hint = "write HOST:PORT/DB after //, and # within a password as %23";
        return Err(invalid(format!("the URL of {scheme}: cannot be understood: {hint}")));
    }
    let info = format!("{scheme}:{body}").as_str().into_connection_info();
    info.map_err(|why| {
        let why = why.category();
        let like = "it looks like";
        invalid(format!(
            "the URL of {scheme}: cannot be understood ({why}): {like} {scheme}://localhost:6379/0"
        ))
    })
}

/// `//USER:PASSWORD@HOST:PORT,HOST:PORT,../PATH`, taken apart: what `redis://USER:PASSWORD@HOST:PORT`, or `rediss://`,
/// means for the first of the hosts, all of the hosts, and the path.
fn several<'a>(
    address: &'a Address,
    port: u16,
    like: &str,
) -> Result<(ConnectionInfo, Vec<ConnectionAddr>, &'a str)> {
    let wrong = || {
        let scheme = address.scheme();
        let hint = "and / @ # , within a password as %2f %40 %23 %2c";
        invalid(format!("the URL of {scheme}: cannot be understood: it looks like {scheme}://{like}, {hint}"))
    };
    let body = address.body().strip_prefix("//").filter(|body| !body.contains('#')).ok_or_else(wrong)?;
    let (servers, path) = body.split_once('/').unwrap_or((body, ""));
    let (user, servers) = match servers.rsplit_once('@') {
        Some((user, servers)) => (format!("{user}@"), servers),
        None => (String::new(), servers),
    };
    let infos = servers.split(',').map(|host| {
        let bare = host.rsplit_once(']').map_or(host, |(_, rest)| rest);
        let port = if bare.contains(':') { String::new() } else { format!(":{port}") };
        if host.is_empty() || host.starts_with(':') {
            return Err(wrong());
        }
        let plain = if is_encrypted(address.scheme()) { "rediss" } else { "redis" };
        format!("{plain}://{user}{host}{port}").as_str().into_connection_info().map_err(|_| wrong())
    });
    let infos = infos.collect::<Result<Vec<ConnectionInfo>>>()?;
    let hosts = infos.iter().map(|info| info.addr().clone()).collect();
    let first = infos.into_iter().next().ok_or_else(wrong)?;
    Ok((first, hosts, path))
}

fn cluster(address: &Address) -> Result<Target> {
    let (info, hosts, path) = several(address, 6379, "HOST:PORT,HOST:PORT")?;
    if !matches!(path, "" | "0") {
        return Err(invalid("a cluster has no other database than 0"));
    }
    Ok(Target { kind: Kind::Cluster, hosts, ..Target::server(info) })
}

fn sentinels(address: &Address) -> Result<Target> {
    let (info, hosts, path) = several(address, 26379, "HOST:PORT,HOST:PORT/NAME/DB")?;
    let (name, db) = path.split_once('/').unwrap_or((path, "0"));
    let name = percent_decode_str(name).decode_utf8().map_err(|_| invalid("the name is no UTF-8"))?;
    if name.is_empty() {
        return Err(invalid(
            "sentinels need the name of the primary, as in redis+sentinel://host:26379/mymaster",
        ));
    }
    let db = db.parse().map_err(|_| invalid("the number of the database cannot be understood"))?;
    let settings = info.redis_settings().clone().set_db(db);
    let mut sentinel = RedisConnectionInfo::default();
    if let Some(user) = address.option("sentinel-user") {
        sentinel = sentinel.set_username(user);
    }
    if let Some(password) = address.option("sentinel-password") {
        sentinel = sentinel.set_password(password);
    }
    let name = name.into_owned();
    let info = info.set_redis_settings(settings);
    Ok(Target { kind: Kind::Sentinel, hosts, name, sentinel, ..Target::server(info) })
}

fn unix(address: &Address) -> Result<ConnectionInfo> {
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
        let hosts: Vec<String> = self.hosts.iter().map(ToString::to_string).collect();
        let db = self.info.redis_settings().db();
        match self.kind {
            Kind::Server => write!(f, "{}, database {db}", self.info.addr()),
            Kind::Cluster => write!(f, "the cluster of {}", hosts.join(", ")),
            Kind::Sentinel => write!(f, "{:?} of {}, database {db}", self.name, hosts.join(", ")),
        }
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
            ("redis-cluster://a", "the cluster of a:6379"),
            ("redis-cluster://me:pw@a:1,[::1],b:2/0?prefix=x", "the cluster of a:1, ::1:6379, b:2"),
            ("redis+sentinel://a,b:2/my%20primary/3", "\"my primary\" of a:26379, b:2, database 3"),
            ("rediss-cluster://me:pw@a:1,b", "the cluster of a:1, b:6379"),
            ("rediss+sentinel://a,b:2/p", "\"p\" of a:26379, b:2, database 0"),
        ] {
            assert_eq!(format!("{:?}", target(url)), shown, "{url}");
        }
        for url in [
            "redis://me:s%23cret@h",
            "redis+unix:/r?user=me&password=s%23cret",
            "redis://h?user=me&password=s%23cret",
            "redis-cluster://me:s%23cret@h,i",
            "redis+sentinel://me:s%23cret@h,i/m?sentinel-password=cret",
            "redis+sentinel://h/m?user=me&password=s%23cret",
            "rediss-cluster://me:s%23cret@h,i",
            "rediss+sentinel://me:s%23cret@h,i/m?sentinel-password=cret",
        ] {
            let target = target(url);
            assert_eq!(target.info.redis_settings().username(), Some("me"), "{url}");
            assert_eq!(target.info.redis_settings().password(), Some("s#cret"), "{url}");
            assert!(!format!("{target:?}").contains("cret"));
        }
    }

    #[cfg(feature = "tls")]
    #[test]
    fn every_server_that_an_encrypted_url_leads_to_is_reached_by_tls() {
        let place = Place { host: "other".into(), port: 7 };
        for (url, encrypted) in [("rediss-cluster://a,b", true), ("redis-cluster://a,b", false)] {
            let target = target(url).unwrap();
            assert_eq!(target.places().len(), 2);
            for place in target.places().iter().chain([&place]) {
                let info = target.at(place).info;
                assert_eq!(matches!(info.addr(), ConnectionAddr::TcpTls { insecure: false, .. }), encrypted);
            }
        }
        let target = target("rediss+sentinel://a,b/m").unwrap();
        assert!(target.is_encrypted());
        assert!(
            target.hosts.iter().all(|host| matches!(host, ConnectionAddr::TcpTls { insecure: false, .. }))
        );
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
            "redis-cluster:me:secret@h",
            "redis-cluster://me:secret@",
            "redis-cluster://me:secret@h,",
            "redis-cluster://me:secret@h:99999",
            "redis-cluster://me:secret@h/1",
            "redis+sentinel://me:secret@h",
            "redis+sentinel://me:secret@h/m/x",
            "redis+sentinel://me:secret@h/m/-1",
        ] {
            let error = target(url).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{url}");
            assert!(!error.to_string().contains("me:secret"), "{error}");
        }
    }
}
