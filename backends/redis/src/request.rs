//! What is sent to a server, put together as it goes over the wire, and what comes back.

use redis::{Cmd, RedisResult, Value};

use crate::frame;

/// Whether a command changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Read,
    /// It may be sent again: the script tells whether it was carried out before.
    Write,
}

/// Commands, in order. All of their keys are in one slot. One is answered by its answer, several are by an
/// array of theirs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    bytes: Vec<u8>,
    commands: u32,
    /// Where the last command begins, and how many words it has.
    last: usize,
    words: u32,
    /// The others only prepare the last.
    prepares: bool,
    /// Where the key of the only command begins, and the words after it, if it may be joined with others.
    joint: Option<(usize, usize)>,
}

/// A word of a command.
pub(crate) trait Word {
    /// Its bytes, in pieces.
    fn pieces(&self, take: &mut impl FnMut(&[u8]));

    /// How many they are.
    fn len(&self) -> usize {
        let mut len = 0;
        self.pieces(&mut |piece| len += piece.len());
        len
    }
}

impl Request {
    /// A command: its name, whose other words are still to be added.
    pub(crate) fn new(name: &str) -> Request {
        let mut request = Request::with_room(0);
        request.then(name);
        request
    }

    /// No command yet, but room for what is usual and for words of so many bytes.
    pub(crate) fn with_room(words: usize) -> Request {
        const USUAL: usize = 256;
        Request { bytes: Vec::with_capacity(words + USUAL), ..Request::default() }
    }

    /// Begins another command.
    pub(crate) fn then(&mut self, name: &str) -> &mut Request {
        (self.last, self.words) = (self.bytes.len(), 0);
        (self.commands, self.joint) = (self.commands + 1, None);
        self.bytes.extend_from_slice(b"*0\r\n");
        self.word(name)
    }

    /// Adds a word to the last command.
    pub(crate) fn word(&mut self, word: impl Word) -> &mut Request {
        let len = word.len();
        self.bytes.reserve(len + 16);
        self.bytes.push(b'$');
        self.bytes.extend_from_slice(Digits::of(len as u64).as_bytes());
        self.bytes.extend_from_slice(b"\r\n");
        word.pieces(&mut |piece| self.bytes.extend_from_slice(piece));
        self.bytes.extend_from_slice(b"\r\n");
        let (before, now) = (Digits::of(self.words.into()), Digits::of(u64::from(self.words) + 1));
        self.words += 1;
        let at = self.last + 1;
        match (before.as_bytes(), now.as_bytes()) {
            ([_], [digit]) => self.bytes[at] = *digit,
            (before, now) => drop(self.bytes.splice(at..at + before.len(), now.iter().copied())),
        }
        self
    }

    /// The call of [`Script::Swap`](crate::scripts::Script::Swap) that this is has the key that begins here, and the
    /// other words there: it may become a part of one for several.
    pub(crate) fn joining(mut self, key: usize, rest: usize) -> Request {
        self.joint = Some((key, rest));
        self
    }

    /// How many bytes it has so far.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The key and the other words, as they go over the wire, if it may be joined with others.
    pub(crate) fn joint(&self) -> Option<[&[u8]; 2]> {
        let (key, rest) = self.joint?;
        Some([&self.bytes[key..rest], &self.bytes[rest..]])
    }

    /// Adds the commands of another request. Words that are added later belong to its last one.
    pub(crate) fn append(&mut self, other: &Request) {
        (self.last, self.words) = (self.bytes.len() + other.last, other.words);
        (self.commands, self.joint) = (self.commands + other.commands, None);
        self.bytes.extend_from_slice(&other.bytes);
    }

    /// The same with this command before each of its own. Commands can be added to it, but no words to its last.
    pub(crate) fn each_after(&self, name: &str) -> RedisResult<Request> {
        let mut request = Request { prepares: self.prepares, ..Request::default() };
        let mut rest = &self.bytes[..];
        while let Some(len) = frame::len(rest)? {
            let (command, after) = rest.split_at(len);
            request.then(name).bytes.extend_from_slice(command);
            request.commands += 1;
            rest = after;
        }
        Ok(request)
    }

