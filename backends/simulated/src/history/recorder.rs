//! [`Recorder`]: one counter for all clients, and a book for each.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use larder::{Clock, Document, Extras, Larder, RealClock};

use super::answer::{Answer, Digest};
use super::call::{Call, Update};
use super::operation::{Operation, Outcome};
use super::recorded::Recorded;
use super::{History, Nanos};

/// Records what clients see of a store. Cheap to clone; all clones share the record.
///
/// The order of invocations and returns comes from one sequentially consistent counter, never from a clock:
/// if an operation returned before another was invoked, its number is the lower one, on every machine.
///
/// ```
/// use larder::Larder;
/// use larder_simulated::{check, history::Recorder};
/// # async fn example() -> larder::Result<()> {
/// let larder = Larder::new(larder_memory::Memory::new());
/// let recorder = Recorder::new();
/// let (ada, bob) = (recorder.larder(0, &larder), recorder.larder(1, &larder));
/// ada.assoc("a", &1).await?;
/// assert_eq!(bob.get::<u64>("a").await?, Some(1));
/// assert!(check::check(&recorder.history()).is_linearizable());
/// # Ok(())
/// # }
/// # pollster::block_on(example()).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Recorder(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    order: AtomicU64,
    clock: Arc<dyn Clock>,
    start: Duration,
    books: Mutex<Vec<Arc<Book>>>,
    crashes: Mutex<Vec<u64>>,
}

/// What one client did.
#[derive(Debug)]
struct Book {
    shared: Arc<Shared>,
    client: u64,
    /// The place after the last effect that was reported for this client; 0 before the first.
    effect: AtomicU64,
    operations: Mutex<Vec<Operation>>,
}

impl Recorder {
    /// A recorder whose pictures show real time.
    pub fn new() -> Recorder {
        Recorder::with_clock(RealClock::shared())
    }

    /// A recorder whose pictures show the time of this clock.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Recorder {
        let start = clock.now();
        Recorder(Arc::new(Shared {
            order: AtomicU64::new(0),
            clock,
            start,
            books: Mutex::default(),
            crashes: Mutex::default(),
        }))
    }

    /// The store as this client uses it, recorded.
    pub fn record<S: Extras + ?Sized>(&self, client: u64, store: Arc<S>) -> Recorded<S> {
        Recorded::new(self.client(client), store)
    }

    /// The store of this larder as this client uses it, recorded.
    pub fn larder(&self, client: u64, larder: &Larder) -> Larder {
        Larder::over(Arc::new(self.record(client, Arc::clone(larder.store()))))
    }

    /// A client, for those who record calls by hand. The same number is the same client.
    pub fn client(&self, client: u64) -> Client {
        let mut books = lock(&self.0.books);
        if let Some(book) = books.iter().find(|book| book.client == client) {
            return Client(Arc::clone(book));
        }
        let book = Arc::new(Book {
            shared: Arc::clone(&self.0),
            client,
            effect: AtomicU64::new(0),
            operations: Mutex::default(),
        });
        books.push(Arc::clone(&book));
        Client(book)
    }

    /// Says that something this client asked for takes effect at this moment, so that the check need not
    /// search. Whoever simulates the store knows; the last effect within an operation counts. If it is
    /// wrong the check takes longer, and its verdict is the same.
    pub fn effect(&self, client: u64) {
        let place = self.0.place();
        self.client(client).0.effect.store(place + 1, Ordering::SeqCst);
    }

    /// Says that the storage crashed at this moment: what was under way has happened by now or never will.
    pub fn crash(&self) {
        let place = self.0.place();
        lock(&self.0.crashes).push(place);
    }

    /// What was recorded so far. Operations that are under way are in it, as unknown.
    pub fn history(&self) -> History {
        let books: Vec<Arc<Book>> = lock(&self.0.books).iter().map(Arc::clone).collect();
        let mut operations = Vec::new();
        books.iter().for_each(|book| operations.extend(lock(&book.operations).iter().cloned()));
        History::with_crashes(operations, lock(&self.0.crashes).clone())
    }
}

impl Default for Recorder {
    fn default() -> Recorder {
        Recorder::new()
    }
}

impl Shared {
    /// The next place in the order.
    fn place(&self) -> u64 {
        self.order.fetch_add(1, Ordering::SeqCst)
    }

    fn nanos(&self) -> Nanos {
        let since = self.clock.now().saturating_sub(self.start);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}

/// One client of a [`Recorder`].
#[derive(Clone, Debug)]
pub struct Client(Arc<Book>);

impl Client {
    /// The number of the client.
    pub fn id(&self) -> u64 {
        self.0.client
    }

    /// Records that this call begins now.
    pub fn invoke(&self, call: Call) -> Pending {
        let book = &self.0;
        let began = book.shared.nanos();
        let mut operations = lock(&book.operations);
        let at = operations.len();
        let mut operation = Operation::new(book.client, call, book.shared.place());
        (operation.number, operation.began) = (at as u64, began);
        operations.push(operation);
        Pending { book: Arc::clone(book), at }
    }
}

/// A call that has begun. If it is dropped before it is told what came of it, that stays unknown.
#[derive(Debug)]
#[must_use = "a call that is dropped has an unknown outcome"]
pub struct Pending {
    book: Arc<Book>,
    at: usize,
}

impl Pending {
    /// It came back with this answer.
    pub fn ok(self, answer: Answer) {
        self.finish(Outcome::Ok(answer));
    }

    /// It came back with this outcome.
    pub fn finish(self, outcome: Outcome) {
        let book = &*self.book;
        let ended = book.shared.nanos();
        let returned = book.shared.place();
        let effect = book.effect.load(Ordering::SeqCst).checked_sub(1);
        self.edit(|operation| {
            operation.outcome = outcome;
            (operation.returned, operation.ended) = (Some(returned), Some(ended));
            operation.effect = effect.filter(|effect| (operation.invoked..returned).contains(effect));
        });
    }

    /// Notes what the function of an `update_in` was given and what it made of it.
    pub fn ran(&self, old: Option<Document>, new: Option<Document>) {
        self.edit(|operation| {
            if let Call::UpdateIn(_, update) = &mut operation.call {
                *update = Update::Ran { old, new };
            }
        });
    }

    /// Notes the bytes of a `bassoc`, now that all of them were handed over.
    pub fn bytes(&self, digest: Digest) {
        self.edit(|operation| {
            if let Call::Bassoc(_, bytes) = &mut operation.call {
                *bytes = Some(digest);
            }
        });
    }

    /// Another hold on the same call, for what goes on noting beside the one who will finish it.
    pub(super) fn beside(&self) -> Pending {
        Pending { book: Arc::clone(&self.book), at: self.at }
    }

    fn edit(&self, edit: impl FnOnce(&mut Operation)) {
        if let Some(operation) = lock(&self.book.operations).get_mut(self.at) {
            edit(operation);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
