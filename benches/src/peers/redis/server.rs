//! A Redis server of our own, on a free port of this machine, that keeps nothing on disk.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::rows::Failure;
use crate::time::Helper;

/// What installs the server.
const MISSING: &str = "redis-server is missing; install it by: apt-get install redis-server redis-tools";

/// Starts the server, says its process id, and waits for the end of its input, which comes at the latest
/// with the end of this process: then the server ends too.
const KEEPER: &str = r#"redis-server "$@" </dev/null >/dev/null 2>&1 &
echo $!
read -r keep
kill -9 $! 2>/dev/null
wait $! 2>/dev/null"#;

/// The server. It ends with the value, and at the latest with the process.
#[derive(Debug)]
pub struct Server {
    keeper: Child,
    port: u16,
    _helper: Helper,
}

impl Server {
    /// Starts it.
    ///
    /// # Errors
    /// There is no server to start: how to install it.
    pub fn start() -> Result<Server, Failure> {
        if Command::new("redis-server").arg("--version").output().is_err() {
            return Err(MISSING.into());
        }
        // Somebody else may take the port in between.
        for _ in 0..10 {
            let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
            let mut keeper = Command::new("sh")
                .args(["-c", KEEPER, "keeper", "--port", &port.to_string(), "--bind", "127.0.0.1"])
                .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()?;
            let mut line = String::new();
            BufReader::new(keeper.stdout.take().ok_or("no output")?).read_line(&mut line)?;
            let pid: u32 = line.trim().parse()?;
            let server = Server { keeper, port, _helper: Helper::of(pid) };
            if server.is_up(pid) {
                return Ok(server);
            }
        }
        Err("redis-server does not start".into())
    }

    fn is_up(&self, pid: u32) -> bool {
        for _ in 0..1000 {
            if self.say("PING", "+PONG").is_ok() {
                return true;
            }
            if !std::path::Path::new(&format!("/proc/{pid}")).exists() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }

    /// Removes all that it holds; what is not used again must not fill its memory.
    pub fn empty(&self) -> Result<(), Failure> {
        self.say("FLUSHALL SYNC", "+OK")
    }

    fn say(&self, command: &str, expected: &str) -> Result<(), Failure> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.write_all(format!("{command}\r\n").as_bytes())?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer)?;
        if answer.trim_end() == expected { Ok(()) } else { Err(format!("the server said {answer}").into()) }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        _ = self.keeper.wait();
    }
}
