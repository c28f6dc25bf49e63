//! Seeds: numbers, or hashes of commits.

use std::fmt;
use std::str::FromStr;

use larder::{Error, ErrorKind};

/// What decides a run.
///
/// It is written as a number, or as the hash of a commit (40 hexadecimal digits), of which the last 16
/// are the number: so every commit can be tested with a seed of its own, and the commit names it.
///
/// ```
/// use larder_simulated::run::Seed;
/// let seed: Seed = "f666d49a0b1c2d3e4f5061728394a5b6c7d8e9fa".parse().unwrap();
/// assert_eq!(seed, Seed::from(0x8394_a5b6_c7d8_e9fa));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seed(u64);

impl Seed {
    /// The number.
    pub const fn value(self) -> u64 {
        self.0
    }
}

impl From<u64> for Seed {
    fn from(value: u64) -> Seed {
        Seed(value)
    }
}

impl FromStr for Seed {
    type Err = Error;

    /// # Errors
    /// `Invalid` if it is neither a number of 64 bits nor 40 hexadecimal digits.
    fn from_str(text: &str) -> larder::Result<Seed> {
        let text = text.trim();
        if text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            // Forty decimal digits would not fit a number either.
            return u64::from_str_radix(&text[24..], 16).map(Seed).map_err(|_| invalid(text));
        }
        text.parse().map(Seed).map_err(|_| invalid(text))
    }
}

fn invalid(text: &str) -> Error {
    let message =
        format!("{text:?} is no seed: give a number below 2^64 or the 40 digits of a commit's hash");
    Error::new(ErrorKind::Invalid, message)
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_number_or_a_hash() {
        let parsed = |text: &str| text.parse::<Seed>().map(Seed::value).ok();
        assert_eq!(parsed("17\n"), Some(17));
        assert_eq!(parsed("18446744073709551615"), Some(u64::MAX));
        assert_eq!(parsed("18446744073709551616"), None);
        assert_eq!(parsed("0123456789abcdef01234567FFFFFFFFFFFFFFFE"), Some(u64::MAX - 1));
        assert_eq!(parsed("0000000000000000000000000000000000000017"), Some(0x17));
        assert_eq!([parsed(""), parsed("-1"), parsed("f666d49")], [None; 3]);
        assert_eq!(parsed("ü123456789abcdef01234567ffffffffffffff"), None);
    }
}
