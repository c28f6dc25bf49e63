//! What runs on the server: each script is one atomic step. They are loaded once for every connection and
//! called by their hash; where the server has forgotten one it is sent along.
//!
//! Numbers among the words of a command stand there as text: a server makes text of them, slowly.
//!
//! All of them may be sent again when the answer was lost. A conditional write finds its own stamp in front
//! of the record; the others leave a marker for a while.

use crate::request::Request;

/// Whether a script is on the server already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// It should be: call it by its hash.
    Known,
    /// It is not: send it, which also loads it.
    Send,
}

/// One of the scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Script {
    /// Stores a record if the expectation holds.
    Write,
    /// Stores a record in the place of one that is not large: the common case of `Write`.
    Swap,
    /// Several of these, each by itself, of writers who know nothing of each other.
    Swaps,
    /// The same with a record that was sent aside: the common case of `Commit`.
    Place,
    /// Moves what was built aside into place if the expectation holds.
    Commit,
    /// Removes a record if the expectation holds.
    Remove,
    /// Performs several of these or none.
    Batch,
    /// Writes a part of what is built aside.
    Part,
    /// Reads a part of one state of a record.
    Chunk,
    /// Tells an empty value from none.
    Look,
}

/// Used by all scripts that change something.
///
/// `found` gives the stamp that is there: `''` for nothing, `'?'` for what is no record. `met` compares.
/// `retire` makes room: a large record that somebody reads right now is kept for them under another name.
const COMMON: &str = r"
local function found(key)
  local stamp = redis.pcall('GETRANGE', key, '0', '15')
  if type(stamp) == 'table' then return '?' end
  if stamp == '' and redis.call('EXISTS', key) == 1 then return '?' end
  return stamp
end
local function met(mode, expected, stamp)
  if mode == 'any' then return true end
  if mode == 'absent' then return stamp == '' end
  return stamp == expected
end
local function retire(key, stamp, aside, hold)
  if #stamp < 16 or string.byte(stamp) < 128 then return false end
  local hex = string.gsub(stamp, '.', function(c) return string.format('%02x', string.byte(c)) end)
  if redis.call('EXISTS', aside .. 'read:' .. hex) == 1 then
    redis.call('RENAME', key, aside .. 'held:' .. hex)
    redis.call('PEXPIRE', aside .. 'held:' .. hex, hold)
  else
    redis.call('UNLINK', key)
  end
  return true
end
";

/// KEYS: record, and with `any` the marker. ARGV: mode, expected stamp, record, names aside, ms to hold, ms to mark.
/// 1 if it was written, else the beginning of what is there.
///
/// The first branch is the common case, and calls as little as it can.
const WRITE: &str = r"
local mode, record = ARGV[1], ARGV[3]
local stamp = redis.pcall('GETRANGE', KEYS[1], '0', '15')
if stamp == '' and mode == 'absent' then
  if redis.call('SET', KEYS[1], record, 'NX') then return 1 end
  return ''
end
if type(stamp) == 'table' or stamp == '' then stamp = found(KEYS[1]) end
if stamp == string.sub(record, 1, 16) then return 1 end
if mode == 'any' and redis.call('EXISTS', KEYS[2]) == 1 then return 1 end
if not met(mode, ARGV[2], stamp) then
  if stamp == '?' then return '' end
  return redis.call('GETRANGE', KEYS[1], '0', '1023')
end
retire(KEYS[1], stamp, ARGV[4], ARGV[5])
redis.call('SET', KEYS[1], record)
if mode == 'any' then redis.pcall('SET', KEYS[2], '', 'PX', ARGV[6]) end
return 1
";

/// KEYS: record. ARGV: expected stamp, of a record that is not large; record. 1 if it was written, else an
/// empty string.
const SWAP: &str = r"
local stamp = redis.pcall('GETRANGE', KEYS[1], '0', '15')
if stamp == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2])
  return 1
end
if stamp == string.sub(ARGV[2], 1, 16) then return 1 end
return ''
";

/// KEYS: records. ARGV: for each of them what `Swap` has. For each of them what `Swap` answers, or its failure.
const SWAPS: &str = r"
local answers = {}
for i, key in ipairs(KEYS) do
  local stamp, record = redis.pcall('GETRANGE', key, '0', '15'), ARGV[2 * i]
  if stamp == ARGV[2 * i - 1] then
    local done = redis.pcall('SET', key, record)
    answers[i] = done.err and done or 1
  elseif stamp == string.sub(record, 1, 16) then
    answers[i] = 1
  else
    answers[i] = ''
  end
