//! Clusters and sentinels by TLS: every server that a client is led to proves who it is, and so does the client.

mod support;

use larder::{Backend, ErrorKind, Key, Larder};
use larder_redis::Redis;
use smol::stream::StreamExt;
use support::cluster::{Cluster, wait};
use support::tls::Papers;
use support::{Server, data_of, open, put, say};

fn opening(url: &str) -> larder::Error {
    smol::block_on(Redis::open(url)).unwrap_err()
}

#[test]
fn a_cluster_is_reached_by_tls_on_all_of_its_servers() {
    let papers = Papers::new();
    let settings = [papers.settings(), vec!["--tls-cluster".into(), "yes".into()]].concat();
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let cluster = Cluster::start(60_000, &settings);
    let url = |options: &str| cluster.url(options).replace("redis-cluster:", "rediss-cluster:");
    let store = open(&url(&papers.options()));
    for n in 0..300 {
        put(&store, &format!("key {n}").into(), 1, "x").unwrap();
    }
    for server in cluster.primaries() {
        let there: Vec<String> = say(&mut server.bare(0), &["KEYS", "larder/*"]);
        assert!(there.len() > 50, "{} of 300 on one of three servers", there.len());
    }
    let large = Key::from("large");
    put(&store, &large, 1, vec![3; 700_000]).unwrap();
    assert_eq!(smol::block_on(data_of(&store, &large)).unwrap().unwrap(), vec![3; 700_000]);
    let listed: Vec<_> = smol::block_on(store.keys(None).collect());
    assert_eq!(listed.into_iter().filter(|key| key.is_ok()).count(), 301);
    // One that waits for its replica goes there by TLS, too.
    let safe = open(&url(&format!("replicas=1&prefix=safe&{}", papers.options())));
    put(&safe, &"ada".into(), 1, "x").unwrap();

    let others = Papers::new();
    let error = opening(&url(&format!("deadline=2000&{}", others.trust())));
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    assert!(error.to_string().contains("certificate"), "{error}");
    assert!(smol::block_on(Redis::open(&url(&format!("deadline=2000&{}", papers.trust())))).is_err());
    assert!(smol::block_on(Redis::open(&cluster.url("deadline=2000"))).is_err(), "it talks nothing but TLS");
}

#[test]
fn the_primary_that_sentinels_name_is_reached_by_tls_as_they_are() {
    let papers = Papers::new();
    let settings = papers.settings();
    let mut settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let sentinels = settings.clone();
    settings.extend(["--repl-diskless-sync-delay", "0"]);
    let primary = Server::start(&settings);
    let sentinels: Vec<Server> =
        (0..3).map(|_| Server::start_sentinel(primary.port, 60_000, &sentinels)).collect();
    for sentinel in &sentinels {
        wait(|| say::<String>(&mut sentinel.bare(0), &["INFO", "sentinel"]).contains("sentinels=3"));
    }
    let url = |options: &str| {
        let dead = support::free_port();
        let ports: Vec<String> =
            sentinels.iter().map(|sentinel| format!("127.0.0.1:{}", sentinel.port)).collect();
        format!("rediss+sentinel://127.0.0.1:{dead},{}/watched?{options}", ports.join(","))
    };
    let larder = Larder::new(open(&url(&papers.options())));
    smol::block_on(larder.assoc("ada", &1)).unwrap();
    assert_eq!(smol::block_on(larder.get::<u64>("ada")).unwrap(), Some(1));
    assert_eq!(say::<Vec<String>>(&mut primary.bare(0), &["KEYS", "*"]), ["larder/ada"]);

    let others = Papers::new();
    let strangers = opening(&url(&format!("deadline=2000&{}", others.options())));
    assert_eq!(strangers.kind(), ErrorKind::Denied, "{strangers}");
    assert!(smol::block_on(Redis::open(&url(&format!("deadline=2000&{}", papers.trust())))).is_err());
    let plain = url("deadline=2000").replace("rediss+", "redis+");
    assert!(smol::block_on(Redis::open(&plain)).is_err(), "they talk nothing but TLS");
}
