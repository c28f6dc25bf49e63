//! The servers that hold the records, and which of them a request goes to.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use larder::{Clock, Error, ErrorKind, Result};
use redis::{RedisResult, Value};

use crate::cluster::{Cluster, Route};
use crate::failure::{self, Trouble};
use crate::group::{Group, Item, Safety, Turn};
use crate::link::{Link, Source};
use crate::names::Names;
use crate::request::{Answer, Effect, Request};
use crate::slots::Place;
use crate::target::{Kind, Target};
use crate::tls::Tls;
use crate::wire::Asked;

/// Which of a server's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// For whatever is short.
    Main,
    /// For parts of large records, which would keep the others waiting.
    Bulk,
}

/// Where a request goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct To<'a> {
    lane: Lane,
    whom: Whom<'a>,
}

/// Which server is meant.
#[derive(Clone, Copy, Debug)]
enum Whom<'a> {
    /// The one that holds this Redis key.
    Key(&'a [u8]),
    /// This primary; the only server there is if there is no name.
    Primary(Option<&'a Place>),
}

impl<'a> To<'a> {
    /// To the server of this Redis key, on the connection for whatever is short.
    pub(crate) fn main(key: &'a [u8]) -> To<'a> {
        To { lane: Lane::Main, whom: Whom::Key(key) }
    }

    /// To the server of this Redis key, on the connection for parts of large records.
    pub(crate) fn bulk(key: &'a [u8]) -> To<'a> {
        To { lane: Lane::Bulk, whom: Whom::Key(key) }
    }

    /// To one of the [`primaries`](Nodes::primaries).
    pub(crate) fn primary(lane: Lane, place: Option<&'a Place>) -> To<'a> {
        To { lane, whom: Whom::Primary(place) }
    }
}

/// How the servers are reached.
pub(crate) struct Plan {
    pub(crate) target: Target,
    pub(crate) tls: Tls,
    pub(crate) patience: Duration,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) names: Names,
    /// What writes wait for, if for anything.
    pub(crate) safety: Option<Arc<Safety>>,
}

impl Plan {
    /// The server at this place of a cluster, without connecting to it.
    ///
    /// # Errors
    /// `Invalid` if the certificates are none.
    pub(crate) fn node(&self, place: &Place) -> Result<Node> {
        let client = self.target.at(place).client(&self.tls)?;
        Ok(self.over(&Source::Client(Arc::new(client))))
    }

    fn over(&self, source: &Source) -> Node {
        let link = || Link::new(source.clone(), self.patience, Arc::clone(&self.clock));
        let group = |safety| Group::new(link(), Arc::clone(safety), Arc::clone(&self.clock));
        Node { main: link(), bulk: link(), group: self.safety.as_ref().map(group) }
    }
}

/// A server.
pub(crate) struct Node {
    pub(crate) main: Link,
    bulk: Link,
    /// For writes that wait for replicas.
    group: Option<Group>,
}

impl Node {
    fn link(&self, lane: Lane) -> &Link {
        match lane {
            Lane::Main => &self.main,
            Lane::Bulk => &self.bulk,
        }
    }

    /// Where this goes together with others, if it waits for replicas.
    fn group_for(&self, effect: Effect) -> Option<&Group> {
        self.group.as_ref().filter(|_| effect == Effect::Write)
    }

    fn close(&self) {
        self.main.close();
        self.bulk.close();
        if let Some(group) = &self.group {
            group.link().close();
        }
    }
}

/// The servers.
pub(crate) enum Nodes {
    One(Arc<Node>, Arc<Plan>),
    Many(Cluster<Node>, Arc<Plan>),
}

/// What has become of the tries of one question.
#[derive(Default)]
pub(crate) struct Sent<'a> {
    /// The answer to an earlier one was lost.
    before: bool,
    /// Where the last one was to be sent.
    asked: Option<Cow<'a, Link>>,
    /// It was sent there, on this connection, and there is no answer yet.
    unanswered: Option<u64>,
    /// The last one waits in a group.
    turn: Option<Turn>,
    /// What was learnt of the cluster.
    route: Option<Box<Route>>,
}

impl Nodes {
    /// The servers that are meant, without connecting to any.
    ///
    /// # Errors
    /// `Invalid` if they cannot be named or trusted so.
    pub(crate) fn new(plan: Plan) -> Result<Nodes> {
        let plan = Arc::new(plan);
        let source = match plan.target.kind() {
            Kind::Server => Source::Client(Arc::new(plan.target.client(&plan.tls)?)),
            Kind::Sentinel => Source::Sentinels(Arc::new((plan.target.clone(), plan.tls.clone()))),
            Kind::Cluster => {
                let making = Arc::clone(&plan);
                let cluster = Cluster::new(
                    plan.target.places(),
                    plan.patience,
                    Arc::clone(&plan.clock),
                    Box::new(move |place| making.node(place)),
                    |node| &node.main,
                );
                return Ok(Nodes::Many(cluster, plan));
            }
        };
        Ok(Nodes::One(Arc::new(plan.over(&source)), plan))
    }

    /// Whether there may be several servers.
    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self, Nodes::Many(..))
    }

    /// All servers that hold records.
    pub(crate) async fn primaries(&self) -> Result<Vec<Option<Place>>, Trouble> {
        match self {
            Nodes::One(..) => Ok(vec![None]),
            Nodes::Many(cluster, _) => Ok(cluster.primaries().await?.into_iter().map(Some).collect()),
        }
    }

    /// Whether this one is still one of the primaries.
    pub(crate) fn holds(&self, primary: &Place) -> bool {
        match self {
            Nodes::One(..) => false,
            Nodes::Many(cluster, _) => cluster.holds(primary),
        }
    }

    /// Whether this Redis key belongs to this primary.
    pub(crate) fn is_at(&self, key: &[u8], primary: &Place) -> bool {
        match self {
            Nodes::One(..) => false,
            Nodes::Many(cluster, _) => cluster.is_at(key, primary),
        }
    }

    /// The connection to one of the primaries for whatever is short.
    pub(crate) fn link(&self, primary: Option<&Place>) -> Result<Link, Trouble> {
        match (self, primary) {
            (Nodes::Many(cluster, _), Some(place)) => {
                Ok(cluster.node(place).map_err(Trouble::Refused)?.main.clone())
            }
            (Nodes::One(node, _), _) => Ok(node.main.clone()),
            (Nodes::Many(..), None) => Err(Trouble::Refused(failure::nonsense("CLUSTER SLOTS"))),
        }
    }

    /// Sends it once, which has time until then by the clock: `None` if there is more than one server, or more to do
    /// than to send it over a connection that is there.
    pub(crate) fn send_at_once<'a>(
        &'a self,
        to: To<'_>,
        effect: Effect,
        request: &Request,
        due: Duration,
        sent: &mut Sent<'a>,
    ) -> Option<Asked> {
        let Nodes::One(node, _) = self else { return None };
        if node.group_for(effect).is_some() {
            return None;
        }
        let link = node.link(to.lane);
        let (epoch, asked) = link.ask(request, due)?;
        (sent.asked, sent.unanswered) = (Some(Cow::Borrowed(link)), Some(epoch));
        Some(asked)
    }

    /// Sends it once.
    pub(crate) fn send<'a>(
        &'a self,
        to: To<'_>,
        effect: Effect,
        request: &Request,
        sent: &mut Sent<'a>,
    ) -> impl Future<Output = Result<Answer, Trouble>> {
        async move {
            match self {
                Nodes::One(node, plan) => {
                    let answered = match node.group_for(effect) {
                        None => deliver(Cow::Borrowed(node.link(to.lane)), request, false, sent).await,
                        Some(group) => {
                            Box::pin(deliver_together(plan, group, to, request, false, sent)).await
                        }
                    };
                    answered.map_err(alone)
                }
                // In a box, like all that is large and that most operations need not: a future is moved as a whole.
                Nodes::Many(cluster, plan) => {
                    Box::pin(send_to_cluster(cluster, plan, to, effect, request, sent)).await
                }
            }
        }
    }

    /// Lets go of all connections, for good.
    pub(crate) fn close(&self) {
        match self {
            Nodes::One(node, _) => node.close(),
            Nodes::Many(cluster, _) => cluster.close(Node::close),
        }
    }
}

