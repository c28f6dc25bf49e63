//! Numbers as they stand in profiles and recordings: times as text such as `"25ms"` or `"1ms 500us"`,
//! shares as decimal numbers of at most nine places. Both come back exactly as they were.

use std::time::Duration;

use larder::{Error, ErrorKind};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::table::LONGEST;
use crate::time::Nanos;

/// What the caller gave makes no sense; the message says what to do.
pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Invalid, message.into())
}

/// A time as nanoseconds, a year at most.
pub(super) fn nanos(time: Duration) -> Nanos {
    Nanos::try_from(time.as_nanos()).unwrap_or(LONGEST).min(LONGEST)
}

/// A length of time, a year at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span(pub(super) Nanos);

impl Span {
    pub(super) fn of(time: Duration) -> Span {
        Span(nanos(time))
    }

    pub(super) fn text(self) -> String {
        humantime::format_duration(Duration::from_nanos(self.0)).to_string()
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
        use serde::de::Error;
        let text = String::deserialize(deserializer)?;
        let time = humantime::parse_duration(&text).map_err(|why| {
            D::Error::custom(format!("{text:?} is no time ({why}); write it like \"25ms\" or \"1ms 500us\""))
        })?;
        let whole = time.as_nanos() <= u128::from(LONGEST);
        whole.then(|| Span::of(time)).ok_or_else(|| D::Error::custom(format!("{text:?} is more than a year")))
    }
}

/// A number that is not negative, counted in billionths: what is written out is read back exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Decimal(u64);

impl Decimal {
    /// The nearest one, `None` for what is negative, infinite or no number, or above a million.
    pub(super) fn of(value: f64) -> Option<Decimal> {
        (0.0..=1e6).contains(&value).then_some(Decimal((value * 1e9 + 0.5) as u64))
    }

    pub(super) fn value(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.value())
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
        use serde::de::Error;
        let value = f64::deserialize(deserializer)?;
        Decimal::of(value)
            .ok_or_else(|| D::Error::custom(format!("{value} is not between 0 and a million; correct it")))
    }
}
