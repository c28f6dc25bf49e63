//! A map that survives restarts: run it twice and the counter goes on.
//!
//! `cargo run --example quickstart`

use larder::{Larder, path};
use larder_filesystem::Filesystem;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct User {
    name: String,
    emails: Vec<String>,
    visits: u64,
}

async fn visit(dir: &std::path::Path) -> larder::Result<u64> {
    let larder = Larder::new(Filesystem::open(dir).await?);
    if !larder.exists("ada").await? {
        let ada = User { name: "Ada".into(), emails: vec!["ada@example.org".into()], visits: 0 };
        larder.assoc("ada", &ada).await?;
    }
    let email: Option<String> = larder.get_in(path!["ada", "emails", 0]).await?;
    let (_, visits) = larder.update_in(path!["ada", "visits"], |n: Option<u64>| n.unwrap_or(0) + 1).await?;
    println!("{} has been here {visits} times", email.unwrap_or_default());
    larder.close().await?;
    Ok(visits)
}

pub(crate) fn main() {
    let dir = std::env::temp_dir().join(format!("larder-quickstart-{}", std::process::id()));
    let visits: larder::Result<Vec<u64>> = (0..2).map(|_| async_std::task::block_on(visit(&dir))).collect();
    assert_eq!(visits.expect("a store in the temporary directory"), [1, 2]);
    std::fs::remove_dir_all(&dir).expect("the directory that was just made");
}
