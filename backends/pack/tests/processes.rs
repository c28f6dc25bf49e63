//! Several processes on one store: one that writes, and others that read what it has published. The processes are
//! this very test program, told by its environment to play a part.

#[path = "support/records.rs"]
mod records;

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use larder::{Backend, Durability, ErrorKind};
use larder_pack::Pack;
use records::*;

const PART: &str = "LARDER_TEST_STORE";

/// Keys of each batch: all have the same value, the number of the batch.
const KEYS: usize = 20;

/// A process that plays a part, and what it prints. It is killed when this is dropped.
struct Player {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Player {
    /// Runs the test of this name in another process, which finds the store's directory in [`PART`].
    fn new(test: &str, dir: &Path) -> Player {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", test, "--nocapture"]).env(PART, dir);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Player { child, lines }
    }

    /// Waits until it has printed this number after `acknowledged`, or a greater one.
    fn wait_for(&mut self, number: u64) -> u64 {
        let mut numbers = self.lines.by_ref().map_while(Result::ok).filter_map(|line| acknowledged(&line));
        numbers.find(|found| *found >= number).expect("the other process goes on")
    }

    /// Kills it; the last number that it printed, if there was one.
    fn kill(&mut self) -> Option<u64> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.lines.by_ref().map_while(Result::ok).filter_map(|line| acknowledged(&line)).last()
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn acknowledged(line: &str) -> Option<u64> {
    line.strip_prefix("acknowledged ")?.parse().ok()
}

/// A store in which segments, checkpoints and compactions follow each other quickly: every twenty batches or so.
fn open(dir: &Path) -> Pack {
    let options =
        Pack::options().durability(Durability::Flushed).segment_bytes(64 << 10).checkpoint_bytes(64 << 10);
    smol::block_on(options.open(dir)).unwrap()
}

fn read_only(dir: &Path) -> larder::Result<Pack> {
    smol::block_on(Pack::open_read_only(dir))
}

/// Writes batches for ever: batch `n` sets all keys to `n`, and has a key of its own; the one before loses that.
fn write_batches(dir: &Path) -> ! {
    let pack = open(dir);
    let first = number(&pack, "key 0").map_or(1, |last| last + 1);
    for n in first.. {
        let mut writes: Vec<_> =
            (0..KEYS).map(|key| write(&format!("key {key}"), Some(n.to_string().into_bytes()))).collect();
        writes.push(write(&format!("only {n}"), Some(n.to_string().into_bytes())));
        writes.push(write(&format!("only {}", n - 1), None));
        batch(&pack, writes);
        println!("\nacknowledged {n}");
    }
    unreachable!("numbers do not end")
}

fn number(pack: &Pack, key: &str) -> Option<u64> {
    get(pack, key).unwrap().map(|data| String::from_utf8(data).unwrap().parse().unwrap())
}

/// The number of the batch that a reader sees, which must be whole; 0 if there is none.
fn whole(pack: &Pack) -> u64 {
    let numbers: Vec<Option<u64>> = (0..KEYS).map(|key| number(pack, &format!("key {key}"))).collect();
    assert!(numbers.iter().all(|number| *number == numbers[0]), "a batch is not whole: {numbers:?}");
    let listed = keys(pack, Some("only ")).unwrap();
    match numbers[0] {
        Some(n) => {
            assert_eq!(listed, [format!("only {n}")]);
            assert_eq!(number(pack, &listed[0]), Some(n));
            assert_eq!(number(pack, &format!("only {}", n - 1)), None);
            assert_eq!(keys(pack, None).unwrap().len(), KEYS + 1);
            n
        }
        None => {
            assert!(listed.is_empty());
            0
        }
    }
}

#[test]
fn a_reader_in_another_process_sees_whole_states_that_never_go_back() {
    if let Some(dir) = std::env::var_os(PART) {
        write_batches(dir.as_ref());
    }
    let dir = tempfile::tempdir().unwrap();
    let mut writer =
        Player::new("a_reader_in_another_process_sees_whole_states_that_never_go_back", dir.path());
    let mut published = writer.wait_for(1);
    let (mut last, mut refreshed, mut opened, mut outrun, mut pause) = (0, 0, 0, 0, 1);
    for _ in 0..20 {
        let reader = read_only(dir.path()).unwrap();
        opened += 1;
        for _ in 0..40 {
            let seen = whole(&reader);
            assert!(seen >= last, "{seen} was seen after {last}");
            assert!(seen >= published, "{published} was acknowledged before, and {seen} was seen");
            // It stays as it is until it is refreshed, whatever is written and compacted meanwhile.
            published = writer.wait_for(seen + pause);
            pause = pause % 50 + 1;
            assert_eq!(whole(&reader), seen);
            last = seen;
            match reader.refresh().wait() {
                Ok(news) => {
                    assert!(news);
                    refreshed += 1;
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                    assert!(whole(&reader) >= seen);
                    outrun += 1;
                    break;
                }
            }
        }
    }
    println!("opened {opened} times, refreshed {refreshed} times, outrun {outrun} times, last {last}");
    assert!(refreshed > 0);
}

#[test]
fn a_batch_is_seen_whole_while_the_reader_is_refreshed() {
    if let Some(dir) = std::env::var_os(PART) {
        write_batches(dir.as_ref());
    }
    let dir = tempfile::tempdir().unwrap();
    let mut writer = Player::new("a_batch_is_seen_whole_while_the_reader_is_refreshed", dir.path());
    writer.wait_for(1);
    let (first, last) = ("key 0".to_owned(), format!("key {}", KEYS - 1));
    for _ in 0..100 {
        let reader = read_only(dir.path()).unwrap();
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // Until the writer has compacted what was to be read.
                while !over.load(Ordering::Relaxed) {
                    if reader.refresh().wait().is_err() {
                        break;
                    }
                }
            });
            for _ in 0..500 {
                // Whoever has seen one frame of a batch sees the others.
                let one = number(&reader, &first);
                let other = number(&reader, &last);
                if one > other {
                    over.store(true, Ordering::Relaxed);
                    panic!("{one:?} was seen, then {other:?}");
                }
            }
            over.store(true, Ordering::Relaxed);
        });
        writer.wait_for(1);
    }
}

