//! Values as EDN text, in the one form that `tests/data/README.md` describes.

use ciborium::Value;

/// The value as Clojure prints it.
pub(crate) fn edn(value: &Value) -> String {
    match value {
        Value::Null => "nil".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Integer(value) => i128::from(*value).to_string(),
        Value::Float(value) => double(*value),
        Value::Text(text) => string(text),
        Value::Bytes(bytes) => format!("#bytes \"{}\"", hex(bytes)),
        Value::Array(items) => format!("[{}]", items.iter().map(edn).collect::<Vec<_>>().join(" ")),
        Value::Map(pairs) => {
            let mut pairs: Vec<_> = pairs.iter().map(|(name, value)| (edn(name), edn(value))).collect();
            pairs.sort();
            let pairs: Vec<_> = pairs.into_iter().map(|(name, value)| format!("{name} {value}")).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        Value::Tag(tag, inner) => tagged(*tag, inner),
        other => format!("{other:?}"),
    }
}

fn tagged(tag: u64, inner: &Value) -> String {
    match (tag, inner) {
        (0, Value::Text(text)) => {
            let time = larder::Timestamp::parse(text).map_or(text.clone(), |time| time.to_string());
            format!("#inst \"{}\"", time.replace('Z', "-00:00"))
        }
        (2 | 3, Value::Bytes(bytes)) => {
            let size = bytes.iter().fold(0_i128, |sum, byte| (sum << 8) | i128::from(*byte));
            format!("{}N", if tag == 2 { size } else { -1 - size })
        }
        (30, Value::Array(parts)) => format!("{}/{}", edn(&parts[0]), edn(&parts[1])).replace('N', ""),
        (32, Value::Text(text)) => format!("#uri {}", string(text)),
        (35, Value::Text(text)) => format!("#regex {}", string(text)),
        (37, Value::Bytes(bytes)) => {
            let hex = hex(bytes);
            format!(
                "#uuid \"{}-{}-{}-{}-{}\"",
                &hex[..8],
                &hex[8..12],
                &hex[12..16],
                &hex[16..20],
                &hex[20..]
            )
        }
        (39, Value::Text(text)) => text.clone(),
        (258, Value::Array(items)) => {
            let mut items: Vec<_> = items.iter().map(edn).collect();
            items.sort();
            format!("#{{{}}}", items.join(" "))
        }
        (tag, inner) => format!("{tag}({})", edn(inner)),
    }
}

fn string(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// As Java prints it: with an exponent below a thousandth and from ten million on.
fn double(value: f64) -> String {
    if value.is_nan() {
        return "##NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "##Inf" } else { "##-Inf" }.to_owned();
    }
    if value == 0.0 || (1e-3..1e7).contains(&value.abs()) {
        return format!("{value:?}");
    }
    let text = format!("{value:E}");
    match text.split_once('E') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0E{exponent}"),
        _ => text,
    }
}