end
return answers
";

/// KEYS: record, the new one aside. ARGV: expected stamp, of a record that is not large; stamp of the new one.
/// 1 if it is in place, an empty string if the expectation does not hold, -1 if nothing stands aside.
const PLACE: &str = r"
local stamp = redis.pcall('GETRANGE', KEYS[1], '0', '15')
if stamp == ARGV[1] then
  if redis.pcall('RENAME', KEYS[2], KEYS[1]).err then return -1 end
  redis.call('PERSIST', KEYS[1])
  return 1
end
redis.call('UNLINK', KEYS[2])
if stamp == ARGV[2] then return 1 end
return ''
";

/// KEYS: record, marker, upload. ARGV: mode, expected stamp, stamp and head, names aside, ms to hold, ms
/// to mark. 1 if it was written, 0 if the expectation does not hold, -1 if the upload is gone.
const COMMIT: &str = r"
local mode, top = ARGV[1], ARGV[3]
local stamp = found(KEYS[1])
if stamp == string.sub(top, 1, 16) or redis.call('EXISTS', KEYS[2]) == 1 then
  redis.call('UNLINK', KEYS[3])
  return 1
end
if not met(mode, ARGV[2], stamp) then redis.call('UNLINK', KEYS[3]) return 0 end
if redis.call('EXISTS', KEYS[3]) == 0 then return -1 end
redis.call('SETRANGE', KEYS[3], '0', top)
retire(KEYS[1], stamp, ARGV[4], ARGV[5])
redis.call('RENAME', KEYS[3], KEYS[1])
redis.call('PERSIST', KEYS[1])
redis.pcall('SET', KEYS[2], '', 'PX', ARGV[6])
return 1
";

/// KEYS: record, marker. ARGV: mode, expected stamp, names aside, ms to hold, ms to mark. 1 if it was
/// removed, 0 if nothing is there, -1 if the expectation does not hold.
///
/// A full server refuses the marker, not the removal.
const REMOVE: &str = r"
local mode = ARGV[1]
if redis.call('EXISTS', KEYS[2]) == 1 then return 1 end
local stamp = found(KEYS[1])
if stamp == '' then
  if mode == 'version' then return -1 end
  return 0
end
if not met(mode, ARGV[2], stamp) then return -1 end
if not retire(KEYS[1], stamp, ARGV[3], ARGV[4]) then redis.call('UNLINK', KEYS[1]) end
redis.pcall('SET', KEYS[2], '', 'PX', ARGV[5])
return 1
";

/// KEYS: marker, records. ARGV: ms to hold, ms to mark, and for each record: mode, expected stamp, record
/// (or nothing to remove it), names aside. A digit for each record, 1 if it was there before; or 0 if an
/// expectation does not hold.
const BATCH: &str = r"
local before = redis.call('GET', KEYS[1])
if before then return before end
local stamps, flags = {}, {}
for i = 2, #KEYS do
  local at = 4 * (i - 2) + 2
  local stamp = found(KEYS[i])
  if not met(ARGV[at + 1], ARGV[at + 2], stamp) then return 0 end
  stamps[i] = stamp
  flags[i - 1] = stamp == '' and '0' or '1'
end
for i = 2, #KEYS do
  local at = 4 * (i - 2) + 2
  local gone = stamps[i] ~= '' and retire(KEYS[i], stamps[i], ARGV[at + 4], ARGV[1])
  if ARGV[at + 3] ~= '' then
    redis.call('SET', KEYS[i], ARGV[at + 3])
  elseif stamps[i] ~= '' and not gone then
    redis.call('UNLINK', KEYS[i])
  end
end
local answer = table.concat(flags)
redis.pcall('SET', KEYS[1], answer, 'PX', ARGV[2])
return answer
";

