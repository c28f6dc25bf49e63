//! The bugs. Each is a mistake that somebody could make, and that no compiler sees.

mod redis;

use std::sync::LazyLock;

/// Text that stands in a file once, and what takes its place.
pub(crate) struct Edit(pub(crate) &'static str, pub(crate) &'static str);

/// One bug.
pub(crate) struct Mutation {
    /// For the command line.
    pub(crate) name: &'static str,
    /// For people.
    pub(crate) what: &'static str,
    /// The file that it is in, from the root of the workspace.
    pub(crate) file: &'static str,
    pub(crate) edits: &'static [Edit],
    /// The package, and the test of it, that is to notice.
    pub(crate) package: &'static str,
    pub(crate) test: &'static str,
}

const LARDER: &str = "larder";
const FILESYSTEM: &str = "larder-filesystem";
const SIMULATED: &str = "larder-simulated";
const PACK: &str = "larder-pack";
const PACK_LOG: &str = "backends/pack/src/log.rs";
const PACK_GROUP: &str = "backends/pack/src/writer/group.rs";
const PACK_COMPACTION: &str = "backends/pack/src/writer/compaction.rs";
const PACK_CHECKPOINT: &str = "backends/pack/src/writer/checkpoint.rs";
const PACK_BLOB: &str = "backends/pack/src/blob.rs";
const PACK_LOOKUP: &str = "backends/pack/src/lookup.rs";
const PACK_SURVEY: &str = "backends/pack/src/open/survey.rs";
const ROUND: &str = "backends/filesystem/src/round.rs";
const COMMIT: &str = "backends/filesystem/src/commit.rs";
const CHANGE: &str = "backends/filesystem/src/change.rs";
const OWNER: &str = "backends/filesystem/src/owner.rs";
const TEMP: &str = "backends/filesystem/src/temp.rs";
const DESCRIPTOR: &str = "backends/filesystem/src/descriptor.rs";
const SHARDS: &str = "backends/memory/src/shards.rs";
const UPDATE: &str = "src/records/update.rs";
const LOG: &str = "src/records/append_log.rs";
const VERIFY: &str = "src/records/verify.rs";

/// All of them, in the order of the table.
pub(crate) static MUTATIONS: LazyLock<Vec<&Mutation>> =
    LazyLock::new(|| OWN.iter().chain(redis::MUTATIONS).collect());

