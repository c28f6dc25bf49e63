//! Stores on a Redis server: opened by URL like any other, and no password is shown.

mod common;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::Place;

/// A server on a socket; it ends with the value, and at the latest with this process.
struct Server(Child);

impl Server {
    fn start(place: &Place) -> Server {
        const KEEPER: &str = r#"redis-server --port 0 --unixsocket "$1/socket" --save "" --dir "$1" --requirepass s3cret </dev/null >/dev/null 2>&1 &
read -r end; kill -9 $!"#;
        let found = Command::new("redis-server").arg("--version").output();
        assert!(found.is_ok(), "redis-server is missing; install it by: apt-get install redis-server");
        let dir = place.path(".");
        let keeper =
            Command::new("sh").args(["-c", KEEPER, "keeper"]).arg(&dir).stdin(Stdio::piped()).spawn();
        let server = Server(keeper.unwrap());
        while !is_up(&dir.join("socket")) {
            std::thread::sleep(Duration::from_millis(5));
        }
        server
    }
}

fn is_up(socket: &Path) -> bool {
    let Ok(mut stream) = UnixStream::connect(socket) else { return false };
    stream.write_all(b"PING\r\n").is_ok() && stream.read_exact(&mut [0; 7]).is_ok()
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        _ = self.0.wait();
    }
}

#[test]
fn a_store_on_a_redis_server_is_used_like_any_other() {
    let place = Place::new();
    let _server = Server::start(&place);
    let store = "redis+unix:./socket?password=s3cret&prefix=shop";
    assert_eq!(place.ok(&["assoc", "ada", "1", "--store", store]), "");
    assert_eq!(place.ok(&["get", "ada", "--store", store]), "1\n");
    assert_eq!(place.lines(&["keys", "--store", store]), ["ada"]);
    place.write("large", vec![7; 2_000_000]);
    place.ok(&["bassoc", "large", "large", "--store", store]);
    place.ok(&["copy", store, "file:./copy"]);
    assert_eq!(place.lines(&["keys", "--store", "file:./copy"]), place.lines(&["keys", "--store", store]));
    place.ok(&["verify", "--store", store]);
    place.ok(&["dissoc", "ada", "--store", store]);
    assert_eq!(place.run(&["get", "ada", "--store", store]).code, 1);
}

#[test]
fn what_goes_wrong_shows_no_password() {
    let place = Place::new();
    let _server = Server::start(&place);
    for (args, code) in [
        (&["get", "ada", "--store", "redis+unix:./socket?password=s3cret-not"][..], 3),
        (&["get", "ada", "--store", "redis+unix:./nowhere?password=s3cret&deadline=50"], 3),
        (&["get", "ada", "--store", "redis://:s3cret@localhost:1/x"], 2),
        (&["get", "ada", "--store", "redis-cluster://:s3cret@localhost"], 2),
        (&["compact", "--store", "redis+unix:./socket?password=s3cret"], 2),
        (&["get", "ada", "--store", "redis+unix:./socket?password=s3cret&durability=synced"], 3),
    ] {
        let line = place.fails(code, args);
        assert!(!line.contains("cret"), "{line}");
    }
    for word in ["redis:", "rediss:", "redis+unix:", "prefix=larder"] {
        assert!(place.ok(&["stores"]).contains(word), "{word}");
    }
}