    /// The commands before the last only prepare what it works on: its answer counts, unless it says that there
    /// is nothing.
    pub(crate) fn preparing(mut self) -> Request {
        self.prepares = true;
        self
    }

    /// The answer to the whole, of those to its commands.
    ///
    /// # Errors
    /// The first of them.
    pub(crate) fn answer(&self, answers: impl IntoIterator<Item = RedisResult<Value>>) -> RedisResult<Value> {
        if self.prepares {
            return decisive(answers);
        }
        answers.into_iter().collect::<RedisResult<_>>().map(Value::Array)
    }

    /// What was answered, as it came over the wire.
    ///
    /// # Errors
    /// That of the server.
    pub(crate) fn answered(&self, answer: Value) -> RedisResult<Value> {
        match (self.len(), answer) {
            (1, answer) => answer.extract_error(),
            (_, Value::Array(answers)) => self.answer(answers.into_iter().map(Value::extract_error)),
            (_, answer) => Ok(answer),
        }
    }

    pub(crate) fn prepares(&self) -> bool {
        self.prepares
    }

    /// How many commands there are.
    pub(crate) fn len(&self) -> usize {
        self.commands as usize
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.commands == 0
    }

    /// As it goes over the wire.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The commands as the `redis` crate has them.
    pub(crate) fn commands(&self) -> RedisResult<Vec<Cmd>> {
        let mut commands = Vec::with_capacity(self.len());
        let mut rest = &self.bytes[..];
        while let Some((words, len)) = frame::next(rest)? {
            let mut cmd = Cmd::new();
            for word in words.into_sequence().unwrap_or_default() {
                if let Value::BulkString(word) = word {
                    cmd.arg(word);
                }
            }
            commands.push(cmd);
            rest = &rest[len..];
        }
        Ok(commands)
    }
}

impl Word for &[u8] {
    fn pieces(&self, take: &mut impl FnMut(&[u8])) {
        take(self);
    }
}

impl<const N: usize> Word for &[u8; N] {
    fn pieces(&self, take: &mut impl FnMut(&[u8])) {
        take(&self[..]);
    }
}

impl Word for &Vec<u8> {
    fn pieces(&self, take: &mut impl FnMut(&[u8])) {
        take(self);
    }
}

impl Word for &str {
    fn pieces(&self, take: &mut impl FnMut(&[u8])) {
        take(self.as_bytes());
    }
}

impl Word for u64 {
    fn pieces(&self, take: &mut impl FnMut(&[u8])) {
        take(Digits::of(*self).as_bytes());
    }
}

impl Word for usize {
    fn pieces(&self, take: &mut impl FnMut(&[u8])) {
        (*self as u64).pieces(take);
    }
}

/// A number in decimal: every word has one in front, so it must cost nothing.
struct Digits {
    room: [u8; 20],
    from: usize,
}

impl Digits {
    fn of(mut number: u64) -> Digits {
        let mut digits = Digits { room: [b'0'; 20], from: 20 };
        loop {
            digits.from -= 1;
            digits.room[digits.from] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return digits;
            }
        }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.room[self.from..]
    }
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) value: Value,
    /// Whether it was sent before, and that answer lost.
    pub(crate) repeated: bool,
    /// On which connection it came.
    pub(crate) epoch: u64,
}

/// The last of several answers; or the first failure, if the last says that nothing was prepared.
pub(crate) fn decisive(answers: impl IntoIterator<Item = RedisResult<Value>>) -> RedisResult<Value> {
    let (mut last, mut failed) = (Ok(Value::Nil), None);
    for answer in answers {
        if let Err(why) = std::mem::replace(&mut last, answer) {
            failed.get_or_insert(why);
        }
    }
    match (last, failed) {
        (Err(_) | Ok(Value::Int(-1)), Some(why)) => Err(why),
        (last, _) => last,
    }
}

