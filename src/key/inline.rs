//! Short keys, in place: written, hashed and compared by whole words.

use crate::cbor;

/// So many bytes are kept in the key itself; longer keys share a buffer.
pub(super) const INLINE: usize = 39;

/// The words of an inline key, its length included.
const WORDS: usize = 5;

const _: () = assert!(INLINE + 1 == WORDS * 8);

/// A short key in place. The bytes past its length are zero, so that keys can be written, hashed and
/// compared by whole words: a processor hands a word that was just stored straight on to a load of the
/// same word, but has to wait if the load spans several stores.
#[derive(Clone, Copy)]
#[repr(align(8))]
pub(super) struct Inline([u8; INLINE + 1]);

impl Inline {
    /// No bytes.
    pub(super) const EMPTY: Inline = Inline([0; INLINE + 1]);

    /// Up to [`INLINE`] bytes.
    pub(super) fn new(bytes: &[u8]) -> Inline {
        let mut inline = [0; INLINE + 1];
        inline[..bytes.len()].copy_from_slice(bytes);
        // The last byte is the length.
        inline[INLINE] = bytes.len() as u8;
        Inline(inline)
    }

    /// The same as [`Inline::new`], by whole words.
    #[inline(always)]
    pub(super) fn by_words(bytes: &[u8]) -> Inline {
        let last = word_at(bytes, 32) | (bytes.len() as u64) << 56;
        let words = [word_at(bytes, 0), word_at(bytes, 8), word_at(bytes, 16), word_at(bytes, 24), last];
        let mut bytes = [0; INLINE + 1];
        for (bytes, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(words) {
            *bytes = word.to_le_bytes();
        }
        Inline(bytes)
    }

    /// How many of the bytes count.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        usize::from(self.0[INLINE])
    }

    /// The bytes that count.
    #[inline(always)]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0[..self.len()]
    }

    /// Text of up to [`Inline::TEXT`] bytes, with its head.
    #[inline(always)]
    pub(super) fn text(text: &[u8]) -> Inline {
        let (zero, one, two) = (word_at(text, 0), word_at(text, 8), word_at(text, 16));
        let head = u64::from((cbor::TEXT << 5) | text.len() as u8);
        let words =
            [head | zero << 8, zero >> 56 | one << 8, one >> 56 | two << 8, 0, (text.len() as u64 + 1) << 56];
        let mut bytes = [0; INLINE + 1];
        for (bytes, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(words) {
            *bytes = word.to_le_bytes();
        }
        Inline(bytes)
    }

    /// The longest text whose head is one byte; with it, it fills three words.
    pub(super) const TEXT: usize = 23;

    /// The bytes, zeros and the length.
    #[inline(always)]
    pub(super) fn words(&self) -> [u64; WORDS] {
        let (words, _) = self.0.as_chunks::<8>();
        std::array::from_fn(|i| u64::from_le_bytes(words[i]))
    }
}

/// The eight bytes at `at`, little-endian, zeros past the end.
#[inline(always)]
fn word_at(bytes: &[u8], at: usize) -> u64 {
    let load = |at: usize| {
        bytes.get(at..at + 8).map_or(0, |word| u64::from_le_bytes(word.try_into().unwrap_or_default()))
    };
    let left = bytes.len().saturating_sub(at);
    match left {
        8.. => load(at),
        0 => 0,
        // The last eight bytes, without those that belong to the word before.
        _ if bytes.len() >= 8 => load(bytes.len() - 8) >> (8 * (8 - left)),
        _ => bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_are_the_same_by_words_and_by_bytes() {
        for len in 0..=INLINE {
            let bytes: Vec<u8> = (1..=len as u8).map(|byte| byte.wrapping_mul(77)).collect();
            assert_eq!(Inline::by_words(&bytes).words(), Inline::new(&bytes).words(), "{len}");
        }
    }

    #[test]
    fn text_is_the_same_by_words_and_by_bytes() {
        let text: Vec<u8> = (b'a'..=b'z').collect();
        for len in 0..=Inline::TEXT {
            let mut encoded = vec![(cbor::TEXT << 5) | len as u8];
            encoded.extend_from_slice(&text[..len]);
            let (by_words, by_bytes) = (Inline::text(&text[..len]), Inline::new(&encoded));
            assert_eq!(by_words.words(), by_bytes.words(), "{len}");
            assert_eq!(by_words.bytes(), encoded);
        }
    }
}