/// Those of the core and of the backends on files and in memory.
const OWN: &[Mutation] = &[
    Mutation {
        name: "no-file-sync",
        what: "a record's content is not synced before its rename",
        file: ROUND,
        edits: &[Edit("[one] => one.sync().map(|()| true),", "[_] => Ok(true),")],
        package: SIMULATED,
        test: "filesystem_crashes",
    },
    Mutation {
        name: "no-directory-sync",
        what: "the directory is not synced after a rename",
        file: ROUND,
        edits: &[Edit(
            "dirs.iter().try_for_each(|dir| shared.sync_dir(dir)) });",
            "dirs.iter().try_for_each(|_| Ok(())) });",
        )],
        package: SIMULATED,
        test: "filesystem_crashes",
    },
    Mutation {
        name: "removal-not-synced",
        what: "the directory is synced after a replacement, but not after a removal",
        file: ROUND,
        edits: &[Edit(
            "self.changed[usize::from(group.place.dir)] = true;",
            "self.changed[usize::from(group.place.dir)] |= temp.is_some();",
        )],
        package: SIMULATED,
        test: "filesystem_crashes",
    },
    Mutation {
        name: "failed-sync-ignored",
        what: "a failed sync of the content counts as done",
        file: ROUND,
        edits: &[Edit(
            "            Ok(()) => groups,\n            Err(error) => {\n                shared.poison();\n                groups.into_iter().for_each(|(group, temp)| {",
            "            Ok(()) => groups,\n            Err(_) if !groups.is_empty() => groups,\n            Err(error) => {\n                shared.poison();\n                groups.into_iter().for_each(|(group, temp)| {",
        )],
        package: SIMULATED,
        test: "filesystem_crashes",
    },
    Mutation {
        name: "failed-sync-not-remembered",
        what: "after a failed sync the store goes on as if nothing had happened",
        file: "backends/filesystem/src/shared.rs",
        edits: &[Edit("self.poisoned.store(true, Ordering::Release);", "_ = &self.poisoned;")],
        package: FILESYSTEM,
        test: "faults",
    },
    Mutation {
        name: "unclear-removal-not-ambiguous",
        what: "names that could not be synced are reported as a plain failure",
        file: ROUND,
        edits: &[Edit(
            "                let error = error.ambiguous();\n                groups",
            "                groups",
        )],
        package: SIMULATED,
        test: "filesystem_crashes",
    },
    Mutation {
        name: "temporary-file-left",
        what: "a write that fails leaves its temporary file behind",
        file: TEMP,
        edits: &[Edit(
            "        if !self.renamed.load(Ordering::Relaxed) {\n            remove",
            "        if false {\n            remove",
        )],
        package: SIMULATED,
        test: "filesystem_crashes",
    },
    Mutation {
        name: "descriptor-not-synced",
        what: "the descriptor of a new store is renamed without a sync",
        file: DESCRIPTOR,
        edits: &[Edit("    file.sync().map_err(failed)?;\n", "")],
        package: SIMULATED,
        test: "filesystem_crashes",
    },
    Mutation {
        name: "leftovers-not-swept",
        what: "opening does not remove what a dead process left",
        file: OWNER,
        edits: &[Edit("        if self.0.is_empty() {\n", "        if true {\n")],
        package: SIMULATED,
        test: "filesystem_crashes",
    },
    Mutation {
        name: "living-owner-swept",
        what: "opening removes the temporary files of a writer that is alive",
        file: OWNER,
        edits: &[Edit("&& lock.try_lock().unwrap_or(false)", "&& lock.try_lock().is_ok()")],
        package: SIMULATED,
        test: "filesystem_crashes",
    },
    Mutation {
        name: "lock-dropped-early",
        what: "the lock is let go before what was compared is replaced",
        file: COMMIT,
        edits: &[Edit(
            "        let (groups, again) = Round::run(self, ready);\n        groups.into_iter().for_each(Group::succeed);\n        self.locks.release(held);\n",
            "        self.locks.release(held);\n        let (groups, again) = Round::run(self, ready);\n        groups.into_iter().for_each(Group::succeed);\n",
        )],
        package: SIMULATED,
        test: "scenarios",
    },
    Mutation {
        name: "filesystem-compares-nothing",
        what: "a conditional write in files does not compare the version",
        file: CHANGE,
        edits: &[Edit(
            "self.version(shared, &change.key)? == Some(version)",
            "self.version(shared, &change.key)? != Some(version).filter(|_| false)",
        )],
        package: SIMULATED,
        test: "scenarios",
    },
    Mutation {
        name: "filesystem-always-absent",
        what: "a write of a new key in files does not look whether it is new",
        file: CHANGE,
        edits: &[Edit("let absent = self.is_absent(shared)?;", "let absent = true;")],
        package: SIMULATED,
        test: "scenarios",
    },
    Mutation {
        name: "memory-compares-nothing",
        what: "a conditional write in memory does not compare the version",
        file: SHARDS,
        edits: &[Edit(
            "there.is_some_and(|entry| Version::from(entry.version) == *version)",
            "there.is_some_and(|entry| Version::from(entry.version) == *version || true)",
        )],
        package: SIMULATED,
        test: "scenarios",
    },
    Mutation {
        name: "memory-repeats-versions",
        what: "versions in memory repeat, so that an old one fits a new state",
        file: SHARDS,
        edits: &[Edit(
            "self.versions.fetch_add(1, Ordering::Relaxed)",
            "self.versions.fetch_add(1, Ordering::Relaxed) % 2",
        )],
        package: SIMULATED,
        test: "scenarios",
    },
    Mutation {
        name: "batch-not-all-or-nothing",
        what: "a batch in memory does not look whether all of its conditions hold",
        file: SHARDS,
        edits: &[Edit(
            "if !changes.iter().all(|(key, _, expect)| is_met(expect, maps[place(key)].get(key))) {",
            "if !changes.iter().any(|(key, _, expect)| is_met(expect, maps[place(key)].get(key))) {",
        )],
        package: SIMULATED,
        test: "scenarios",
    },
    Mutation {
        name: "update-unconditional",
        what: "an update writes without its condition",
        file: UPDATE,
        edits: &[Edit(
            "let committed = self.write(key, start.expect(), state).await;",
            "let committed = self.write(key, if state.is_some() { Expect::Any } else { start.expect() }, state).await;",
        )],
        package: SIMULATED,
        test: "scenarios",
    },
    Mutation {
        name: "lost-race-acknowledged",
        what: "an update that lost its race is answered as if it had won",
        file: UPDATE,
        edits: &[Edit(
            "Ok(None) => self.back_off(attempt).await,\n                Err(error) => return refuse",
            "Ok(None) => return answer(batch, results),\n                Err(error) => return refuse",
        )],
        package: SIMULATED,
        test: "scenarios",
    },
    Mutation {
        name: "remembered-value-answers",
        what: "a remembered value is answered without asking the store",
        file: UPDATE,
        edits: &[Edit(
            "                    true => continue,\n",
            "                    true => return answer(batch, results),\n",
        )],
        package: LARDER,
        test: "updates",
    },
    Mutation {
        name: "lost-race-remembered",
        what: "after a lost race the update starts again from what it remembered",
        file: UPDATE,
        edits: &[
            Edit("            self.0.remembered.forget(key);\n", ""),
            // Or it would soon stop to guess.
            Edit(
                "            if guessed && let Ok(written) = &committed {\n                self.0.remembered.judge(written.is_some());\n            }\n",
                "",
            ),
            Edit(
                "        let mut base = self.0.remembered.guess(key);\n        let mut attempt = 0;\n        loop {\n",
                "        let mut attempt = 0;\n        loop {\n            let mut base = self.0.remembered.guess(key);\n",
            ),
        ],
        package: SIMULATED,
        test: "scenarios",
    },
    Mutation {
        name: "log-overwrites-chunks",
        what: "an append overwrites the chunk that another writer appended meanwhile",
        file: LOG,
        edits: &[Edit(
            "match self.0.backend.write(&key, record, Expect::Absent).await? {\n                Written::Done(_) => {",
            "match self.0.backend.write(&key, record, Expect::Any).await? {\n                Written::Done(_) => {",
        )],
        package: SIMULATED,
        test: "scenarios",
    },
    Mutation {
        name: "log-append-not-confirmed",
        what: "an append does not look whether the log was replaced meanwhile",
        file: LOG,
        edits: &[Edit(
            "is_some_and(|present| present == id) {",
            "is_some_and(|present| present == id) || at < u64::MAX {",
        )],
        package: LARDER,
        test: "logs",
    },
    Mutation {
        name: "log-ends-early",
        what: "the search for the end of a log may stop before its last chunk",
        file: LOG,
        edits: &[Edit(
            "if self.has_chunk(id, middle).await? { low = middle + 1 } else { high = middle }",
            "if self.has_chunk(id, middle).await? { low = middle } else { high = middle }\n            if low + 1 >= high {\n                break;\n            }",
        )],
        package: LARDER,
        test: "logs",
    },
    Mutation {
        name: "key-not-compared",
        what: "a record of another key is accepted",
        file: VERIFY,
        edits: &[Edit("if stored.head.key_bytes() == key.as_cbor() {", "if !key.as_cbor().is_empty() {")],
        package: SIMULATED,
        test: "scenarios_store",
    },
    Mutation {
        name: "document-sum-not-compared",
        what: "the data of a document is not compared with its checksum",
        file: VERIFY,
        edits: &[Edit(
            "        if !verified {\n            head.vouch",
            "        if !verified && bytes.is_empty() {\n            head.vouch",
        )],
        package: FILESYSTEM,
        test: "conformance",
    },
    Mutation {
        name: "stream-sum-not-compared",
        what: "a binary that is streamed is not compared with its checksum at its end",
        file: VERIFY,
        edits: &[Edit(
            "let error = head.vouch(&sum).err()?;",
            "let error = head.vouch(&sum).err().filter(|_| false)?;",
        )],
        package: FILESYSTEM,
        test: "damage",
    },
    Mutation {
        name: "pack-no-sync",
        what: "the pack's log is never synced",
        file: PACK_LOG,
        edits: &[Edit(
            "        self.file.fsync().inspect_err(|_| self.shared.poison())?;\n        self.durable = self.file.synced_end_poff();\n        Ok(())",
            "        self.durable = self.file.flushed_end_poff();\n        Ok(())",
        )],
        package: PACK,
        test: "crashes",
    },
    Mutation {
        name: "pack-acknowledged-before-sync",
        what: "a pack answers before the log is synced",
        file: PACK_GROUP,
        edits: &[Edit(
            "        if self.shared.is_synced() {\n            log.fsync().map_err(Error::ambiguous)?;\n        }",
            "",
        )],
        package: PACK,
        test: "crashes",
    },
    Mutation {
        name: "pack-compares-nothing",
        what: "a conditional write in a pack does not compare the version",
        file: PACK_GROUP,
        edits: &[Edit(
            "*version == Version::from(current.seq)",
            "version != &Version::from(u64::MAX) || current.seq == 0",
        )],
        package: PACK,
        test: "conformance",
    },
    Mutation {
        name: "pack-batch-in-pieces",
        what: "the frames of a batch do not say that they belong together",
        file: PACK_GROUP,
        edits: &[Edit(
            "                _ => frame::Batch::Member,",
            "                _ => frame::Batch::Alone,",
        )],
        package: PACK,
        test: "crashes",
    },
    Mutation {
        name: "pack-removal-dropped-early",
        what: "compaction drops a removal that still hides an older record",
        file: PACK_COMPACTION,
        edits: &[Edit(
            "            Kind::Remove => Ok(Fate::Stays),",
            "            Kind::Remove => Ok(Fate::Dead),",
        )],
        package: PACK,
        test: "model",
    },
    Mutation {
        name: "pack-segment-removed-early",
        what: "a compacted segment goes before that is announced durably",
        file: PACK_COMPACTION,
        edits: &[Edit(
            "        log.append(header, &[], &ids)?;\n        log.flush()?;\n        log.fsync()?;",
            "        log.append(header, &[], &ids)?;\n        log.flush()?;",
        )],
        package: PACK,
        test: "crashes",
    },
    Mutation {
        name: "pack-stale-index-after-compaction",
        what: "compaction does not tell the index where it put a record",
        file: PACK_COMPACTION,
        edits: &[Edit("Fate::Moves(*location, hash)))", "Fate::Dead))")],
        package: PACK,
        test: "model",
    },
    Mutation {
        name: "pack-checkpoint-ahead",
        what: "a checkpoint says more than the durable log",
        file: PACK_CHECKPOINT,
        edits: &[Edit(
            "        log.fsync()?;\n        let position = log.end();",
            "        let position = log.end();",
        )],
        package: PACK,
        test: "crashes",
    },
    Mutation {
        name: "pack-rotation-not-synced",
        what: "a segment is closed without a sync",
        file: PACK_LOG,
        edits: &[Edit(
            "        self.trim()?;\n        self.fsync()?;\n        let id",
            "        self.file.trim()?;\n        let id",
        )],
        package: PACK,
        test: "crashes",
    },
    Mutation {
        name: "pack-failed-write-not-taken-back",
        what: "what could not be written stays in the buffer",
        file: PACK_LOG,
        edits: &[Edit(
            "            self.take_back();\n            // A flush of nothing",
            "            // A flush of nothing",
        )],
        package: PACK,
        test: "faults",
    },
    Mutation {
        name: "pack-blob-not-synced",
        what: "large data is named in the log before it is on the medium",
        file: PACK_BLOB,
        edits: &[Edit(
            "        if !self.shared.is_synced() {\n            return Ok(());\n        }\n        let synced",
            "        if true {\n            return Ok(());\n        }\n        let synced",
        )],
        package: PACK,
        test: "crashes",
    },
    Mutation {
        name: "pack-damage-taken-for-absence",
        what: "a record whose key is damaged is taken for another key's",
        file: PACK_LOOKUP,
        edits: &[Edit("    if header.vouches_for(found.payload()) {", "    if header.key_len > 0 {")],
        package: PACK,
        test: "conformance",
    },
    Mutation {
        name: "pack-durable-mark-ignored",
        what: "a damaged end of the log is taken for a torn one",
        file: PACK_SURVEY,
        edits: &[Edit(
            "let durable = if promised.segment == newest { promised.offset } else { 0 };",
            "let durable = 0;",
        )],
        package: PACK,
        test: "damage",
    },
    Mutation {
        name: "compact-head-not-verified",
        what: "a damaged compact head is believed",
        file: "src/record/compact.rs",
        edits: &[Edit("        if computed != stored {", "        if false && computed != stored {")],
        package: PACK,
        test: "conformance",
    },
    Mutation {
        name: "compact-head-of-a-blob",
        what: "a head is compact in a frame that does not know how long the data is",
        file: "backends/pack/src/change.rs",
        edits: &[Edit("Body::Blob(_) => AtRest::Full(head),", "Body::Blob(_) => AtRest::of(head),")],
        package: PACK,
        test: "conformance",
    },
];
