//! How the slots of a cluster lie, as each of its primaries tells of itself: also what is on its way.

use std::collections::BTreeMap;

use larder::Result;

use crate::failure;
use crate::nodes::{Lane, To};
use crate::request::{Effect, Request};
use crate::server::text;
use crate::shared::Shared;
use crate::slots::Place;

/// What a primary says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holding {
    /// The number of its last takeover of slots, and its slots.
    pub(crate) slots: String,
    /// Whether it is receiving keys of slots that are another's.
    pub(crate) receives: bool,
}

/// What each of the primaries says; `None` is a server that stands by itself.
pub(crate) type Layout = BTreeMap<Option<Place>, Option<Holding>>;

/// Asks all of them.
pub(crate) async fn layout(shared: &Shared) -> Result<Layout> {
    let mut layout = Layout::new();
    for place in shared.primaries().await? {
        let holding = match &place {
            None => None,
            Some(server) => {
                let make = |_| {
                    let mut request = Request::new("CLUSTER");
                    request.word("NODES");
                    request
                };
                match shared.ask(To::primary(Lane::Main, Some(server)), Effect::Read, make).await {
                    Ok(answer) => Some(holding(&text(answer.value))?),
                    // It has become a replica, or has gone: whoever took its slots is another.
                    Err(_) if !shared.nodes.holds(server) => continue,
                    Err(error) => return Err(error),
                }
            }
        };
        layout.insert(place, holding);
    }
    Ok(layout)
}

/// Understands `ID ADDRESS FLAGS PRIMARY PING PONG EPOCH LINK SLOT SLOT ..` of the server itself; slots on
/// their way are `[SLOT->-ID]` and `[SLOT-<-ID]`.
fn holding(nodes: &str) -> Result<Holding> {
    let own = nodes.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let own = own.into_iter().find(|words| words.get(2).is_some_and(|flags| flags.contains("myself")));
    let words = own.filter(|words| words.len() >= 8).ok_or_else(|| failure::nonsense("CLUSTER NODES"))?;
    let receives = words[8..].iter().any(|slot| slot.contains("-<-"));
    Ok(Holding { slots: [&words[6..7], &words[8..]].concat().join(" "), receives })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_its_way_is_seen() {
        let told = |own: &str| {
            let other = "b 127.0.0.1:2@12 master - 0 1 7 connected 5461-10922";
            holding(&format!("{other}\na 127.0.0.1:1@11 myself,master - 0 0 3 connected {own}\n")).unwrap()
        };
        assert_eq!(told("0-5460"), Holding { slots: "3 0-5460".into(), receives: false });
        assert!(!told("0-5460 [77->-b]").receives && told("0-5460 [77-<-b]").receives);
        assert_ne!(told("0-5460"), told("0-5460 [77->-b]"));
        assert!(holding("a 127.0.0.1:1@11 master - 0 0 3 connected").is_err());
        assert!(holding("").is_err());
    }
}
