//! Bugs of the Redis backend, and of what the core does for backends over a network.

use super::{Edit, Mutation};

const REDIS: &str = "larder-redis";
const SCRIPTS: &str = "backends/redis/src/scripts.rs";

pub(super) const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "redis-compares-nothing",
        what: "the scripts do not compare the version that is there with the one that is expected",
        file: SCRIPTS,
        edits: &[Edit("  return stamp == expected\n", "  return stamp ~= ''\n")],
        package: REDIS,
        test: "lessons",
    },
    Mutation {
        name: "redis-blind-write-not-marked",
        what: "a blind write leaves no marker, and is done again where its answer is lost",
        file: SCRIPTS,
        edits: &[Edit("if mode == 'any' then redis.pcall('SET', KEYS[2], '', 'PX', ARGV[6]) end\n", "")],
        package: REDIS,
        test: "lost_answers",
    },
    Mutation {
        name: "redis-marker-expires-early",
        what: "a marker is gone before the last time that somebody may ask for it",
        file: "backends/redis/src/shared.rs",
        edits: &[Edit("millis(self.deadline) * 2 + 1000", "millis(self.deadline) / 2 + 1")],
        package: REDIS,
        test: "lost_answers",
    },
    Mutation {
        name: "redis-lost-answer-is-unmet",
        what: "a write whose answer was lost, and that was written over since, is told that it did not happen",
        file: "backends/redis/src/write.rs",
        edits: &[Edit(
            "            Value::BulkString(_) | Value::Nil | Value::Int(0) if repeated => Err(overtaken()),\n",
            "",
        )],
        package: REDIS,
        test: "lost_answers",
    },
    Mutation {
        name: "redis-stamps-repeat",
        what: "two handles give the same stamps",
        file: "backends/redis/src/stamp.rs",
        edits: &[Edit("clock.random().to_be_bytes()", "clock.random().to_be_bytes().map(|_| 0)")],
        package: REDIS,
        test: "lost_answers",
    },
    Mutation {
        name: "redis-readers-not-held",
        what: "a large record that is replaced is not kept for those who read it",
        file: SCRIPTS,
        edits: &[Edit("  if redis.call('EXISTS', aside .. 'read:' .. hex) == 1 then\n", "  if false then\n")],
        package: REDIS,
        test: "streams",
    },
    Mutation {
        name: "redis-parts-of-two-states",
        what: "a part of a large record may be one of another state than the parts before it",
        file: SCRIPTS,
        edits: &[Edit(
            "  if redis.call('GETRANGE', at, '0', '15') ~= ARGV[1] then return false end\n",
            "  if redis.call('EXISTS', at) == 0 then at = KEYS[1] end\n",
        )],
        package: REDIS,
        test: "streams",
    },
    Mutation {
        name: "redis-expires-in-place",
        what: "a large record that was renamed into place still expires",
        file: SCRIPTS,
        edits: &[Edit("KEYS[3], KEYS[1])\nredis.call('PERSIST', KEYS[1])\n", "KEYS[3], KEYS[1])\n")],
        package: REDIS,
        test: "streams",
    },
    Mutation {
        name: "redis-aside-expires-in-place",
        what: "a record that was sent aside and put in place still expires",
        file: SCRIPTS,
        edits: &[Edit("  redis.call('PERSIST', KEYS[1])\n", "")],
        package: REDIS,
        test: "aside",
    },
    Mutation {
        name: "redis-aside-left",
        what: "a record that was sent aside and not put in place is left there",
        file: SCRIPTS,
        edits: &[Edit("end\nredis.call('UNLINK', KEYS[2])\nif", "end\nif")],
        package: REDIS,
        test: "aside",
    },
    Mutation {
        name: "redis-aside-compares-nothing",
        what: "a record that was sent aside takes the place of whatever is there",
        file: SCRIPTS,
        edits: &[Edit(
            "if stamp == ARGV[1] then\n  if redis.pcall('RENAME'",
            "if stamp ~= ARGV[2] then\n  if redis.pcall('RENAME'",
        )],
        package: REDIS,
        test: "aside",
    },
    Mutation {
        name: "redis-aside-judged-by-the-first",
        what: "a record that is in place is told to be refused, because sending it aside once more was",
        file: "backends/redis/src/request.rs",
        edits: &[Edit(
            "(Err(_) | Ok(Value::Int(-1)), Some(why)) => Err(why),",
            "(_, Some(why)) => Err(why),",
        )],
        package: REDIS,
        test: "aside",
    },
    Mutation {
        name: "redis-prefix-is-a-pattern",
        what: "the prefix is not escaped where the server reads a pattern",
        file: "backends/redis/src/names.rs",
        edits: &[Edit("                pattern.push(b'\\\\');\n", "                _ = b'\\\\';\n")],
        package: REDIS,
        test: "lessons",
    },
    Mutation {
        name: "redis-lists-twice",
        what: "a key that the server names twice is listed twice",
        file: "backends/redis/src/listing.rs",
        edits: &[Edit(
            "if !self.named.insert(xxh3_128(&name)) {",
            "if !self.named.insert(xxh3_128(&name)) && name.is_empty() {",
        )],
        package: REDIS,
        test: "failures",
    },
    Mutation {
        name: "redis-forgotten-script-not-sent",
        what: "a script that the server has forgotten is not sent again",
        file: "backends/redis/src/failure.rs",
        edits: &[Edit("        \"NOSCRIPT\" => Trouble::NoScript,\n", "")],
        package: REDIS,
        test: "failures",
    },
    Mutation {
        name: "redis-sync-trusts-an-older-rewrite",
        what: "sync takes a rewrite of the file for enough that began before what is to be synced was written",
        file: "backends/redis/src/sync.rs",
        edits: &[Edit("    finished(shared, main).await?;\n    match", "    match")],
        package: REDIS,
        test: "sync",
    },
    Mutation {
        name: "guess-taken-for-granted",
        what: "a blind write that guesses what is there writes without the condition that confirms it",
        file: "src/records/replace.rs",
        edits: &[Edit(
            "self.0.backend.write(key, record, guess.expect()).await?;",
            "self.0.backend.write(key, record, Expect::Any).await?;",
        )],
        package: REDIS,
        test: "trips",
    },
];
