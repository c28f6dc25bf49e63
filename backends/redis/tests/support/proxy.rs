//! A relay between a store and its server that counts round trips and bytes, and loses answers on command.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// What happens to the next answer that contains anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Deliver,
    /// The request reaches the server; the answer is dropped, and the connection.
    Lose,
}

#[derive(Debug)]
struct Inner {
    server: PathBuf,
    fate: Mutex<Fate>,
    /// Whether connections are taken; else they wait.
    open: Mutex<bool>,
    opened: Condvar,
    requests: AtomicUsize,
    bytes_back: AtomicUsize,
    lost: AtomicUsize,
    ended: AtomicBool,
}

/// The relay. It ends with the value.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) port: u16,
    inner: Arc<Inner>,
}

impl Proxy {
    pub(crate) fn start(server: PathBuf) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let inner = Arc::new(Inner {
            server,
            fate: Mutex::new(Fate::Deliver),
            open: Mutex::new(true),
            opened: Condvar::new(),
            requests: AtomicUsize::new(0),
            bytes_back: AtomicUsize::new(0),
            lost: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
        });
        let relay = Arc::clone(&inner);
        thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                let relay = Arc::clone(&relay);
                thread::spawn(move || relay.serve(client));
            }
        });
        Proxy { port, inner }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Loses the next answer, and the connection with it.
    pub(crate) fn lose_next(&self) {
        *self.inner.fate.lock().unwrap() = Fate::Lose;
    }

    /// Lets new connections wait, or lets them through.
    pub(crate) fn hold(&self, hold: bool) {
        *self.inner.open.lock().unwrap() = !hold;
        self.inner.opened.notify_all();
    }

    /// Waits until so many answers have been lost in all.
    pub(crate) fn wait_for_lost(&self, count: usize) {
        while self.inner.lost.load(Ordering::Acquire) < count {
            thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    /// How many times a client began to send since the last answer: with one task, the round trips.
    pub(crate) fn trips(&self) -> usize {
        self.inner.requests.load(Ordering::Acquire)
    }

    pub(crate) fn bytes_back(&self) -> usize {
        self.inner.bytes_back.load(Ordering::Acquire)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.inner.ended.store(true, Ordering::Release);
        self.hold(false);
    }
}

impl Inner {
    fn serve(self: Arc<Inner>, client: TcpStream) {
        let mut open = self.open.lock().unwrap();
        while !*open {
            open = self.opened.wait(open).unwrap();
        }
        drop(open);
        if self.ended.load(Ordering::Acquire) {
            return;
        }
        client.set_nodelay(true).unwrap();
        let Ok(server) = UnixStream::connect(&self.server) else { return };
        let answered = Arc::new(AtomicBool::new(true));
        let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let (relay, idle) = (Arc::clone(&self), Arc::clone(&answered));
        thread::spawn(move || {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(n @ 1..) = from.read(&mut buffer) {
                if idle.swap(false, Ordering::AcqRel) {
                    relay.requests.fetch_add(1, Ordering::AcqRel);
                }
                if to.write_all(&buffer[..n]).is_err() {
                    break;
                }
            }
            _ = to.shutdown(std::net::Shutdown::Both);
        });
        let (mut from, mut to) = (server, client);
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            let fate = std::mem::replace(&mut *self.fate.lock().unwrap(), Fate::Deliver);
            if fate == Fate::Lose {
                self.lost.fetch_add(1, Ordering::AcqRel);
                break;
            }
            answered.store(true, Ordering::Release);
            self.bytes_back.fetch_add(n, Ordering::AcqRel);
            if to.write_all(&buffer[..n]).is_err() {
                break;
            }
        }
        _ = from.shutdown(std::net::Shutdown::Both);
        _ = to.shutdown(std::net::Shutdown::Both);
    }
}
