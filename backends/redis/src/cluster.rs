//! A cluster as this client sees it: its servers, and which of them holds which slot. The view is made anew
//! when something speaks against it, by whoever meets that, once for all who wait.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Either, Shared, select};
use larder::{Clock, Error, ErrorKind, Result};
use redis::Value;

use crate::failure::{self, Trouble};
use crate::link::Link;
use crate::request::Request;
use crate::slots::{self, Place, Range, SLOTS, slot};

/// How long a server may take to tell its view before another one is asked.
const TURN: Duration = Duration::from_millis(500);

/// A view that is younger than this is not made anew.
const FRESH: Duration = Duration::from_millis(10);

/// No server.
const NOBODY: u16 = u16::MAX;

type Attempt = Shared<BoxFuture<'static, Result<(), Trouble>>>;
type Make<N> = Box<dyn Fn(&Place) -> Result<N> + Send + Sync>;

/// The servers of a cluster.
pub(crate) struct Cluster<N>(Arc<Inner<N>>);

struct Inner<N> {
    seeds: Vec<Place>,
    patience: Duration,
    clock: Arc<dyn Clock>,
    make: Make<N>,
    /// A server's connection for whatever is short.
    main: fn(&N) -> &Link,
    state: Mutex<State<N>>,
}

struct State<N> {
    nodes: BTreeMap<Place, Arc<N>>,
    view: Option<View<N>>,
    /// When the view was made.
    made: Duration,
    attempt: Option<Attempt>,
    closed: bool,
}

struct View<N> {
    primaries: Vec<(Place, Arc<N>)>,
    /// For each slot an index into these, or [`NOBODY`].
    holders: Vec<u16>,
}

/// What the tries of one question have learnt.
#[derive(Default)]
pub(crate) struct Route {
    /// The server that is receiving the slot, for the next try.
    asking: Option<Place>,
    /// Something spoke against the view; and this server is the last to be asked about it.
    doubt: Option<Option<Place>>,
    /// How often another server was named.
    moves: u32,
}

