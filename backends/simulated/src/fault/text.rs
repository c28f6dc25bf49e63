//! Faults as text, for URLs and command lines: `none`, `swarm`, `lost-ack=1%,hang=1/2000`.

use std::str::FromStr;

use larder::{Error, ErrorKind};

use super::faults::Faults;
use super::kind::FaultKind;
use crate::draw::Ratio;

impl FromStr for Faults {
    type Err = Error;

    /// Reads `none`, `swarm`, kinds with their rates (`lost-ack=1%`, `hang=0.05%`, `crash=1/2000`), or
    /// several of these with commas between them.
    ///
    /// # Errors
    /// `Invalid` if it is none of these, saying what there is.
    fn from_str(text: &str) -> Result<Faults, Error> {
        let invalid = |why: String| Error::new(ErrorKind::Invalid, format!("the faults {text:?}: {why}"));
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        let first = if parts.contains(&"swarm") { Faults::swarm() } else { Faults::none() };
        parts.into_iter().filter(|part| !matches!(*part, "none" | "swarm")).try_fold(first, |faults, part| {
            let (kind, rate) = part.split_once('=').ok_or_else(|| {
                invalid(format!("{part:?} is neither none, swarm nor a kind with a rate, such as hang=0.1%"))
            })?;
            let kind: FaultKind = kind.trim().parse().map_err(invalid)?;
            let rate = ratio(rate.trim()).ok_or_else(|| {
                invalid(format!("{rate:?} is no rate; write 1%, 0.05% or 1/2000, at most all"))
            })?;
            Ok(faults.rate(kind, rate))
        })
    }
}

/// A rate as a percentage with up to four digits behind the point, or as a fraction. Without floating
/// point, so that it is the same everywhere.
fn ratio(text: &str) -> Option<Ratio> {
    let (part, whole) = match (text.split_once('/'), text.strip_suffix('%')) {
        (Some((part, whole)), _) => (number(part)?, number(whole)?),
        (None, Some(percent)) => {
            let (whole, digits) = percent.split_once('.').unwrap_or((percent, "0"));
            let scale = 10u64.pow(u32::try_from(digits.len()).ok().filter(|digits| *digits <= 4)?);
            let part = number(whole)?.checked_mul(scale)?.checked_add(number(digits)?)?;
            (part, 100 * scale)
        }
        (None, None) => return None,
    };
    (part <= whole && whole > 0).then(|| Ratio::new(part, whole))
}

/// Digits and nothing else.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(text: &str) -> Vec<(FaultKind, Ratio)> {
        text.parse::<Faults>().unwrap().rates(3).into_iter().collect()
    }

    #[test]
    fn faults_are_read_from_text() {
        assert_eq!(
            rates("lost-ack=1%, throttle=0.05%,hang=1/2000,crash=100%"),
            [
                (FaultKind::LostAck, Ratio::new(10, 1_000)),
                (FaultKind::Hang, Ratio::new(1, 2_000)),
                (FaultKind::Throttle, Ratio::new(5, 10_000)),
                (FaultKind::Crash, Ratio::new(1_000, 1_000)),
            ]
        );
        assert_eq!(rates("none"), []);
        assert_eq!(rates("swarm"), Faults::swarm().rates(3).into_iter().collect::<Vec<_>>());
        for both in ["swarm,rot=7%", "rot=7%,swarm"] {
            assert!(rates(both).contains(&(FaultKind::Rot, Ratio::new(70, 1_000))));
            assert_eq!(rates(both).len(), rates("swarm").len() + 1);
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_a_hint() {
        for (text, hint) in [
            ("", "neither none"),
            ("lost-ack", "with a rate"),
            ("lost-acks=1%", "there are error-before"),
            ("hang=1", "no rate"),
            ("hang=101%", "no rate"),
            ("hang=1/0", "no rate"),
            ("hang=+1%", "no rate"),
            ("hang=.%", "no rate"),
            ("hang=0.00001%", "no rate"),
            ("hang=99999999999999999999%", "no rate"),
        ] {
            let error = text.parse::<Faults>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(error.to_string().contains(hint), "{text}: {error}");
        }
    }
}
