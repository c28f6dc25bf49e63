//! Real servers for the tests, on a free port and on a socket in a directory of their own. They end with
//! the value, and at the latest with the process, however that ends.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![expect(clippy::disallowed_methods, reason = "a test is no simulated run")]

pub(crate) mod cluster;
pub(crate) mod proxy;
pub(crate) mod runtimes;
pub(crate) mod tls;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use larder::{Backend, Bytes, Data, Expect, Key, Kind, Meta, Part, Record, Result, Timestamp, Written};
use larder_redis::Redis;

/// Starts this server, says its process id, and waits for the end of its input: then the server ends too,
/// and its directory is removed.
const KEEPER: &str = r#"program=$1; dir=$2; shift 2
"$program" "$@" </dev/null >"$dir/log" 2>&1 &
echo $!
read -r keep
kill -9 $! 2>/dev/null
wait $! 2>/dev/null
[ "$keep" = keep ] || rm -rf "$dir""#;

/// The server that the tests start: `redis-server`, or the one that `LARDER_REDIS_SERVER` names, as
/// `scripts/redis-versions` does.
pub(crate) fn program() -> PathBuf {
    let Some(named) = std::env::var_os("LARDER_REDIS_SERVER").map(PathBuf::from) else {
        let found = Command::new("redis-server").arg("--version").output();
        assert!(found.is_ok(), "redis-server is missing; install it by: apt-get install redis-server");
        return "redis-server".into();
    };
    let found = Command::new(&named).arg("--version").output();
    assert!(found.is_ok(), "LARDER_REDIS_SERVER is no server that can be started: {}", named.display());
    named
}

/// A Redis server.
#[derive(Debug)]
pub(crate) struct Server {
    keeper: Option<Child>,
    pid: u32,
    pub(crate) port: u16,
    pub(crate) dir: PathBuf,
    settings: Vec<String>,
    databases: AtomicI64,
}

/// Every change is on stable storage before it is acknowledged.
pub(crate) const SYNCED: &[&str] = &["--appendonly", "yes", "--appendfsync", "always"];

impl Server {
    /// A server with these settings; without any it keeps nothing.
    pub(crate) fn start(settings: &[&str]) -> Server {
        Server::start_on(free_port, settings)
    }

    /// A sentinel that watches the server on this port, under the name `watched`, and takes it for dead after
    /// so many milliseconds.
    pub(crate) fn start_sentinel(port: u16, timeout: u32, settings: &[&str]) -> Server {
        let server = Server::at_rest(&[&["--sentinel"], settings].concat());
        // It writes what it finds out into its configuration.
        let configuration = format!(
            "sentinel monitor watched 127.0.0.1 {port} 2\nsentinel down-after-milliseconds watched {timeout}\n\
             sentinel failover-timeout watched {}\n",
            3 * timeout
        );
        std::fs::write(server.dir.join("sentinel.conf"), configuration).unwrap();
        server.begin(free_port)
    }

    /// The same as [`Server::start`], on one of these ports.
    pub(crate) fn start_on(port: impl Fn() -> u16, settings: &[&str]) -> Server {
        Server::at_rest(settings).begin(port)
    }

    fn at_rest(settings: &[&str]) -> Server {
        let dir = tempfile::Builder::new().prefix("larder-redis-").tempdir().unwrap().keep();
        Server {
            keeper: None,
            pid: 0,
            port: 0,
            dir,
            settings: settings.iter().map(|&setting| setting.to_owned()).collect(),
            databases: AtomicI64::new(0),
        }
    }

    fn begin(mut self, port: impl Fn() -> u16) -> Server {
        // Somebody else may take the port in between.
        for _ in 0..10 {
            self.port = port();
            if self.launch() {
                return self;
            }
        }
        panic!("the server does not start: {}", std::fs::read_to_string(self.dir.join("log")).unwrap());
    }

