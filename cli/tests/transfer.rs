//! Import, export, copy and verify: many entries at a time, and nothing lost on the way.

mod common;

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use common::Place;
use serde_json::Value;

/// One entry of every kind and shape that an export must carry.
fn one_of_each(place: &Place) {
    let user = r#""meta":{"last-write":"2001-02-03T04:05:06.789Z","user":{"owner":"ada","json:1":{"$cbor":"4100"}}}"#;
    let lines = [
        format!(
            r#"{{"$larder":"document","key":"doc",{user},"value":{{"a":[1,2.5,null,"x"],"b":{{"$cbor":"f97e00"}}}}}}"#
        ),
        format!(r#"{{"$larder":"binary","key":"bin",{user},"size":3,"base64":"AP8K"}}"#),
        r#"{"$larder":"document","key":"json:[1,\"a\"]","value":1}"#.to_owned(),
        r#"{"$larder":"document","key":"keyword:user/name","value":{"$cbor":"a10102"}}"#.to_owned(),
        r#"{"$larder":"document","key":"text:json:42","value":"text"}"#.to_owned(),
        r#"{"$larder":"document","key":"json:\"a\\nb\"","value":{"$cbor":"a1652463626f726161"}}"#.to_owned(),
        r#"{"$larder":"log","key":"log","log":[1,"two",{"three":{"$cbor":"40"}}]}"#.to_owned(),
        r#"{"$larder":"binary","key":"empty","size":0,"base64":""}"#.to_owned(),
    ];
    place.write("each.jsonl", lines.join("\n"));
    place.ok(&["import", "each.jsonl"]);
    place.write("large", large());
    place.ok(&["bassoc", "large", "large"]);
    place.ok(&["assoc", "deep", &format!("{}1{}", "[".repeat(100), "]".repeat(100))]);
}

fn large() -> Vec<u8> {
    (0..900_001u32).map(|n| (n >> 2).wrapping_mul(2_654_435_761).to_le_bytes()[(n & 3) as usize]).collect()
}

/// The lines of the export of a store, sorted.
fn exported(place: &Place, store: &str) -> Vec<String> {
    place.lines(&["export", "--store", store])
}

/// The same lines without what is new with every write.
fn timeless(lines: Vec<String>) -> Vec<Value> {
    lines
        .iter()
        .map(|line| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            if line["$larder"] == "log" {
                line["meta"]["last-write"].take();
            }
            line
        })
        .collect()
}

#[test]
fn what_is_exported_is_imported_again_as_it_was() {
    let place = Place::of_files();
    one_of_each(&place);
    place.ok(&["export", "backup.jsonl"]);
    place.ok(&["import", "backup.jsonl", "--store", "file:./other"]);
    let (before, after) = (exported(&place, "file:./larder-data"), exported(&place, "file:./other"));
    assert!(before.len() > 10);
    assert_eq!(timeless(before), timeless(after));
    assert_eq!(
        place.command(&["bget", "large", "--store", "file:./other"]).output().unwrap().stdout,
        large()
    );
    let meta: Value = serde_json::from_str(&place.ok(&["meta", "doc", "--store", "file:./other"])).unwrap();
    assert_eq!(meta["last-write"], "2001-02-03T04:05:06.789Z");
    assert_eq!(meta["user"], serde_json::json!({"owner": "ada", "json:1": {"$cbor": "4100"}}));
    // And once more over what is there, through a pipe and one at a time.
    let export = place.command(&["export"]).output().unwrap().stdout;
    assert_eq!(place.feed(&["import", "-", "--jobs", "1", "--store", "file:./other"], export).code, 0);
    assert_eq!(timeless(exported(&place, "file:./larder-data")), timeless(exported(&place, "file:./other")));
}