impl<N: Send + Sync + 'static> Cluster<N> {
    pub(crate) fn new(
        seeds: Vec<Place>,
        patience: Duration,
        clock: Arc<dyn Clock>,
        make: Make<N>,
        main: fn(&N) -> &Link,
    ) -> Cluster<N> {
        let state =
            State { nodes: BTreeMap::new(), view: None, made: Duration::ZERO, attempt: None, closed: false };
        Cluster(Arc::new(Inner { seeds, patience, clock, make, main, state: Mutex::new(state) }))
    }

    /// The server to try for this Redis key, and whether it must be told that it is asked for a slot that it
    /// is still receiving.
    pub(crate) async fn find(&self, key: &[u8], route: &mut Route) -> Result<(Place, Arc<N>, bool), Trouble> {
        if let Some(place) = route.asking.take() {
            let node = self.node(&place).map_err(Trouble::Refused)?;
            return Ok((place, node, true));
        }
        self.settle_doubt(route).await?;
        match self.0.holder(slot(key)) {
            Some((place, node)) => Ok((place, node, false)),
            None => {
                route.doubt = Some(None);
                Err(Trouble::Wait(failure::error(
                    ErrorKind::Unavailable,
                    "no server of the cluster holds the slot of this key at the moment",
                )))
            }
        }
    }

    /// This server, as long as it is a primary.
    pub(crate) async fn primary(
        &self,
        place: &Place,
        route: &mut Route,
    ) -> Result<(Place, Arc<N>, bool), Trouble> {
        self.settle_doubt(route).await?;
        if !self.holds(place) {
            return Err(Trouble::Refused(failure::error(
                ErrorKind::Unavailable,
                format!("{place} holds no slots of the cluster any more"),
            )));
        }
        Ok((place.clone(), self.node(place).map_err(Trouble::Refused)?, false))
    }

    /// Whether this server holds any slots, in the view that there is.
    pub(crate) fn holds(&self, place: &Place) -> bool {
        self.0.state().view.as_ref().is_some_and(|view| view.primaries.iter().any(|(one, _)| one == place))
    }

    /// Whether this Redis key belongs to this server, in the view that there is.
    pub(crate) fn is_at(&self, key: &[u8], place: &Place) -> bool {
        self.0.holder(slot(key)).is_some_and(|(holder, _)| holder == *place)
    }

    /// All servers that hold slots, by a view made now.
    pub(crate) async fn primaries(&self) -> Result<Vec<Place>, Trouble> {
        self.look(None).await?;
        let state = self.0.state();
        Ok(state.view.iter().flat_map(|view| &view.primaries).map(|(place, _)| place.clone()).collect())
    }

    /// The server at this place.
    ///
    /// # Errors
    /// `Invalid` if it cannot be named or trusted so.
    pub(crate) fn node(&self, place: &Place) -> Result<Arc<N>> {
        let mut state = self.0.state();
        self.0.node(&mut state, place)
    }

    /// What a try's failure says of the cluster: what is to be done next.
    pub(crate) fn learn(&self, trouble: Trouble, asked: &Place, route: &mut Route) -> Trouble {
        let again = |what: &'static str| Trouble::Again(failure::error(ErrorKind::Unavailable, what));
        match trouble {
            Trouble::Moved(slot, place) => {
                if let Some(place) = Place::named(&place, asked) {
                    self.0.moved(slot, &place);
                }
                // That settles it for this slot, and better than a server that has not heard of it; unless
                // the servers do not agree.
                route.moves += 1;
                if route.moves > 1 {
                    route.doubt = Some(None);
                }
                again("the slot of this key is with another server of the cluster")
            }
            Trouble::Ask(place) => {
                route.asking = Place::named(&place, asked);
                again("the slot of this key is being moved to another server of the cluster")
            }
            Trouble::Lost(error) => {
                route.doubt = Some(Some(asked.clone()));
                Trouble::Lost(error)
            }
            Trouble::Wait(error) => {
                route.doubt = Some(None);
                Trouble::Wait(error)
            }
            Trouble::Elsewhere(error) => {
                route.doubt = Some(Some(asked.clone()));
                Trouble::Elsewhere(error)
            }
            trouble => trouble,
        }
    }

    /// Lets go of everything, for good.
    pub(crate) fn close(&self, close: fn(&N)) {
        let mut state = self.0.state();
        state.closed = true;
        (state.view, state.attempt) = (None, None);
        std::mem::take(&mut state.nodes).values().for_each(|node| close(node));
    }

    async fn settle_doubt(&self, route: &mut Route) -> Result<(), Trouble> {
        if let Some(doubted) = route.doubt.take() {
            let looked = self.look(doubted.as_ref()).await;
            if looked.is_err() {
                route.doubt = Some(doubted);
            }
            return looked;
        }
        if self.0.state().view.is_some() { Ok(()) } else { self.look(None).await }
    }

    /// Makes the view anew.
    async fn look(&self, doubted: Option<&Place>) -> Result<(), Trouble> {
        let attempt = {
            let mut state = self.0.state();
            if state.closed {
                return Err(Trouble::Refused(failure::closed()));
            }
            let age = self.0.clock.now().saturating_sub(state.made);
            if state.view.is_some() && state.attempt.is_none() && age < FRESH {
                return Ok(());
            }
            if let Some(attempt) = &state.attempt {
                attempt.clone()
            } else {
                let attempt = self.attempt(&mut state, doubted)?;
                state.attempt.insert(attempt).clone()
            }
        };
        attempt.await
    }

    fn attempt(&self, state: &mut State<N>, doubted: Option<&Place>) -> Result<Attempt, Trouble> {
        for seed in &self.0.seeds {
            self.0.node(state, seed).map_err(Trouble::Refused)?;
        }
        let mut candidates: Vec<(bool, u64, Place, Link)> = state
            .nodes
            .iter()
            .map(|(place, node)| {
                let link = (self.0.main)(node).clone();
                let last = Some(place) == doubted || !link.is_connected();
                (last, self.0.clock.random(), place.clone(), link)
            })
            .collect();
        candidates.sort_by_key(|(last, chance, ..)| (*last, *chance));
        // Weak, so that an attempt that nobody pursues keeps nothing alive.
        let (inner, clock) = (Arc::downgrade(&self.0), Arc::clone(&self.0.clock));
        let turn = TURN.min(self.0.patience);
        let attempt = async move {
            let mut trouble =
                Trouble::Lost(failure::error(ErrorKind::Unavailable, "the cluster has no servers"));
            for (.., place, link) in candidates {
                let asking = pin!(ask(&link, &place));
                match select(asking, clock.sleep(turn)).await {
                    Either::Left((Ok(ranges), _)) => return settle(&inner, Ok(ranges)),
                    Either::Left((Err(Trouble::Refused(error)), _)) => {
                        return settle(&inner, Err(Trouble::Refused(error)));
                    }
                    Either::Left((Err(why), _)) => trouble = why,
                    Either::Right(_) => {
                        trouble = Trouble::Lost(link.failure().unwrap_or_else(|| silent(&place, turn)));
                    }
                }
            }
            settle(&inner, Err(trouble))
        };
        Ok(attempt.boxed().shared())
    }
}