    fn launch(&mut self) -> bool {
        let program = program();
        let dir = self.dir.to_str().unwrap();
        let (port, socket) = (self.port.to_string(), self.socket().display().to_string());
        // Of a sentinel, which insists on one.
        let configuration = self.dir.join("sentinel.conf");
        let configuration = configuration.exists().then(|| configuration.display().to_string());
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(program)
            .arg(dir)
            .args(configuration)
            .args(["--dir", dir, "--unixsocket", &socket, "--save", ""])
            .args(["--databases", "2000", "--bind", "127.0.0.1", "--daemonize", "no"])
            .args(if self.settings.iter().any(|s| s == "--tls-port") {
                ["--port", "0", "--tls-port", &port].to_vec()
            } else {
                ["--port", &port].to_vec()
            })
            .args(self.settings.iter().filter(|setting| *setting != "--tls-port"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut line).unwrap();
        self.pid = line.trim().parse().unwrap();
        self.keeper = Some(keeper);
        for _ in 0..2000 {
            if self.is_up() {
                return true;
            }
            if !Path::new(&format!("/proc/{}", self.pid)).exists() {
                self.end("keep");
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("the server neither starts nor ends");
    }

    fn is_up(&self) -> bool {
        let Ok(mut stream) = UnixStream::connect(self.socket()) else { return false };
        let mut answer = [0; 7];
        let asked = stream.write_all(b"PING\r\n").and_then(|()| stream.read_exact(&mut answer));
        // A password is asked for by a server that is up.
        asked.is_ok() && (&answer == b"+PONG\r\n" || answer.starts_with(b"-NOAUTH"))
    }

    /// Ends the server at once, as a crash would; its files stay.
    pub(crate) fn kill(&mut self) {
        self.end("keep");
    }

    /// Starts it again, on the same port and files.
    pub(crate) fn restart(&mut self) {
        assert!(self.launch(), "the server comes up again");
    }

    fn end(&mut self, what: &str) {
        if let Some(mut keeper) = self.keeper.take() {
            let mut input = keeper.stdin.take().unwrap();
            _ = writeln!(input, "{what}");
            drop(input);
            keeper.wait().unwrap();
        }
    }

    pub(crate) fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.pid.to_string()]).status().unwrap().success());
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.join("socket")
    }

    /// The number of a database that nobody else uses.
    pub(crate) fn database(&self) -> i64 {
        self.databases.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn tcp(&self, database: i64) -> String {
        format!("redis://127.0.0.1:{}/{database}", self.port)
    }

    pub(crate) fn unix(&self, database: i64) -> String {
        format!("redis+unix:{}?db={database}", self.socket().display())
    }

    /// A bare connection, if the server lives.
    pub(crate) fn try_bare(&self) -> Option<redis::Connection> {
        let url = format!("redis+unix://{}", self.socket().display());
        redis::Client::open(url).unwrap().get_connection().ok()
    }

    /// A bare connection, for what a store would not do.
    pub(crate) fn bare(&self, database: i64) -> redis::Connection {
        let url = format!("redis+unix://{}?db={database}", self.socket().display());
        redis::Client::open(url).unwrap().get_connection().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.keeper.is_some() {
            self.end("remove");
        } else {
            _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Sends one command and gives its answer.
pub(crate) fn say<T: redis::FromRedisValue>(connection: &mut redis::Connection, words: &[&str]) -> T {
    let mut cmd = redis::cmd(words[0]);
    words[1..].iter().for_each(|word| _ = cmd.arg(word));
    cmd.query(connection).unwrap()
}

pub(crate) fn open(url: &str) -> Redis {
    smol::block_on(Redis::open(url)).unwrap()
}

pub(crate) fn record(key: &Key, rev: u64, data: impl Into<Bytes>) -> Record {
    // The time tells the states apart, as the revision does.
    let meta = Meta::new(key.clone(), Kind::Binary, Timestamp::from_millis(1_795_260_480_000 + rev));
    Record::new(&meta, data.into()).unwrap()
}

pub(crate) fn put(store: &Redis, key: &Key, rev: u64, data: impl Into<Bytes>) -> Result<Written> {
    store.write(key, record(key, rev, data), Expect::Any).wait()
}

/// All data of the record, however it comes.
pub(crate) async fn data_of(store: &Redis, key: &Key) -> Result<Option<Bytes>> {
    let Some(stored) = store.read(key, Part::All).await? else { return Ok(None) };
    Ok(Some(whole(stored.data).await?))
}

pub(crate) async fn whole(data: Data) -> Result<Bytes> {
    use futures::TryStreamExt;
    match data {
        Data::None => Ok(Bytes::new()),
        Data::Bytes(bytes) => Ok(bytes),
        Data::Stream(stream) => Ok(stream.try_collect::<Vec<_>>().await?.concat().into()),
    }
}
