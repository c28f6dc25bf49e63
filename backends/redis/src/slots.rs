//! The slots of a cluster: which one a Redis key is in, and which server holds which.

use std::sync::Arc;

use redis::Value;

/// How many slots a cluster has.
pub(crate) const SLOTS: usize = 16384;

/// The slot of this Redis key: of what stands in its first braces, if there is anything in them.
pub(crate) fn slot(key: &[u8]) -> u16 {
    let tag = key.iter().position(|byte| *byte == b'{').and_then(|open| {
        let rest = &key[open + 1..];
        rest.iter().position(|byte| *byte == b'}').filter(|len| *len > 0).map(|len| &rest[..len])
    });
    crc16(tag.unwrap_or(key)) % SLOTS as u16
}

/// CRC-16/XMODEM, which clusters use.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc: u16, byte| {
        (0..8).fold(
            crc ^ u16::from(*byte) << 8,
            |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
            },
        )
    })
}

/// A server's host and port, as the cluster names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) host: Arc<str>,
    pub(crate) port: u16,
}

impl Place {
    /// What a redirection names: `HOST:PORT`, or `:PORT` on the host that was asked.
    pub(crate) fn named(text: &str, asked: &Place) -> Option<Place> {
        let (host, port) = text.rsplit_once(':')?;
        let host = host.trim_matches(['[', ']']);
        let host = if host.is_empty() || host == "?" { Arc::clone(&asked.host) } else { host.into() };
        Some(Place { host, port: port.parse().ok()? })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Slots from the first to the last, the server that holds them, and its replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) first: u16,
    pub(crate) last: u16,
    pub(crate) primary: Place,
    pub(crate) replicas: Vec<Place>,
}

/// Understands the answer to `CLUSTER SLOTS` of the server at this place; `None` if it cannot be.
pub(crate) fn ranges(answer: Value, asked: &Place) -> Option<Vec<Range>> {
    let Value::Array(ranges) = answer else { return None };
    ranges.into_iter().map(|range| one(range, asked)).collect()
}

fn one(range: Value, asked: &Place) -> Option<Range> {
    let Value::Array(parts) = range else { return None };
    let mut parts = parts.into_iter();
    let (Value::Int(first), Value::Int(last)) = (parts.next()?, parts.next()?) else { return None };
    let (first, last) = (u16::try_from(first).ok()?, u16::try_from(last).ok()?);
    if first > last || usize::from(last) >= SLOTS {
        return None;
    }
    let primary = server(parts.next()?, asked)?;
    let replicas = parts.filter_map(|replica| server(replica, asked)).collect();
    Some(Range { first, last, primary, replicas })
}

fn server(server: Value, asked: &Place) -> Option<Place> {
    let Value::Array(parts) = server else { return None };
    let mut parts = parts.into_iter();
    let host = match parts.next()? {
        Value::BulkString(host) => String::from_utf8(host).ok()?,
        Value::SimpleString(host) => host,
        // A server that does not know its own address.
        Value::Nil => String::new(),
        _ => return None,
    };
    let host = if host.is_empty() || host == "?" { Arc::clone(&asked.host) } else { host.into() };
    let Value::Int(port) = parts.next()? else { return None };
    Some(Place { host, port: u16::try_from(port).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(host: &str, port: u16) -> Place {
        Place { host: host.into(), port }
    }

    #[test]
    fn slots_are_those_that_the_server_computes() {
        // As `CLUSTER KEYSLOT` answers.
        for (key, expected) in [
            ("", 0),
            ("123456789", 12739),
            ("foo", 12182),
            ("{user1000}.following", 3443),
            ("foo{}{bar}", 8363),
        ] {
            assert_eq!(slot(key.as_bytes()), expected, "{key}");
        }
        assert_eq!(slot(b"{foo}/a"), slot(b"foo"));
        assert_eq!(slot(b"foo{{bar}}zap"), slot(b"{bar"));
    }

    #[test]
    fn places_are_understood_however_they_are_written() {
        let asked = place("h", 1);
        for (text, expected) in [
            ("127.0.0.1:7000", Some(place("127.0.0.1", 7000))),
            (":7000", Some(place("h", 7000))),
            ("::1:7000", Some(place("::1", 7000))),
            ("[::1]:7000", Some(place("::1", 7000))),
            ("h:", None),
            ("h", None),
        ] {
            assert_eq!(Place::named(text, &asked), expected, "{text}");
        }
    }

    #[test]
    fn answers_that_make_no_sense_are_none() {
        let asked = place("h", 1);
        let text = |text: &str| Value::BulkString(text.into());
        let host = |host: Value, port| Value::Array(vec![host, Value::Int(port), text("id")]);
        let range = |first, last, server| Value::Array(vec![Value::Int(first), Value::Int(last), server]);
        let good = range(0, 16383, host(Value::Nil, 7000));
        let expected = Range { first: 0, last: 16383, primary: place("h", 7000), replicas: Vec::new() };
        assert_eq!(ranges(Value::Array(vec![good]), &asked), Some(vec![expected]));
        for bad in [
            Value::Nil,
            Value::Array(vec![Value::Nil]),
            Value::Array(vec![range(5, 4, host(text("a"), 1))]),
            Value::Array(vec![range(0, 16384, host(text("a"), 1))]),
            Value::Array(vec![range(0, 1, host(text("a"), 70000))]),
            Value::Array(vec![range(0, 1, Value::Int(1))]),
        ] {
            assert_eq!(ranges(bad, &asked), None);
        }
    }
}