fn silent(place: &Place, turn: Duration) -> Error {
    let message = format!("{place} gave no answer within {} ms", turn.as_millis());
    failure::error(ErrorKind::Unavailable, message)
}

/// Asks this server for its view.
async fn ask(link: &Link, place: &Place) -> Result<Vec<Range>, Trouble> {
    let (epoch, mut connection) = link.connection().await?;
    let mut request = Request::new("CLUSTER");
    request.word("SLOTS");
    let answer: Value = connection.send(&request).await.map_err(|why| {
        let trouble = failure::sorted(&why);
        if matches!(trouble, Trouble::Lost(_)) {
            link.lost(epoch);
        }
        trouble
    })?;
    let ranges = slots::ranges(answer, place);
    // One that was taken out of the cluster knows of no slots.
    ranges.filter(|ranges| !ranges.is_empty()).ok_or_else(|| {
        Trouble::Wait(failure::error(
            ErrorKind::Unavailable,
            format!("{place} does not know who holds the slots of the cluster"),
        ))
    })
}

fn settle<N: Send + Sync + 'static>(
    inner: &Weak<Inner<N>>,
    found: Result<Vec<Range>, Trouble>,
) -> Result<(), Trouble> {
    let Some(inner) = inner.upgrade() else { return Err(Trouble::Refused(failure::closed())) };
    let mut state = inner.state();
    state.attempt = None;
    let ranges = found?;
    if state.closed {
        return Err(Trouble::Refused(failure::closed()));
    }
    let mut view = View { primaries: Vec::new(), holders: vec![NOBODY; SLOTS] };
    let mut nodes = BTreeMap::new();
    for Range { first, last, primary, replicas } in ranges {
        for place in replicas.iter().chain([&primary]) {
            let node = inner.node(&mut state, place).map_err(Trouble::Refused)?;
            nodes.insert(place.clone(), node);
        }
        let index = view.index(&primary, &nodes[&primary]);
        view.holders[usize::from(first)..=usize::from(last)].fill(index);
    }
    // What is not in the cluster any more is forgotten, and with it its connections.
    state.nodes = nodes;
    state.view = Some(view);
    state.made = inner.clock.now();
    Ok(())
}

impl<N> View<N> {
    fn index(&mut self, place: &Place, node: &Arc<N>) -> u16 {
        let found = self.primaries.iter().position(|(one, _)| one == place);
        let index = found.unwrap_or_else(|| {
            self.primaries.push((place.clone(), Arc::clone(node)));
            self.primaries.len() - 1
        });
        // There are no more servers than slots.
        u16::try_from(index).unwrap_or(NOBODY)
    }
}

impl<N> Inner<N> {
    fn state(&self) -> MutexGuard<'_, State<N>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn node(&self, state: &mut State<N>, place: &Place) -> Result<Arc<N>> {
        if state.closed {
            return Err(failure::closed());
        }
        if let Some(node) = state.nodes.get(place) {
            return Ok(Arc::clone(node));
        }
        let node = Arc::new((self.make)(place)?);
        state.nodes.insert(place.clone(), Arc::clone(&node));
        Ok(node)
    }

    fn holder(&self, slot: u16) -> Option<(Place, Arc<N>)> {
        let state = self.state();
        let view = state.view.as_ref()?;
        let index = *view.holders.get(usize::from(slot))?;
        view.primaries.get(usize::from(index)).cloned()
    }

    /// The slot is with this server now.
    fn moved(&self, slot: u16, place: &Place) {
        let mut state = self.state();
        let Ok(node) = self.node(&mut state, place) else { return };
        if let Some(view) = &mut state.view {
            let index = view.index(place, &node);
            if let Some(holder) = view.holders.get_mut(usize::from(slot)) {
                *holder = index;
            }
        }
    }
}
