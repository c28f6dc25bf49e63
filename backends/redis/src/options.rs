//! How to open a store, and what opening does.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::{Either, select};
use larder::{Clock, Durability, Error, ErrorKind, RealClock, Result};

use crate::Redis;
use crate::deadline::Deadlines;
use crate::failure::{self, Trouble};
use crate::group::Safety;
use crate::misses::Misses;
use crate::names::Names;
use crate::nodes::{Nodes, Plan};
use crate::server::{self, Server};
use crate::shared::Shared;
use crate::stamp::Stamps;
use crate::target::Target;
use crate::tls::Tls;

/// How to open a store: [`Redis::options`]. What stands in the URL goes before what is set here.
///
/// ```
/// use std::time::Duration;
/// use larder::Durability;
/// use larder_redis::Redis;
/// # async fn open() -> larder::Result<()> {
/// let options = Redis::options().prefix("shop").durability(Durability::Synced).deadline(Duration::from_secs(2));
/// let store = options.open("redis://localhost/0").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    prefix: String,
    durability: Option<Durability>,
    replicas: u64,
    deadline: Duration,
    hold: Duration,
    tls: Tls,
    clock: Arc<dyn Clock>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            prefix: "larder".into(),
            durability: None,
            replicas: 0,
            deadline: Duration::from_secs(5),
            hold: Duration::from_secs(60),
            tls: Tls::default(),
            clock: RealClock::shared(),
        }
    }
}

impl Options {
    /// What the names of the store's Redis keys begin with, before a `/`; `larder` unless said otherwise.
    /// Stores with different prefixes do not see each other.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Options {
        self.prefix = prefix.into();
        self
    }

    /// What an acknowledged write must survive. Opening fails if the server's settings do not keep that.
    /// Unless said otherwise the store promises what the server is configured for.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Options {
        self.durability = Some(durability);
        self
    }

    /// How many replicas must have a write before it is acknowledged; none unless said otherwise. With
    /// [`Durability::Synced`], and servers from 7.2 on, they must have synced it, too. A write that too few
    /// replicas confirm within half of the deadline has happened, and fails as
    /// [ambiguous](larder::Error::is_ambiguous): it may be lost with its primary.
    ///
    /// Opening fails if there are not as many replicas.
    #[must_use]
    pub fn replicas(mut self, replicas: u32) -> Options {
        self.replicas = replicas.into();
        self
    }

    /// How long an operation may take, connecting anew included, and every part of a large record: 5 s
    /// unless said otherwise.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Options {
        self.deadline = deadline.clamp(Duration::from_millis(1), Duration::from_secs(24 * 60 * 60));
        self
    }

    /// How long a large record that was replaced is kept for a reader who has begun and pauses, and how
    /// long an upload outlives its client: 60 s unless said otherwise.
    #[must_use]
    pub fn hold(mut self, hold: Duration) -> Options {
        self.hold = hold.clamp(Duration::from_millis(100), Duration::from_secs(24 * 60 * 60));
        self
    }

    /// The certificates, in PEM, of the authorities that `rediss:` and its like trust, in place of the system's.
    #[must_use]
    pub fn authorities(mut self, pem: impl Into<Vec<u8>>) -> Options {
        self.tls.authorities = Some(pem.into());
        self
    }

    /// The certificate by which this client proves who it is, and its key, in PEM.
    #[must_use]
    pub fn identity(mut self, certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Options {
        self.tls.identity = Some((certificate.into(), key.into()));
        self
    }

    /// Another clock, and source of chance, than the operating system's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Options {
        self.clock = clock;
        self
    }

    /// Opens the store on this server.
    pub(crate) async fn connect(self, target: Target) -> Result<Redis> {
        let names = Names::new(&self.prefix)?;
        let safety = (self.replicas > 0).then(|| {
            let appended = AtomicBool::new(false);
            Arc::new(Safety { replicas: self.replicas, patience: self.deadline, appended })
        });
        let nodes = Nodes::new(Plan {
            target: target.clone(),
            tls: self.tls.clone(),
            patience: self.deadline,
            clock: Arc::clone(&self.clock),
            names: names.clone(),
            safety: safety.clone(),
        })?;
        let server = self.greet(&nodes).await?;
        if let Some(wanted) = self.durability.filter(|wanted| *wanted > server.durability) {
            let (wanted, found) = (word(wanted), word(server.durability));
            return Err(failure::error(
                ErrorKind::Unsupported,
                format!(
                    "the durability {wanted} was asked for, and this server is {found}: {}",
                    server.advice
                ),
            ));
        }
        if let Some(safety) = safety {
            let synced = self.durability == Some(Durability::Synced) && server.waits;
            safety.appended.store(synced, Ordering::Release);
        }
        Ok(Redis::over(
            target,
            Shared {
                names,
                nodes,
                stamps: Stamps::new(&*self.clock),
                misses: Misses::default(),
                deadline: self.deadline,
                deadlines: Deadlines::new(Arc::clone(&self.clock), self.deadline),
                hold: self.hold,
                durability: server.durability,
                server,
                closed: AtomicBool::new(false),
                clock: self.clock,
            },
        ))
    }

    /// Asks the servers what they are, again and again until the deadline.
    async fn greet(&self, nodes: &Nodes) -> Result<Server> {
        let mut last: Option<Error> = None;
        let greeting = async {
            loop {
                match server::inspect(nodes, self.replicas).await {
                    Ok(server) => return Ok(server),
                    Err(Trouble::Refused(error)) => return Err(error),
                    Err(Trouble::NoScript | Trouble::Moved(..) | Trouble::Ask(_)) => {
                        return Err(failure::nonsense("INFO"));
                    }
                    Err(
                        Trouble::Lost(error)
                        | Trouble::Wait(error)
                        | Trouble::Elsewhere(error)
                        | Trouble::Again(error),
                    ) => {
                        last = Some(error);
                        self.clock.sleep(Duration::from_millis(10)).await;
                    }
                }
            }
        };
        match select(pin!(greeting), self.clock.sleep(self.deadline)).await {
            Either::Left((greeted, _)) => return greeted,
            Either::Right(_) => {}
        }
        Err(last.unwrap_or_else(|| {
            let ms = self.deadline.as_millis();
            failure::error(ErrorKind::TimedOut, format!("the server gave no answer within {ms} ms"))
        }))
    }

    pub(crate) fn set_authorities(&mut self, pem: Vec<u8>) {
        self.tls.authorities = Some(pem);
    }

    pub(crate) fn set_identity(&mut self, certificate: Vec<u8>, key: Vec<u8>) {
        self.tls.identity = Some((certificate, key));
    }
}

fn word(durability: Durability) -> &'static str {
    match durability {
        Durability::Volatile => "volatile",
        Durability::Flushed => "flushed",
        Durability::Synced => "synced",
    }
}