#[test]
fn a_copy_is_the_same_and_a_second_one_has_nothing_to_do() {
    let place = Place::of_files();
    one_of_each(&place);
    let copy = |from: &str, to: &str| place.ok(&["copy", from, to]);
    assert_eq!(copy("file:./larder-data", "file:./b"), "copied 10 entries, skipped 0 that were there\n");
    assert_eq!(timeless(exported(&place, "file:./larder-data")), timeless(exported(&place, "file:./b")));
    assert_eq!(copy("file:./larder-data", "file:./b"), "copied 0 entries, skipped 10 that were there\n");
    // What has changed, is missing, damaged or of another kind is copied again; what is new there stays.
    place.ok(&["assoc", "doc", "{}"]);
    place.ok(&["dissoc", "empty", "--store", "file:./b"]);
    place.ok(&["assoc", "bin", "1", "--store", "file:./b"]);
    place.ok(&["assoc", "extra", "1", "--store", "file:./b"]);
    place.write("log.jsonl", r#"{"$larder":"log","key":"log","log":[1,"two"]}"#);
    place.ok(&["import", "log.jsonl", "--store", "file:./b"]);
    assert_eq!(copy("file:./larder-data", "file:./b"), "copied 4 entries, skipped 6 that were there\n");
    place.write("log.jsonl", r#"{"$larder":"log","key":"log","log":[1,"zwei",3,4,5]}"#);
    place.ok(&["import", "log.jsonl", "--store", "file:./b"]);
    assert_eq!(copy("file:./larder-data", "file:./b"), "copied 1 entry, skipped 9 that were there\n");
    assert_eq!(place.ok(&["dissoc", "extra", "--store", "file:./b"]), "true\n");
    assert_eq!(timeless(exported(&place, "file:./larder-data")), timeless(exported(&place, "file:./b")));
    assert_eq!(copy("file:./b", "memory:"), "copied 10 entries, skipped 0 that were there\n");
    assert_eq!(copy("file:./b", "file:./b"), "copied 0 entries, skipped 10 that were there\n");
}

#[test]
fn the_example_data_is_imported_and_found() {
    let place = Place::new();
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/elements.jsonl");
    place.ok(&["import", data, "--key", "symbol"]);
    assert_eq!(place.ok(&["get", "Fe", "name"]), "\"Iron\"\n");
    assert_eq!(place.ok(&["get", "He", "weight"]), "4.0026\n");
    assert_eq!(place.lines(&["keys"]).len(), 118);
    assert!(place.ok(&["verify"]).starts_with("verified 118 entries, "));
}

#[test]
fn lines_objects_and_arrays_are_told_apart() {
    for (args, input, expected) in [
        (&[][..], r#"{"a":1,"b":{"c":2}}"#, &["a=1", "b={\"c\":2}"][..]),
        (&[], "\u{feff}{\n  \"a\": 1,\n\n  \"b\": [2]\n}\n\n", &["a=1", "b=[2]"]),
        (&[], r#"{"json:1":1,"-":2}"#, &["-=2", "text:json:1=1"]),
        (&[], "{}", &[]),
        (&[], "", &[]),
        (&[], " \n\t\n", &[]),
        (
            &["--key", "id"],
            "{\"id\":\"x\",\"n\":1}\n\n{\"id\":7}\r\n",
            &["json:7={\"id\":7}", "x={\"id\":\"x\",\"n\":1}"],
        ),
        (&["--key", "id"], "{\"id\":\"only\"}", &["only={\"id\":\"only\"}"]),
        (
            &["--key", "id"],
            "[{\"id\":\"x\"},{\"id\":true}]",
            &["json:true={\"id\":true}", "x={\"id\":\"x\"}"],
        ),
        (
            &["--key", "id"],
            "[\n{\"id\":\"x\"},\n{\"id\":[1]}]\n",
            &["json:[1]={\"id\":[1]}", "x={\"id\":\"x\"}"],
        ),
        (&["--key", "id"], "[]", &[]),
        (
            &["--key", "id"],
            "{\"id\":\"last\",\"n\":1}\n{\"id\":\"last\",\"n\":2}\n{\"id\":\"last\",\"n\":3}",
            &["last={\"id\":\"last\",\"n\":3}"],
        ),
        (&["--key", "$larder"], "{\"$larder\":\"x\"}", &["x={\"$larder\":\"x\"}"]),
    ] {
        let place = Place::new();
        let ran = place.feed(&[&["import", "-"], args].concat(), input);
        assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "", ""), "{input}");
        let mut entries = Vec::new();
        for key in place.lines(&["keys"]) {
            entries.push(format!("{key}={}", place.ok(&["get", "--", &key]).trim_end()));
        }
        assert_eq!(entries, expected, "{input}");
    }
}

#[test]
fn a_malformed_line_is_named_and_nothing_after_it_is_imported() {
    for (args, input, hint, stored) in [
        (&["--key", "id"][..], "{\"id\":1}\n{\"id\":2}\nnonsense\n{\"id\":3}\n", "line 3: malformed JSON", 2),
        (&["--key", "id"], "{\"id\":1}\n\n{\"id\":\n{\"id\":3}\n", "line 3: malformed JSON", 1),
        (
            &["--key", "id"],
            "{\"id\":1}\n{\"name\":2}\n{\"id\":3}",
            "line 2: the object has no member \"id\"",
            1,
        ),
        (&["--key", "id"], "{\"id\":1}\n[2]\n{\"id\":3}", "line 2: this is no JSON object", 1),
        (&["--key", "id"], "{\"id\":1}\n{\"id\":2}{\"id\":3}\n", "line 2: malformed JSON", 1),
        (&["--key", "id"], "[{\"id\":1},{}]", "element 1: the object has no member \"id\"", 1),
        (&["--key", "id"], "[{\"id\":1}]\n[{\"id\":2}]", "line 2: ", 0),
        (&["--key", "id"], "\"text\"", "line 1: this is no JSON object", 0),
        (&[], "nonsense", "line 1: malformed JSON", 0),
        (&[], "{\n\"a\":1,\n\"b\":}\n", "line 3: malformed JSON", 0),
        (&[], "{\"a\":1", "line 1: malformed JSON", 0),
        (&[], "{\"a\":1}\n{\"b\":2}\n", "line 2: there is more than one object", 0),
        (&[], "[{\"a\":1}]", "--key FIELD", 0),
        (&[], "{\"a\":{\"$cbor\":\"61\"}}", "$cbor", 0),
        (
            &[],
            "{\"$larder\":\"document\",\"key\":\"a\",\"value\":1}\n{\"b\":2}\n",
            "line 2: say which member",
            1,
        ),
        (&[], "{\"$larder\":\"documents\",\"key\":\"a\",\"value\":1}\n", "line 1: $larder is none of", 0),
        (&[], "{\"$larder\":\"document\",\"value\":1}\n", "line 1: the line of an export has no key", 0),
        (&[], "{\"$larder\":\"document\",\"key\":\"a\"}\n", "line 1: the line of an export has no value", 0),
        (
            &[],
            "{\"$larder\":\"document\",\"key\":\"a\",\"value\":1,\"meta\":{\"last-write\":\"noon\"}}\n",
            "line 1: last-write",
            0,
        ),
        (
            &[],
            "{\"$larder\":\"document\",\"key\":\"a\",\"value\":1,\"meta\":{\"user\":{\"keyword:size\":1}}}\n",
            "line 1: ",
            0,
        ),
        (
            &[],
            "{\"$larder\":\"binary\",\"key\":\"a\",\"size\":2,\"base64\":\"AA==\"}\n",
            "line 1: the binary has 1 bytes",
            0,
        ),
        (
            &[],
            "{\"$larder\":\"binary\",\"key\":\"a\",\"size\":1,\"base64\":\"?\"}\n",
            "line 1: the line of an export has no valid base64",
            0,
        ),
        (
            &[],
            "{\"$larder\":\"part\",\"key\":\"a\",\"base64\":\"AA==\"}\n",
            "line 1: a part of a binary stands",
            0,
        ),
        (
            &[],
            "{\"$larder\":\"binary\",\"key\":\"a\",\"size\":2}\n{\"$larder\":\"part\",\"key\":\"a\",\"base64\":\"AA==\"}\n",
            "line 2: the binary a is not complete",
            0,
        ),
        (
            &[],
            "{\"$larder\":\"binary\",\"key\":\"a\",\"size\":2}\n{\"$larder\":\"part\",\"key\":\"a\",\"base64\":\"AA==\"}\n{\"$larder\":\"end\",\"key\":\"a\"}",
            "line 3: the binary lacks 1",
            0,
        ),
        (
            &[],
            "{\"$larder\":\"binary\",\"key\":\"a\",\"size\":1}\n{\"$larder\":\"part\",\"key\":\"a\",\"base64\":\"AAAA\"}\n",
            "line 2: the binary has more bytes",
            0,
        ),
        (
            &[],
            "{\"$larder\":\"binary\",\"key\":\"a\",\"size\":1}\n{\"$larder\":\"document\",\"key\":\"b\",\"value\":1}\n",
            "line 2: the binary a is not complete",
            0,
        ),
    ] {
        for jobs in ["1", "16"] {
            let place = Place::new();
            let line = place.feed(&[&["import", "-", "--jobs", jobs], args].concat(), input).failed(2);
            assert!(line.contains(hint), "{input}: {line}");
            assert_eq!(place.lines(&["keys"]).len(), stored, "{input}");
            place.ok(&["verify"]);
        }
    }
}

#[test]
fn a_binary_that_could_not_be_exported_whole_is_left_out_by_both() {
    let place = Place::of_files();
    one_of_each(&place);
    place.ok(&["export", "good.jsonl"]);
    let (records, _) = common::records(&place.path("larder-data"));
    for name in ["large", "doc"] {
        let file = records.iter().find(|file| file.file_name().unwrap() == name).unwrap();
        let mut bytes = std::fs::read(file).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(file, bytes).unwrap();
    }
    let ran = place.run(&["export", "bad.jsonl"]);
    assert_eq!(ran.code, 3);
    let complaints: Vec<&str> = ran.err.lines().collect();
    assert_eq!(complaints.len(), 3, "{ran:?}");
    assert!(complaints.iter().any(|line| line.starts_with("larder: doc: ")));
    assert!(complaints.iter().any(|line| line.starts_with("larder: large: ")));
    place.ok(&["import", "bad.jsonl", "--store", "file:./other"]);
    let mut keys = place.lines(&["keys"]);
    keys.retain(|key| key != "doc" && key != "large");
    assert_eq!(place.lines(&["keys", "--store", "file:./other"]), keys);
    let ran = place.run(&["copy", "file:./larder-data", "file:./third"]);
    assert_eq!((ran.code, ran.err.lines().count()), (3, 3), "{ran:?}");
    assert_eq!(place.lines(&["keys", "--store", "file:./third"]), keys);
    // Restored from the copy, everything is whole.
    place.ok(&["import", "good.jsonl"]);
    place.ok(&["verify"]);
}

#[test]
fn verify_names_each_bad_entry_and_only_those() {
    let place = Place::of_files();
    one_of_each(&place);
    assert!(place.ok(&["verify"]).starts_with("verified 10 entries, "));
    let (records, _) = common::records(&place.path("larder-data"));
    // One bit in each file in turn; chunks of logs are files too.
    for file in &records {
        let good = std::fs::read(file).unwrap();
        let mut bad = good.clone();
        let middle = bad.len() - 1 - bad.len() / 3;
        bad[middle] ^= 0x10;
        std::fs::write(file, bad).unwrap();
        let ran = place.run(&["verify"]);
        assert_eq!(ran.code, 3, "{}: {ran:?}", file.display());
        // Where even the key is damaged, the listing says so as well.
        let keys: Vec<&str> = ran.out.lines().map(|line| line.split_once('\t').unwrap().0).collect();
        assert!(keys == [""] || keys.iter().filter(|key| !key.is_empty()).count() == 1, "{ran:?}");
        assert!(keys.len() <= 2, "{ran:?}");
        assert!(ran.err.ends_with(" cannot be read whole; restore from a copy\n"), "{ran:?}");
        std::fs::write(file, good).unwrap();
    }
    place.ok(&["verify"]);
}

#[test]
fn acks_name_every_key_once_it_is_stored() {
    for durability in ["synced", "flushed"] {
        let place = Place::new();
        let store = format!("file:./s?durability={durability}");
        let lines: String = (0..200).map(|n| format!("{{\"id\":\"k\\n{n}\"}}\n")).collect();
        place.write("in", lines);
        let acks = place.lines(&["import", "in", "--key", "id", "--acks", "--store", &store]);
        assert_eq!(acks.len(), 200);
        assert_eq!(acks, place.lines(&["keys", "--store", &store]));
    }
    let place = Place::new();
    place.write("in", "{}");
    assert!(place.fails(2, &["import", "in", "--acks", "--store", "memory:"]).contains("--acks"));
}

#[test]
fn an_ack_does_not_wait_for_the_next_line_of_input() {
    let place = Place::new();
    let mut import = place.command(&["import", "-", "--key", "id", "--acks"]);
    let mut import = import.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = import.stdin.take().unwrap();
    let mut acks = BufReader::new(import.stdout.take().unwrap()).lines();
    for n in 0..5 {
        writeln!(stdin, "{{\"id\":{n}}}").unwrap();
        assert_eq!(acks.next().unwrap().unwrap(), format!("json:{n}"));
        assert_eq!(place.ok(&["exists", &format!("json:{n}")]), "true\n");
    }
    drop(stdin);
    assert!(acks.next().is_none());
    assert!(import.wait().unwrap().success());
}

#[test]
fn an_import_whose_acks_nobody_reads_goes_on_to_its_end() {
    let place = Place::new();
    let lines: String = (0..500).map(|n| format!("{{\"id\":{n}}}\n")).collect();
    place.write("in", lines);
    let mut import = place.command(&["import", "in", "--key", "id", "--acks"]).spawn().unwrap();
    drop(import.stdout.take());
    assert!(import.wait().unwrap().success());
    assert_eq!(place.lines(&["keys"]).len(), 500);
}