#[test]
fn a_reader_does_not_write() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(read_only(dir.path()).unwrap_err().kind(), ErrorKind::Invalid);
    let pack = open(dir.path());
    put(&pack, "k", "v");
    let reader = read_only(dir.path()).unwrap();
    let error = reader.write_batch(vec![write("k", None)]).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let error = reader.remove(&"k".into(), larder::Expect::Any).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(get(&reader, "k").unwrap().unwrap(), b"v");
    reader.close().wait().unwrap();
    assert_eq!(get(&pack, "k").unwrap().unwrap(), b"v");
}

#[test]
fn a_store_that_is_locked_names_the_process_and_is_free_when_that_is_killed() {
    const TEST: &str = "a_store_that_is_locked_names_the_process_and_is_free_when_that_is_killed";
    if let Some(dir) = std::env::var_os(PART) {
        write_batches(dir.as_ref());
    }
    let dir = tempfile::tempdir().unwrap();
    let mut last = 0;
    for round in 0..8 {
        let mut writer = Player::new(TEST, dir.path());
        last = writer.wait_for(last + 1 + 7 * round);
        let error = smol::block_on(Pack::open(dir.path())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked);
        let holder = format!("process {}", writer.child.id());
        assert!(error.to_string().contains(&holder), "{error} does not name {holder}");
        last = writer.kill().unwrap_or(last).max(last);
        // At once, and with all that was acknowledged.
        let pack = open(dir.path());
        let found = whole(&pack);
        assert!((last..=last + 1).contains(&found), "{found}, and {last} was acknowledged");
        // Within the process, too, there is one who writes.
        let error = smol::block_on(Pack::open(dir.path())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked);
        assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
        pack.close().wait().unwrap();
        last = found;
    }
}

#[test]
fn a_reader_goes_on_with_the_writer_that_follows_a_killed_one() {
    const TEST: &str = "a_reader_goes_on_with_the_writer_that_follows_a_killed_one";
    if let Some(dir) = std::env::var_os(PART) {
        write_batches(dir.as_ref());
    }
    let dir = tempfile::tempdir().unwrap();
    let mut last = 0;
    let mut reader: Option<Pack> = None;
    for _ in 0..8 {
        let mut writer = Player::new(TEST, dir.path());
        let acknowledged = writer.wait_for(last + 2);
        let current = match reader.take() {
            Some(reader) => match reader.refresh().wait() {
                Ok(_) => reader,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                    read_only(dir.path()).unwrap()
                }
            },
            None => read_only(dir.path()).unwrap(),
        };
        let seen = whole(&current);
        assert!(seen >= acknowledged, "{seen} was seen, {acknowledged} acknowledged");
        let printed = writer.kill();
        // A reader that comes while nobody writes sees no less.
        let late = whole(&read_only(dir.path()).unwrap());
        assert!(late >= printed.unwrap_or(seen), "{late}, {printed:?}");
        last = late.max(seen);
        reader = Some(current);
    }
}

#[test]
fn a_killed_opening_leaves_a_store_that_opens() {
    const TEST: &str = "a_killed_opening_leaves_a_store_that_opens";
    if let Some(dir) = std::env::var_os(PART) {
        println!("\nacknowledged 0");
        write_batches(dir.as_ref());
    }
    for _ in 0..10 {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("deeper/store");
        let mut writer = Player::new(TEST, &dir);
        writer.wait_for(0);
        let last = writer.kill().unwrap_or(0);
        let pack = open(&dir);
        assert!((last..=last + 1).contains(&whole(&pack)));
        put(&pack, "k", "v");
        pack.close().wait().unwrap();
    }
}