/// The last of several answers.
pub(crate) fn last(value: Value) -> Value {
    match value {
        Value::Array(mut answers) => answers.pop().unwrap_or(Value::Nil),
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_packed_as_by_the_redis_crate() {
        for words in [0, 1, 7, 8, 9, 10, 98, 99, 100, 1200] {
            let mut cmd = redis::cmd("SET");
            let mut request = Request::new("SET");
            for n in 0..words {
                let word = vec![b'x'; n * 7];
                cmd.arg(&word).arg(n);
                request.word(&word).word(n);
            }
            assert_eq!(request.as_bytes(), cmd.get_packed_command(), "{words}");
            assert_eq!(request.len(), 1);
            let again = request.commands().unwrap();
            assert_eq!(again.len(), 1);
            assert_eq!(again[0].get_packed_command(), request.as_bytes());
        }
        for number in [0, 9, 10, 12_345, u64::MAX] {
            let mut request = Request::new("GET");
            request.word(number);
            assert_eq!(request.as_bytes(), redis::cmd("GET").arg(number).get_packed_command());
        }
    }

    #[test]
    fn several_commands_follow_each_other() {
        let mut request = Request::new("GET");
        request.word("a").then("EXISTS").word("b").word(&b"c"[..]);
        let mut pipeline = redis::pipe();
        pipeline.cmd("GET").arg("a").cmd("EXISTS").arg("b").arg("c");
        assert_eq!(request.as_bytes(), pipeline.get_packed_pipeline());
        let mut more = Request::new("PING");
        more.append(&request);
        more.word("d");
        let mut pipeline = redis::pipe();
        pipeline.cmd("PING").cmd("GET").arg("a").cmd("EXISTS").arg("b").arg("c").arg("d");
        assert_eq!((more.as_bytes(), more.len()), (&pipeline.get_packed_pipeline()[..], 3));
        let mut pipeline = redis::pipe();
        pipeline.cmd("ASKING").cmd("GET").arg("a").cmd("ASKING").cmd("EXISTS").arg("b").arg("c");
        let asking = request.each_after("ASKING").unwrap();
        assert_eq!((asking.as_bytes(), asking.len()), (&pipeline.get_packed_pipeline()[..], 4));
        assert!(Request::default().is_empty() && !request.is_empty());
    }

    #[test]
    fn only_a_command_that_stands_alone_joins_others() {
        let mut request = Request::new("EVALSHA");
        let key = request.size();
        let rest = request.word("key").size();
        request.word("rest");
        let request = request.joining(key, rest);
        assert_eq!(request.joint(), Some([&b"$3\r\nkey\r\n"[..], &b"$4\r\nrest\r\n"[..]]));
        let mut followed = request.clone();
        followed.then("PING");
        let mut several = request.clone();
        several.append(&request);
        let mut taken = Request::default();
        taken.append(&request);
        assert!([followed, several, taken].iter().all(|request| request.joint().is_none()));
    }

    #[test]
    fn of_commands_that_prepare_the_last_its_answer_counts() {
        let fail = |what: &'static str| -> RedisResult<Value> {
            Err(redis::RedisError::from((redis::ErrorKind::Io, what)))
        };
        let request = Request::new("SET").preparing();
        let done = || Ok(Value::Int(1));
        for (answers, expected) in [
            ([Ok(Value::Okay), done()], Ok(Value::Int(1))),
            ([fail("full"), done()], Ok(Value::Int(1))),
            ([fail("full"), Ok(Value::Nil)], Ok(Value::Nil)),
            ([fail("full"), Ok(Value::Int(-1))], Err("full")),
            ([fail("full"), fail("gone")], Err("full")),
            ([Ok(Value::Okay), fail("gone")], Err("gone")),
            ([Ok(Value::Okay), Ok(Value::Int(-1))], Ok(Value::Int(-1))),
        ] {
            match (request.answer(answers), expected) {
                (Ok(answer), Ok(expected)) => assert_eq!(answer, expected),
                (Err(why), Err(expected)) => assert!(why.to_string().contains(expected), "{why}"),
                other => panic!("{other:?}"),
            }
        }
        let both = Request::new("GET").answer([Ok(Value::Nil), done()]).unwrap();
        assert_eq!(both, Value::Array(vec![Value::Nil, Value::Int(1)]));
        assert!(Request::new("GET").answer([fail("first"), done()]).is_err());
    }
}