/// Sends a request to whichever of these servers it belongs to.
async fn send_to_cluster(
    cluster: &Cluster<Node>,
    plan: &Plan,
    to: To<'_>,
    effect: Effect,
    request: &Request,
    sent: &mut Sent<'_>,
) -> Result<Answer, Trouble> {
    sent.asked = None;
    let route = sent.route.get_or_insert_default();
    let (place, node, asking) = match to.whom {
        Whom::Key(key) => cluster.find(key, route).await?,
        Whom::Primary(Some(place)) => cluster.primary(place, route).await?,
        Whom::Primary(None) => return Err(Trouble::Refused(failure::nonsense("CLUSTER SLOTS"))),
    };
    let answered = match node.group_for(effect) {
        None => deliver(Cow::Owned(node.link(to.lane).clone()), request, asking, sent).await,
        Some(group) => deliver_together(plan, group, to, request, asking, sent).await,
    };
    answered.map_err(|trouble| cluster.learn(trouble, &place, sent.route.get_or_insert_default()))
}

/// Sends a request to this server.
fn deliver<'a>(
    link: Cow<'a, Link>,
    request: &Request,
    asking: bool,
    sent: &mut Sent<'a>,
) -> impl Future<Output = Result<Answer, Trouble>> {
    async move {
        let link = &**sent.asked.insert(link);
        let (epoch, mut connection) = link.connection().await?;
        sent.unanswered = Some(epoch);
        let answered = if asking {
            Box::pin(connection.send_asking(request)).await
        } else {
            connection.send(request).await
        };
        sent.settle(answered)
    }
}

