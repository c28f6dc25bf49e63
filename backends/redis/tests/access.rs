//! Who may use a server: passwords, users and their permissions, certificates. And that no secret is
//! ever shown.

mod support;

use larder::{Backend, ErrorKind, Key, Larder, Registry, Result};
use larder_redis::Redis;
use support::tls::{authority, certificate};
use support::{Server, data_of, open, put, say};

const SECRET: &str = "s3cret-word";

fn opened(url: &str) -> Result<Redis> {
    smol::block_on(Redis::open(url))
}

#[track_caller]
fn denied(url: &str) {
    let error = opened(url).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    let shown = format!("{error} {error:?} {:?}", std::error::Error::source(&error).map(ToString::to_string));
    assert!(!shown.contains("cret"), "{shown}");
}

#[test]
fn a_password_is_needed_and_never_shown() {
    let server = Server::start(&["--requirepass", SECRET]);
    let (port, socket) = (server.port, server.socket().display().to_string());
    for protocol in [2, 3] {
        for url in [
            format!("redis://:{SECRET}@127.0.0.1:{port}/0?protocol={protocol}"),
            format!("redis://127.0.0.1:{port}?password={SECRET}&protocol={protocol}"),
            format!("redis+unix:{socket}?password={SECRET}&protocol={protocol}"),
        ] {
            let store = opened(&url).unwrap();
            put(&store, &"ada".into(), 1, "x").unwrap();
            assert!(!format!("{store:?} {:?}", Larder::new(store.clone())).contains("cret"));
        }
        denied(&format!("redis://:not-s3cret@127.0.0.1:{port}?protocol={protocol}"));
        denied(&format!("redis://s3cret-user:{SECRET}@127.0.0.1:{port}?protocol={protocol}"));
        denied(&format!("redis://127.0.0.1:{port}?protocol={protocol}"));
    }
    assert!(!format!("{:?}", Redis::options().identity(SECRET, SECRET)).contains("cret"));
    // A URL that cannot be used is not repeated either.
    let mut registry = Registry::new();
    for scheme in larder_redis::schemes() {
        registry.register(scheme);
    }
    for url in [
        format!("redis://me:{SECRET}@127.0.0.1:1?deadline=50"),
        format!("redis://me:{SECRET}@127.0.0.1:{port}/no"),
        format!("redis-cluster://me:{SECRET}@127.0.0.1"),
        format!("redis://127.0.0.1:{port}?pasword={SECRET}"),
    ] {
        let error = smol::block_on(registry.open(&url)).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("cret"), "{error}");
    }
}

#[test]
fn a_user_is_held_to_its_permissions() {
    let server = Server::start(&[]);
    let mut bare = server.bare(0);
    let user = ["ACL", "SETUSER", "shop", "on", ">s3cret", "~shop/*", "+@all", "-@dangerous"];
    say::<()>(&mut bare, &user);
    let reader = [
        "ACL",
        "SETUSER",
        "reader",
        "on",
        ">s3cret",
        "~shop/*",
        "+@read",
        "+@connection",
        "+evalsha",
        "+eval",
    ];
    say::<()>(&mut bare, &reader);
    let url =
        |user: &str, prefix: &str| format!("redis://{user}:s3cret@127.0.0.1:{}?prefix={prefix}", server.port);
    let (key, large) = (Key::from("ada"), Key::from("large"));
    let store = opened(&url("shop", "shop")).unwrap();
    put(&store, &key, 1, "x").unwrap();
    put(&store, &large, 1, vec![1; 1 << 20]).unwrap();
    let demand = opened(&(url("shop", "shop") + "&durability=synced")).unwrap_err();
    assert!(demand.to_string().contains("permit"), "it may not ask what the server keeps: {demand}");

    let other = opened(&url("shop", "other")).unwrap();
    let error = put(&other, &key, 1, "x").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");

    let reader = opened(&url("reader", "shop")).unwrap();
    assert_eq!(&smol::block_on(data_of(&reader, &key)).unwrap().unwrap()[..], b"x");
    assert_eq!(smol::block_on(data_of(&reader, &large)).unwrap().unwrap(), vec![1; 1 << 20]);
    assert_eq!(put(&reader, &key, 2, "y").unwrap_err().kind(), ErrorKind::Denied);
    assert_eq!(&smol::block_on(data_of(&store, &key)).unwrap().unwrap()[..], b"x");
}

#[test]
fn by_tls_server_and_client_prove_who_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, pem: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, pem).unwrap();
        path.display().to_string()
    };
    let (ours, others) = (authority(), authority());
    let ca = file("ca", &ours.pem());
    let (certificate_pem, key_pem) = certificate("localhost", &ours);
    let (cert, key) = (file("cert", &certificate_pem), file("key", &key_pem));
    let server = Server::start(&[
        "--tls-port",
        "--tls-cert-file",
        &cert,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &ca,
        "--tls-auth-clients",
        "yes",
    ]);
    let (my_cert, my_key) = certificate("me", &ours);
    let (my_cert, my_key) = (file("mine", &my_cert), file("mine.key", &my_key));
    let url = |host: &str, rest: &str| format!("rediss://{host}:{}?deadline=3000&{rest}", server.port);
    let identity = format!("cert={my_cert}&key={my_key}");
    let store = open(&url("localhost", &format!("ca={ca}&{identity}")));
    put(&store, &"ada".into(), 1, vec![3; 700_000]).unwrap();
    assert_eq!(smol::block_on(data_of(&store, &"ada".into())).unwrap().unwrap(), vec![3; 700_000]);

    // The server's certificate is not for this name, or by nobody whom we trust.
    let other_ca = file("other", &others.pem());
    for url in [
        url("127.0.0.1", &format!("ca={ca}&{identity}")),
        url("localhost", &format!("ca={other_ca}&{identity}")),
    ] {
        let error = opened(&url).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
        assert!(error.to_string().contains("certificate"), "{error}");
    }
    // We have none to show: the server ends the conversation.
    assert!(opened(&url("localhost", &format!("ca={ca}"))).is_err());
    // Nor does it talk without TLS.
    assert!(opened(&format!("redis://localhost:{}?deadline=1000", server.port)).is_err());
    store.close().wait().unwrap();
}