/// KEYS: upload. ARGV: offset, bytes, ms to live. 1 if it was written, 0 if the upload is gone.
const PART: &str = r"
if ARGV[4] ~= 'first' and redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('SETRANGE', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
";

/// KEYS: record, record that was replaced and is held, lease. ARGV: stamp, first and last byte, ms to
/// hold, or nothing if the reader reads no further. The bytes, or nil if that state is gone.
const CHUNK: &str = r"
local at = KEYS[1]
if redis.call('GETRANGE', at, '0', '15') ~= ARGV[1] then
  at = KEYS[2]
  if redis.call('GETRANGE', at, '0', '15') ~= ARGV[1] then return false end
end
if ARGV[4] ~= '' then
  if at == KEYS[2] then
    redis.pcall('PEXPIRE', at, ARGV[4])
  else
    redis.pcall('SET', KEYS[3], '', 'PX', ARGV[4])
  end
end
return redis.call('GETRANGE', at, ARGV[2], ARGV[3])
";

/// KEYS: record. ARGV: last byte. The beginning of the value, or nil if there is none.
const LOOK: &str = r"
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
return redis.call('GETRANGE', KEYS[1], '0', ARGV[1])
";

impl Script {
    const ALL: [Script; 10] = [
        Script::Write,
        Script::Swap,
        Script::Swaps,
        Script::Place,
        Script::Commit,
        Script::Remove,
        Script::Batch,
        Script::Part,
        Script::Chunk,
        Script::Look,
    ];

    fn text(self) -> String {
        match self {
            Script::Write => [COMMON, WRITE].concat(),
            Script::Swap => SWAP.to_owned(),
            Script::Swaps => SWAPS.to_owned(),
            Script::Place => PLACE.to_owned(),
            Script::Commit => [COMMON, COMMIT].concat(),
            Script::Remove => [COMMON, REMOVE].concat(),
            Script::Batch => [COMMON, BATCH].concat(),
            Script::Part => PART.to_owned(),
            Script::Chunk => CHUNK.to_owned(),
            Script::Look => LOOK.to_owned(),
        }
    }

    fn hash(self) -> &'static str {
        static HASHES: std::sync::OnceLock<[String; 10]> = std::sync::OnceLock::new();
        let hashes = HASHES.get_or_init(|| {
            Script::ALL.map(|script| sha1_smol::Sha1::from(script.text()).digest().to_string())
        });
        &hashes[self as usize]
    }

    /// A call of it; the keys and the arguments are still to be added.
    pub(crate) fn call(self, load: Load, keys: usize) -> Request {
        let mut request = Request::with_room(0);
        self.call_in(&mut request, load, keys);
        request
    }

    /// The same behind other commands.
    pub(crate) fn call_in(self, request: &mut Request, load: Load, keys: usize) {
        match load {
            Load::Known => request.then("EVALSHA").word(self.hash()),
            Load::Send => request.then("EVAL").word(&self.text()[..]),
        };
        request.word(keys);
    }

    /// A call by its hash as it goes over the wire, up to its keys: so many follow, and so many other words.
    pub(crate) fn begin(self, keys: usize, others: usize, out: &mut Vec<u8>) {
        let (hash, digits) = (self.hash(), keys.to_string());
        let words = 3 + keys + others;
        out.extend_from_slice(
            format!(
                "*{words}\r\n$7\r\nEVALSHA\r\n${}\r\n{hash}\r\n${}\r\n{digits}\r\n",
                hash.len(),
                digits.len()
            )
            .as_bytes(),
        );
    }

    /// Loads all of them.
    pub(crate) fn load_all() -> Request {
        let mut request = Request::default();
        for script in Script::ALL {
            request.then("SCRIPT").word("LOAD").word(&script.text()[..]);
        }
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_a_call_is_that_of_the_call() {
        let mut call = Script::Swap.call(Load::Known, 1);
        call.word("key").word("stamp").word("record");
        let mut begun = Vec::new();
        Script::Swap.begin(1, 2, &mut begun);
        assert!(call.as_bytes().starts_with(&begun));
        assert!(call.as_bytes()[begun.len()..].starts_with(b"$3\r\nkey"));
    }

    #[test]
    fn every_script_has_a_hash_of_its_own_at_its_place() {
        for (at, script) in Script::ALL.into_iter().enumerate() {
            assert_eq!(script as usize, at);
            assert_eq!(script.hash(), sha1_smol::Sha1::from(script.text()).digest().to_string());
            assert_eq!(script.hash().len(), 40);
        }
    }
}
