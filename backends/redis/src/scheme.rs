//! The URL schemes of this backend.

use std::time::Duration;

use larder::{Address, Durability, Error, ErrorKind, Larder, Result, Scheme, SchemeOption};

use crate::Redis;
use crate::options::Options;
use crate::target::Target;

/// The options that all of the schemes understand.
const OPTIONS: [SchemeOption; 8] = [
    option("prefix", "larder", "what the store's Redis keys begin with, before a /"),
    option(
        "durability",
        "server|synced|flushed|volatile",
        "what an acknowledged write must survive, or as the server is configured",
    ),
    option("replicas", "0", "how many replicas must have a write before it is acknowledged"),
    option("deadline", "5000", "how long an operation may take, in milliseconds"),
    option("hold", "60000", "how long paused readers and dead uploads are waited for, in milliseconds"),
    option("protocol", "3|2", "the version of the server's protocol"),
    option("user", "NAME", "the user of the server, also before @ in the URL"),
    option("password", "SECRET", "the password, also before @ in the URL"),
];

const TLS: [SchemeOption; 3] = [
    option("ca", "FILE", "the certificates of the authorities to trust, PEM, in place of the system's"),
    option("cert", "FILE", "the client's own certificate, PEM"),
    option("key", "FILE", "the key of that certificate, PEM"),
];

const SENTINEL: [SchemeOption; 2] = [
    option("sentinel-user", "NAME", "the user of the sentinels"),
    option("sentinel-password", "SECRET", "the password of the sentinels"),
];

const UNIX: [SchemeOption; 1] = [option("db", "0", "the number of the database")];

const fn option(name: &'static str, values: &'static str, help: &'static str) -> SchemeOption {
    SchemeOption { name, values, help }
}

/// The schemes `redis://[USER:PASSWORD@]HOST[:PORT][/DB]`, `rediss://..` (by TLS), `redis+unix:/SOCKET`,
/// `redis-cluster://[USER:PASSWORD@]HOST[:PORT],..` and `redis+sentinel://[USER:PASSWORD@]HOST[:PORT],../NAME[/DB]`,
/// and these two by TLS as `rediss-cluster://..` and `rediss+sentinel://..`, for a [`Registry`](larder::Registry).
pub fn schemes() -> Vec<Scheme> {
    KINDS
        .into_iter()
        .map(|(name, summary, own)| {
            let scheme = Scheme::new(name, summary, |address| async move {
                Ok(Larder::new(open(Options::default(), &address).await?))
            });
            let options = OPTIONS.iter().chain(own.iter().copied().flatten());
            options.fold(scheme, |scheme, option| scheme.option(option.name, option.values, option.help))
        })
        .collect()
}

/// Name, summary, and the options that not all have.
const KINDS: [(&str, &str, &[&[SchemeOption]]); 7] = [
    ("redis", "a Redis server", &[]),
    ("rediss", "a Redis server, by TLS", &[&TLS]),
    ("redis+unix", "a Redis server on this machine, by its socket", &[&UNIX]),
    ("redis-cluster", "a Redis cluster, by some of its servers", &[]),
    ("rediss-cluster", "a Redis cluster, by some of its servers and by TLS", &[&TLS]),
    ("redis+sentinel", "a Redis server that sentinels watch, by their hosts and its name", &[&SENTINEL]),
    ("rediss+sentinel", "a Redis server that sentinels watch, by TLS to all of them", &[&SENTINEL, &TLS]),
];

/// Checks that the scheme is one of these and knows all options.
///
/// # Errors
/// `Invalid` if not, naming those that there are.
fn check(url: &str, address: &Address) -> Result<()> {
    let invalid = |message| Err(Error::new(ErrorKind::Invalid, message));
    let Some((name, _, own)) = KINDS.into_iter().find(|(name, ..)| *name == address.scheme()) else {
        return invalid(format!(
            "unknown scheme {}:; there are {}",
            address.scheme(),
            KINDS.map(|(name, ..)| format!("{name}:")).join(", ")
        ));
    };
    let known: Vec<&str> =
        OPTIONS.iter().chain(own.iter().copied().flatten()).map(|option| option.name).collect();
    let given = url.split_once('?').map_or("", |(_, options)| options).split('&');
    let mut given = given.filter_map(|option| option.split_once('=')).map(|(option, _)| option);
    match given.find(|option| !known.contains(option)) {
        Some(other) => invalid(format!("{name}: has no option {other:?}; it has {}", known.join(", "))),
        None => Ok(()),
    }
}

/// Takes over what stands in the URL.
fn apply(options: &mut Options, address: &Address) -> Result<()> {
    let mut set = std::mem::take(options);
    if let Some(prefix) = address.option("prefix") {
        set = set.prefix(prefix);
    }
    let durabilities = [
        ("server", None),
        ("synced", Some(Durability::Synced)),
        ("flushed", Some(Durability::Flushed)),
        ("volatile", Some(Durability::Volatile)),
    ];
    if let Some(durability) = address.one_of("durability", &durabilities)? {
        set = set.durability(durability);
    }
    if address.option("replicas").is_some() {
        set = set.replicas(address.parsed("replicas", 0)?);
    }
    if address.option("deadline").is_some() {
        set = set.deadline(Duration::from_millis(address.parsed("deadline", 0)?));
    }
    if address.option("hold").is_some() {
        set = set.hold(Duration::from_millis(address.parsed("hold", 0)?));
    }
    if let Some(path) = address.option("ca") {
        set.set_authorities(file(path)?);
    }
    match (address.option("cert"), address.option("key")) {
        (Some(certificate), Some(key)) => set.set_identity(file(certificate)?, file(key)?),
        (None, None) => {}
        _ => return Err(Error::new(ErrorKind::Invalid, "cert and key go together: give both or none")),
    }
    *options = set;
    Ok(())
}

/// A few kilobytes, read when the store is opened.
fn file(path: &str) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|cause| Error::io(format!("cannot read {path:?}"), cause))
}

async fn open(mut options: Options, address: &Address) -> Result<Redis> {
    apply(&mut options, address)?;
    options.connect(Target::of(address)?).await
}

impl Options {
    /// Opens the store at this URL: `redis://`, `rediss://`, `redis+unix:`, `redis-cluster://`, `rediss-cluster://`,
    /// `redis+sentinel://` or `rediss+sentinel://`, with the options of [`schemes`].
    ///
    /// # Errors
    /// `Invalid` for a URL or option that cannot be understood, `Denied` if the server takes neither user nor
    /// password, `Unavailable` or `TimedOut` if it does not answer within the deadline, `Unsupported` if it
    /// does not keep the durability that was asked for, naming the setting to change, or is a cluster where
    /// none is meant.
    pub async fn open(self, url: &str) -> Result<Redis> {
        let address = Address::parse(url)?;
        check(url, &address)?;
        open(self, &address).await
    }
}

impl Redis {
    /// Opens the store at this URL, such as `redis://localhost/0?prefix=shop`; what it promises is what the
    /// server is configured for.
    ///
    /// # Errors
    /// As [`Options::open`].
    pub async fn open(url: &str) -> Result<Redis> {
        Options::default().open(url).await
    }
}