/// Sends a write to this server and waits for its replicas.
async fn deliver_together(
    plan: &Plan,
    group: &Group,
    to: To<'_>,
    request: &Request,
    asking: bool,
    sent: &mut Sent<'_>,
) -> Result<Answer, Trouble> {
    sent.asked = Some(Cow::Owned(group.link().clone()));
    let item = grouped(plan, to, request, asking, sent.before).map_err(|why| failure::sorted(&why))?;
    let turn = sent.turn.insert(Turn::new());
    let answered = group.send(item, turn).await;
    sent.turn = None;
    match answered {
        Ok((epoch, value)) => Ok(Answer { value, repeated: sent.before, epoch }),
        Err(trouble) => {
            sent.before |= matches!(trouble, Trouble::Lost(_));
            Err(trouble)
        }
    }
}

/// What a write sends that waits for replicas.
fn grouped(plan: &Plan, to: To<'_>, request: &Request, asking: bool, repeated: bool) -> RedisResult<Item> {
    const ASKING: &str = "ASKING";
    let mut commands = if asking { request.each_after(ASKING)? } else { request.clone() };
    let answer = commands.len() - 1;
    // What was found to be done already, on another connection, is covered by what this one writes after it.
    if let (true, Whom::Key(key)) = (repeated, to.whom) {
        if asking {
            commands.then(ASKING);
        }
        let name = plan.names.own(key, "wait", &[]);
        commands.then("SET").word(&name).word("").word("PX").word(1000u64);
    }
    Ok(Item { commands, answer })
}

/// The trouble of a server that should be the only one.
fn alone(trouble: Trouble) -> Trouble {
    match trouble {
        Trouble::Moved(..) | Trouble::Ask(_) => Trouble::Refused(failure::error(
            ErrorKind::Unsupported,
            "the server is part of a cluster: open it by redis-cluster:",
        )),
        trouble => trouble,
    }
}

impl Sent<'_> {
    /// What is to be made of the answer to the last try.
    ///
    /// # Errors
    /// What stands in the way.
    pub(crate) fn settle(&mut self, answered: RedisResult<Value>) -> Result<Answer, Trouble> {
        let epoch = self.unanswered.take();
        let trouble = match (answered, epoch) {
            (Ok(value), Some(epoch)) => return Ok(Answer { value, repeated: self.before, epoch }),
            (Ok(_), None) => return Err(Trouble::Refused(failure::nonsense("a question"))),
            (Err(failure), _) => failure::sorted(&failure),
        };
        if let (Trouble::Lost(_) | Trouble::Elsewhere(_), Some(link), Some(epoch)) =
            (&trouble, &self.asked, epoch)
        {
            link.lost(epoch);
        }
        self.before |= matches!(trouble, Trouble::Lost(_));
        Err(trouble)
    }

    /// Whether any of them may have been carried out.
    pub(crate) fn may_have_happened(&self) -> bool {
        self.before || self.unanswered.is_some()
    }

    /// The time is over: why there was no connection, if that is what it was waited for.
    pub(crate) fn give_up(&mut self) -> Option<Error> {
        let asked = self.asked.as_deref();
        if let (Some(link), Some(epoch)) = (asked, self.unanswered) {
            // A network that swallows everything says nothing at all: connect anew next time.
            link.lost(epoch);
            return None;
        }
        if self.turn.take().is_some_and(|turn| turn.leave()) {
            self.before = true;
            return None;
        }
        asked.and_then(Link::failure)
    }
}

impl fmt::Debug for Nodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Nodes::One(_, plan) | Nodes::Many(_, plan) => write!(f, "{:?}", plan.target),
        }
    }
}
