//! Writes that share a round, and with it their syncs. Only the commit thread makes rounds of more than
//! one change; it is held up in its first until the others have queued, so that the second is always the
//! same.

use std::sync::{Arc, mpsc};

use ::larder::{Backend, Durability, Expect, Key};
use larder_filesystem::Filesystem;
use larder_simulated::disk::{Call, SimDisk, Where};

use crate::support::*;

fn shared_round(name: &str, disk: SimDisk) -> Verdict {
    let mut run = Run::begin(&prepared(disk), Durability::Synced);
    let options = Filesystem::options().clock(TestClock::new(4000)).disk(Arc::new(run.disk.clone()));
    let store = smol::block_on(options.open(STORE)).map_err(|error| error.to_string())?;
    let (arrived, wait_for_arrival) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    run.disk.before(Call::Rename, Where::Anywhere, move || {
        arrived.send(()).unwrap();
        released.recv().unwrap();
    });

    let begun = run.disk.mark();
    let write = |key: &str, value: &str| {
        let key = Key::from(key);
        store.write(&key, record(&key, value.to_owned()), Expect::Any)
    };
    let first = write("first", "alone");
    wait_for_arrival.recv().map_err(|error| error.to_string())?;
    let together = run.disk.mark();
    let mut replies = vec![write("new", "1"), write("old", "2"), write("new", "3")];
    let removal = store.remove(&Key::from("wide"), Expect::Any);
    replies.push(write("kept", "4"));
    release.send(()).map_err(|error| error.to_string())?;
    for reply in std::iter::once(first).chain(replies) {
        reply.wait().map_err(|error| error.to_string())?;
    }
    removal.wait().map_err(|error| error.to_string())?;
    let done = run.disk.mark();
    let text = |value: &str| Some(value.as_bytes().to_vec());
    run.note_together(begun, done, vec![("first".into(), text("alone"))]);
    let values = [("new", text("3")), ("old", text("2")), ("wide", None), ("kept", text("4"))];
    run.note_together(together, done, values.map(|(key, value)| (key.into(), value)).to_vec());

    let verdict = survives(name, run, Extent { cap: 150, nested: 3, before_syncs: true });
    store.close().wait().map_err(|error| error.to_string())?;
    verdict
}

pub(crate) fn round(disk: SimDisk) -> Verdict {
    shared_round("shared round", disk)
}

#[test]
fn writes_that_share_a_round_survive_every_crash() {
    sound(round);
}

#[test]
fn a_round_is_as_durable_where_not_everything_can_be_synced_at_once() {
    sound(|disk| shared_round("shared round, each synced", disk.without_sync_all()));
}
