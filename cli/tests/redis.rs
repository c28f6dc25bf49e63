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
        Server::start_with(place, &["--port", "0", "--requirepass", "s3cret"])
    }

    fn start_with(place: &Place, settings: &[&str]) -> Server {
        const KEEPER: &str = r#"dir=$1; shift
redis-server --unixsocket "$dir/socket" --save "" --dir "$dir" "$@" </dev/null >/dev/null 2>&1 &
read -r end; kill -9 $!"#;
        let found = Command::new("redis-server").arg("--version").output();
        assert!(found.is_ok(), "redis-server is missing; install it by: apt-get install redis-server");
        let dir = place.path(".");
        let mut keeper = Command::new("sh");
        let keeper =
            keeper.args(["-c", KEEPER, "keeper"]).arg(&dir).args(settings).stdin(Stdio::piped()).spawn();
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
fn a_store_on_a_cluster_is_used_like_any_other() {
    let place = Place::new();
    let port =
        || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let (port, bus) = (port(), port());
    let settings =
        ["--port", &port, "--bind", "127.0.0.1", "--cluster-enabled", "yes", "--cluster-port", &bus];
    let _server = Server::start_with(&place, &settings);
    // A cluster of one.
    let mut stream = UnixStream::connect(place.path("socket")).unwrap();
    stream.write_all(b"CLUSTER ADDSLOTSRANGE 0 16383\r\n").unwrap();
    stream.read_exact(&mut [0; 5]).unwrap();
    let mut info = [0; 4096];
    while !String::from_utf8_lossy(&info).contains("cluster_state:ok") {
        stream.write_all(b"CLUSTER INFO\r\n").unwrap();
        _ = stream.read(&mut info).unwrap();
    }
    let store = &format!("redis-cluster://127.0.0.1:{port}?prefix=shop");
    for key in ["ada", "bob", "eve"] {
        assert_eq!(place.ok(&["assoc", key, "1", "--store", store]), "");
    }
    let mut keys = place.lines(&["keys", "--store", store]);
    keys.sort();
    assert_eq!(keys, ["ada", "bob", "eve"]);
    place.ok(&["dissoc", "ada", "--store", store]);
    assert_eq!(place.run(&["get", "ada", "--store", store]).code, 1);
    let line = place.fails(3, &["get", "ada", "--store", &format!("redis://127.0.0.1:{port}")]);
    assert!(line.contains("redis-cluster:"), "{line}");
}

#[test]
fn what_goes_wrong_shows_no_password() {
    let place = Place::new();
    let _server = Server::start(&place);
    for (args, code) in [
        (&["get", "ada", "--store", "redis+unix:./socket?password=s3cret-not"][..], 3),
        (&["get", "ada", "--store", "redis+unix:./nowhere?password=s3cret&deadline=50"], 3),
        (&["get", "ada", "--store", "redis://:s3cret@localhost:1/x"], 2),
        (&["get", "ada", "--store", "redis-clusters://:s3cret@localhost"], 2),
        (&["get", "ada", "--store", "redis-cluster://:s3cret@localhost:1,localhost:2?deadline=50"], 3),
        (&["get", "ada", "--store", "redis-cluster://:s3cret@localhost/1"], 2),
        (&["get", "ada", "--store", "redis+sentinel://:s3cret@localhost"], 2),
        (&["compact", "--store", "redis+unix:./socket?password=s3cret"], 2),
        (&["get", "ada", "--store", "redis+unix:./socket?password=s3cret&durability=synced"], 3),
    ] {
        let line = place.fails(code, args);
        assert!(!line.contains("cret"), "{line}");
    }
    for word in [
        "redis:",
        "rediss:",
        "redis+unix:",
        "redis-cluster:",
        "redis+sentinel:",
        "replicas=0",
        "prefix=larder",
    ] {
        assert!(place.ok(&["stores"]).contains(word), "{word}");
    }
}
