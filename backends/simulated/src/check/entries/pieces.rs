//! Texts that grow by pieces, as logs of pieces.

use larder::Document;

/// The pieces that texts are made of, none of which is the beginning of another. So every text that is made of them
/// is made in one way only.
#[derive(Debug)]
pub(in crate::check) struct Pieces(Vec<String>);

impl Pieces {
    /// These pieces, if none is the beginning of another.
    pub(in crate::check) fn new(mut pieces: Vec<String>) -> Option<Pieces> {
        pieces.retain(|piece| !piece.is_empty());
        pieces.sort_unstable();
        pieces.dedup();
        // What lies between a text and a longer one that begins with it begins with it too.
        let apart = pieces.windows(2).all(|pair| !pair[1].starts_with(pair[0].as_str()));
        apart.then_some(Pieces(pieces))
    }

    /// The pieces of a text; `None` if it is not made of them.
    pub(in crate::check) fn split(&self, mut text: &str) -> Option<Vec<Document>> {
        let mut split = Vec::new();
        while !text.is_empty() {
            let after = self.0.partition_point(|piece| piece.as_str() <= text);
            let piece = self.0.get(after.checked_sub(1)?)?;
            text = text.strip_prefix(piece.as_str())?;
            split.push(Document::encode(piece).ok()?);
        }
        Some(split)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_split_in_the_only_way_or_not_at_all() {
        let pieces = Pieces::new(["b", "ab", "", "aa", "ab"].map(str::to_owned).to_vec()).unwrap();
        let split = |text: &str| {
            pieces
                .split(text)
                .map(|split| split.iter().map(|piece| piece.decode::<String>().unwrap()).collect::<Vec<_>>())
        };
        assert_eq!(split("abbaa").unwrap(), ["ab", "b", "aa"]);
        assert_eq!(split("").unwrap(), Vec::<String>::new());
        assert_eq!(split("aab"), Some(vec!["aa".to_owned(), "b".to_owned()]));
        assert_eq!(split("aba"), None);
        assert_eq!(split("c"), None);
        assert!(Pieces::new(vec!["a".to_owned(), "ab".to_owned()]).is_none());
    }
}
