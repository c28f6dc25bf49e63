//! Keys of every shape, and keys that a careless backend trips over.

use larder::{Key, limits};

/// Every kind of key, many that look alike, and many that look like something else to a file
/// system, a database or a terminal. All are different.
pub(crate) fn all() -> Vec<Key> {
    let mut keys = shapes();
    keys.extend(hostile_texts().iter().map(Key::from));
    keys.extend(large());
    keys
}

/// One of every shape, and neighbours that must not be taken for one another.
pub(crate) fn shapes() -> Vec<Key> {
    let mut keys: Vec<Key> = vec![
        Key::null(),
        true.into(),
        false.into(),
        Key::bytes(b""),
        Key::bytes(b"1"),
        Key::bytes(b"ada"),
        Key::uuid([0; 16]),
        Key::uuid([0xff; 16]),
        Key::bytes(&[0xff; 16]),
        Key::keyword("ada"),
        Key::keyword("user/name"),
        Key::identifier("ada"),
        Key::array([]),
        Key::array([Key::null()]),
        Key::array(["ada".into()]),
        Key::array(["users".into(), 42.into()]),
        Key::array([Key::array(["users".into(), 42.into()])]),
        Key::map([]),
        Key::map([("a".into(), 1.into()), ("b".into(), Key::array([2.into()]))]),
        Key::map([("a".into(), 1.into())]),
    ];
    keys.extend([0, 1, -1, 23, 24, 255, 256, 65_536, i64::MAX, i64::MIN].map(Key::from));
    keys.push(u64::MAX.into());
    keys.extend(
        [0.0, -0.0, 1.0, -1.5, 0.1, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX].map(Key::from),
    );
    keys.extend(["", "1", "-1", "1.0", "true", "null", "ada", ":ada", "[]", "{}", "\"ada\""].map(Key::from));
    keys
}

/// Texts that mean something to whoever forgets to escape them.
pub(crate) fn hostile_texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        // Paths.
        ".",
        "..",
        "...",
        "/",
        "//",
        "../",
        "../..",
        "../../etc/passwd",
        "/etc/passwd",
        "a/../b",
        "a/b",
        "a//b",
        "a/",
        "/a",
        "./a",
        "a/.",
        "a/..",
        "\\",
        "..\\..\\a",
        "C:\\a",
        "C:",
        "~",
        "~/a",
        "$HOME",
        "`a`",
        "%00",
        "%2e%2e%2f",
        "%2F",
        "a%2Fb",
        "a%2fb",
        "%",
        "%%",
        "%2",
        "a+b",
        "a b",
        " ",
        "  ",
        " a",
        "a ",
        "a.",
        "a..",
        ".a",
        "-",
        "--",
        "--help",
        "-rf",
        "+",
        "@a",
        "=",
        "==",
        "_",
        "a_b",
        // Control characters.
        "\0",
        "a\0b",
        "a\0",
        "\n",
        "a\nb",
        "\r\n",
        "\t",
        "\u{7f}",
        "\u{1b}[31m",
        "\u{85}",
        "\u{2028}",
        // Names that some systems keep for themselves.
        "CON",
        "con",
        "NUL",
        "nul.txt",
        "AUX",
        "COM1",
        "lost+found",
        "desktop.ini",
        ".git",
        ".lock",
        "lock",
        "tmp",
        ".tmp",
        "a.tmp",
        "a.new",
        "a.ksv",
        "descriptor",
        "larder",
        "index",
        "data",
        // The same to a system that folds case or normalizes.
        "A",
        "a",
        "ADA",
        "Ada",
        "aDa",
        "ß",
        "ss",
        "SS",
        "ẞ",
        "İ",
        "i\u{307}",
        "ı",
        "I",
        "i",
        "é",
        "e\u{301}",
        "Å",
        "A\u{30a}",
        "\u{212b}",
        "ﬀ",
        "ff",
        "K",
        "\u{212a}",
        "\u{feff}a",
        "a\u{200d}",
        "a\u{200b}",
        "\u{202e}a",
        // Patterns and quoting.
        "*",
        "?",
        "a*",
        "[a]",
        "{a,b}",
        "a|b",
        "<",
        ">",
        "a:b",
        "'",
        "\"",
        "''",
        "a;b",
        "a&b",
        "a,b",
        "#",
        "!",
        "^",
        "${a}",
        "%s",
        "%n",
        "\\x00",
        "\\0",
        "json:1",
        "hash:0",
        // Other planes.
        "日本語",
        "👩‍👩‍👧‍👦",
        "\u{10ffff}",
        "\u{e000}",
    ]
    .iter()
    .map(ToString::to_string)
    .collect();
    // Around the lengths at which names, blocks and heads of CBOR change their form.
    for len in
        [23, 24, 36, 37, 38, 63, 64, 127, 128, 200, 240, 250, 251, 252, 253, 254, 255, 256, 257, 1024, 4096]
    {
        texts.push("n".repeat(len));
        texts.push("/".repeat(len));
    }
    texts
}

/// Keys as large as they may be; two of them differ in their last byte alone.
pub(crate) fn large() -> Vec<Key> {
    // Of the encoding, three bytes are the head of the text.
    let emoji = "🗝".repeat((limits::KEY_BYTES - 3) / 4);
    vec![
        Key::from(format!("{emoji}1")),
        Key::from(format!("{emoji}2")),
        Key::from("/".repeat(limits::KEY_BYTES - 3)),
        Key::from("\0".repeat(limits::KEY_BYTES - 3)),
        Key::bytes(&vec![b'.'; limits::KEY_BYTES - 3]),
        Key::array((0..1000).map(|_| Key::from("an element of a long array"))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_different_and_within_the_limits() {
        let mut keys = all();
        for key in &keys {
            key.check().unwrap();
        }
        let count = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), count);
        assert!(large().iter().filter(|key| key.as_cbor().len() == limits::KEY_BYTES).count() >= 4);
    }
}
