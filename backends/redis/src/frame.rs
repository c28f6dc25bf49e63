//! Answers as they come over the wire: taken from a buffer one by one, as soon as they are whole. The common
//! ones are read here, the others by the `redis` crate.

use redis::{ErrorKind, RedisError, RedisResult, Value};

/// How deep answers may be nested, as in the `redis` crate.
const DEPTH: usize = 100;

/// The next answer and how many bytes it takes: `None` if it is not whole.
///
/// # Errors
/// What stands there is no answer; nothing after it can be understood.
pub(crate) fn next(bytes: &[u8]) -> RedisResult<Option<(Value, usize)>> {
    let Some(end) = whole(bytes, 0)? else { return Ok(None) };
    let Some((&kind, rest)) = bytes[..end].split_first() else { return Ok(None) };
    let value = match (kind, line(rest)) {
        (b'$', Some((count, start))) if count != b"-1" => {
            Value::BulkString(rest[start..rest.len() - CRLF].to_vec())
        }
        (b'$', _) => Value::Nil,
        (b':', Some((number, _))) => Value::Int(integer(number)?),
        (b'+', Some((b"OK", _))) => Value::Okay,
        _ => redis::parse_redis_value(&bytes[..end])?,
    };
    Ok(Some((value, end)))
}

/// How many bytes the first answer takes, or the first command: `None` if it is not whole.
///
/// # Errors
/// As [`next`].
pub(crate) fn len(bytes: &[u8]) -> RedisResult<Option<usize>> {
    whole(bytes, 0)
}

/// What ends every line, and every string of bytes.
const CRLF: usize = 2;

/// How many bytes the first answer takes: `None` if it is not whole.
fn whole(bytes: &[u8], depth: usize) -> RedisResult<Option<usize>> {
    let Some((kind, rest)) = bytes.split_first() else { return Ok(None) };
    let Some((text, start)) = line(rest) else {
        // No line that ends nowhere near is one.
        return if rest.len() > LONGEST_LINE { Err(malformed("a line without end")) } else { Ok(None) };
    };
    let start = 1 + start;
    let nested = match kind {
        b'+' | b'-' | b':' | b'_' | b',' | b'#' | b'(' => return Ok(Some(start)),
        b'$' | b'!' | b'=' => {
            let len = integer(text)?;
            if len < 0 {
                return Ok(Some(start));
            }
            let len = usize::try_from(len).ok().filter(|len| *len <= LONGEST_STRING);
            let end = start + len.ok_or_else(|| malformed("a string without end"))? + CRLF;
            return match bytes.get(end - CRLF..end) {
                Some(b"\r\n") => Ok(Some(end)),
                Some(_) => Err(malformed("a string that does not end where it should")),
                None => Ok(None),
            };
        }
        b'*' | b'~' | b'>' => integer(text)?,
        b'%' => integer(text)?.saturating_mul(2),
        // The value that has the attributes follows them.
        b'|' => integer(text)?.saturating_mul(2).saturating_add(1),
        _ => return Err(malformed("an answer of an unknown kind")),
    };
    if depth >= DEPTH {
        return Err(malformed("answers that are nested too deeply"));
    }
    let mut at = start;
    for _ in 0..nested {
        match whole(&bytes[at..], depth + 1)? {
            Some(len) => at += len,
            None => return Ok(None),
        }
    }
    Ok(Some(at))
}

/// More than a server stores under one key.
const LONGEST_STRING: usize = 1 << 30;

/// Errors repeat what they were sent, up to some length.
const LONGEST_LINE: usize = 1 << 20;

/// The first line, and where the next one begins.
fn line(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((bytes[..end].strip_suffix(b"\r")?, end + 1))
}

fn integer(text: &[u8]) -> RedisResult<i64> {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.trim().parse().ok());
    number.ok_or_else(|| malformed("something else where a number should be"))
}

fn malformed(what: &'static str) -> RedisError {
    RedisError::from((ErrorKind::Parse, "the answer cannot be understood", what.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWERS: [&str; 22] = [
        "$5\r\nhello\r\n",
        "$0\r\n\r\n",
        "$-1\r\n",
        "$4\r\na\r\nb\r\n",
        ":42\r\n",
        ":-7\r\n",
        "+OK\r\n",
        "+PONG\r\n",
        "-ERR no\r\n",
        "-NOSCRIPT No matching script. Please use EVAL.\r\n",
        "_\r\n",
        ",1.5\r\n",
        "#t\r\n",
        "(123456789012345678901234567890\r\n",
        "*0\r\n",
        "*-1\r\n",
        "*3\r\n:1\r\n$1\r\na\r\n*2\r\n+OK\r\n$-1\r\n",
        "%2\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n*1\r\n:2\r\n",
        "~2\r\n:1\r\n:2\r\n",
        ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n",
        "=7\r\ntxt:abc\r\n",
        "!7\r\nERR bad\r\n",
    ];

    #[test]
    fn answers_are_those_of_the_redis_crate_wherever_they_are_cut() {
        for answer in ANSWERS {
            let expected = redis::parse_redis_value(answer.as_bytes()).unwrap();
            let followed = [answer, "+next\r\n"].concat();
            assert_eq!(next(followed.as_bytes()).unwrap(), Some((expected, answer.len())), "{answer:?}");
            for cut in 0..answer.len() {
                assert_eq!(next(&answer.as_bytes()[..cut]).unwrap(), None, "{answer:?} up to {cut}");
            }
        }
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let deep = "*1\r\n".repeat(DEPTH + 2);
        let endless = "+".to_owned() + &"x".repeat(LONGEST_LINE + 10);
        for nonsense in [
            "hello\r\n",
            ":a\r\n",
            "$a\r\n",
            "$3\r\nabcde\r\n",
            "*x\r\n",
            "$9223372036854775807\r\n",
            &deep,
            &endless,
        ] {
            let error = next(nonsense.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Parse, "{:?}", &nonsense[..nonsense.len().min(20)]);
        }
    }
}
