//! Each command on its own: what it prints, and how it ends.

mod common;

use std::io::{BufRead, BufReader, Read};

use common::{Place, Ran};

#[test]
fn what_is_set_is_got_in_whole_and_in_part() {
    let place = Place::new();
    assert_eq!(place.ok(&["assoc", "ada", r#"{"name":"Ada","emails":["a@x","b@x"]}"#]), "");
    assert_eq!(place.ok(&["get", "ada"]), "{\"emails\":[\"a@x\",\"b@x\"],\"name\":\"Ada\"}\n");
    assert_eq!(place.ok(&["get", "ada", "emails", "1"]), "\"b@x\"\n");
    place.ok(&["assoc", "ada", "emails", "2", "\"c@x\""]);
    place.ok(&["assoc", "ada", "born", "year", "1815"]);
    place.ok(&["assoc", "ada", "1", "json:2", "-7"]);
    assert_eq!(place.ok(&["get", "ada", "emails"]), "[\"a@x\",\"b@x\",\"c@x\"]\n");
    assert_eq!(place.ok(&["get", "ada", "born"]), "{\"year\":1815}\n");
    assert_eq!(place.ok(&["get", "ada", "1", "json:2"]), "-7\n");
    assert_eq!(place.ok(&["get", "ada", "1"]), "{\"$cbor\":\"a10226\"}\n");
    place.ok(&["assoc", "new", "list", "0", "true"]);
    assert_eq!(place.ok(&["get", "new"]), "{\"list\":{\"0\":true}}\n");
}

#[test]
fn a_value_is_json_or_text_or_comes_from_standard_input() {
    let place = Place::new();
    place.ok(&["assoc", "a", "--text", "it's 5 o'clock"]);
    assert_eq!(place.ok(&["get", "a"]), "\"it's 5 o'clock\"\n");
    place.ok(&["assoc", "--text", "a", "5"]);
    assert_eq!(place.ok(&["get", "a"]), "\"5\"\n");
    place.ok(&["assoc", "a", "5"]);
    assert_eq!(place.ok(&["get", "a"]), "5\n");
    assert_eq!(place.feed(&["assoc", "a", "-"], "[1,\n 2]\n").code, 0);
    assert_eq!(place.ok(&["get", "a"]), "[1,2]\n");
    assert_eq!(place.feed(&["assoc", "a", "--text", "-"], "two\nlines\n").code, 0);
    assert_eq!(place.ok(&["get", "a"]), "\"two\\nlines\\n\"\n");
    place.ok(&["assoc", "a", "null"]);
    assert_eq!(place.ok(&["get", "a"]), "null\n");
    place.ok(&["assoc", "a", "18446744073709551615"]);
    assert_eq!(place.ok(&["get", "a"]), "18446744073709551615\n");
}

#[test]
fn what_is_absent_is_exit_code_1() {
    let place = Place::new();
    place.ok(&["assoc", "a", r#"{"b":1}"#]);
    assert_eq!(place.fails(1, &["get", "x"]), "larder: x is absent\n");
    assert_eq!(place.fails(1, &["get", "a", "c"]), "larder: a c is absent\n");
    assert_eq!(place.fails(1, &["get", "a", "b", "0"]), "larder: a b 0 is absent\n");
    assert_eq!(place.fails(1, &["meta", "x"]), "larder: x is absent\n");
    assert_eq!(place.fails(1, &["bget", "x"]), "larder: x is absent\n");
    for command in ["exists", "dissoc"] {
        let ran = place.run(&[command, "x"]);
        assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (1, "false\n", ""));
    }
}

#[test]
fn exists_and_dissoc_answer_in_words_and_by_exit_code() {
    let place = Place::new();
    place.ok(&["assoc", "a", "1"]);
    assert_eq!(place.ok(&["exists", "a"]), "true\n");
    assert_eq!(place.ok(&["dissoc", "a"]), "true\n");
    assert_eq!(place.run(&["exists", "a"]).code, 1);
    assert_eq!(place.run(&["dissoc", "a"]).code, 1);
}

#[test]
fn meta_is_json() {
    let place = Place::new();
    place.ok(&["assoc", "json:42", "1"]);
    place.ok(&["assoc", "json:42", "[1]"]);
    let meta: serde_json::Value = serde_json::from_str(&place.ok(&["meta", "json:42"])).unwrap();
    assert_eq!(meta["key"], "json:42");
    assert_eq!(meta["kind"], "document");
    assert_eq!(meta["size"], 2);
    assert_eq!(meta["rev"], 2);
    assert_eq!(meta["sum"].as_str().unwrap().len(), 8);
    assert!(meta["last-write"].as_str().unwrap().ends_with('Z'));
    assert_eq!(meta["user"], serde_json::json!({}));
}

#[test]
fn an_update_prints_the_value_before_and_after() {
    let place = Place::new();
    assert_eq!(place.ok(&["update", "n", "--add", "1"]), "{\"new\":1}\n");
    assert_eq!(place.ok(&["update", "n", "--add", "-3"]), "{\"old\":1,\"new\":-2}\n");
    assert_eq!(place.ok(&["update", "n", "--add=0.5"]), "{\"old\":-2,\"new\":-1.5}\n");
    assert_eq!(place.ok(&["update", "a", "tags", "--push", "\"x\""]), "{\"new\":[\"x\"]}\n");
    assert_eq!(place.ok(&["update", "a", "tags", "--push", "-1"]), "{\"old\":[\"x\"],\"new\":[\"x\",-1]}\n");
    assert_eq!(place.ok(&["update", "a", "tags", "1", "--add", "2"]), "{\"old\":-1,\"new\":1}\n");
    assert_eq!(
        place.ok(&["update", "a", "--merge", r#"{"b":{"c":1}}"#]),
        "{\"old\":{\"tags\":[\"x\",1]},\"new\":{\"b\":{\"c\":1},\"tags\":[\"x\",1]}}\n"
    );
    place.ok(&["assoc", "nothing", "null"]);
    assert!(place.fails(2, &["update", "nothing", "--add", "1"]).contains("nothing was changed"));
    assert_eq!(place.ok(&["get", "nothing"]), "null\n");
}

#[test]
fn an_update_that_makes_no_sense_is_a_usage_error() {
    let place = Place::new();
    place.ok(&["assoc", "a", r#"{"text":"x","list":[]}"#]);
    for args in [
        &["update", "a"][..],
        &["update", "a", "--add", "1", "--push", "1"],
        &["update", "a", "--add", "one"],
        &["update", "a", "--push", "{"],
        &["update", "a", "--merge", "[]"],
        &["update", "a", "text", "--add", "1"],
        &["update", "a", "text", "--push", "1"],
        &["update", "a", "list", "--merge", "{}"],
        &["update", "a", "list", "5", "--add", "1"],
        &["update", "a", "text", "deeper", "--add", "1"],
        &["assoc", "a", "list", "5", "1"],
        &["assoc", "a", "list", "name", "1"],
        &["assoc", "a", "text", "deeper", "1"],
    ] {
        place.fails(2, args);
    }
    assert_eq!(place.ok(&["get", "a"]), "{\"list\":[],\"text\":\"x\"}\n");
}

#[test]
fn usage_errors_are_one_line_and_exit_code_2() {
    let place = Place::new();
    place.ok(&["assoc", "a", "1"]);
    place.write("bytes", [0xff, 0xfe]);
    std::fs::create_dir(place.path("foreign")).unwrap();
    place.write("foreign/file", "not ours");
    for (args, hint) in [
        (&["get"][..], "<KEY>"),
        (&["frobnicate"], "frobnicate"),
        (&["get", "--frobnicate", "a"], "--frobnicate"),
        (&["get", "json:{"], "text:json:{"),
        (&["assoc", "a"], "JSON"),
        (&["assoc", "a", "plain text"], "--text"),
        (&["keys", "--store", "mysql:shop"], "file:, memory:, pack:"),
        (&["keys", "--store", "file:x?size=1"], "durability"),
        (&["keys", "--store", "larder-data"], "file:./data"),
        (&["get", "--store", "file:./elsewhere", "a"], "there is no store at file:./elsewhere yet"),
        (&["keys", "--store", "file:./foreign"], "foreign"),
        (&["bget", "a"], "meta"),
        (&["bget", "a", "--range", "9..1"], "ends before"),
        (&["bget", "a", "--range", "one"], "A..B"),
        (&["bassoc", "a", "missing"], "missing"),
        (&["bassoc", "a", "."], "directory"),
        (&["import", "missing"], "missing"),
        (&["import", "."], "directory"),
        (&["import", "bytes", "--jobs", "0"], "--jobs"),
        (&["completions", "tcsh"], "bash"),
        (&["man", "frobnicate"], "--help"),
        (&["assoc", &format!("k{}", "x".repeat(70_000)), "1"], "65536"),
    ] {
        let line = place.fails(2, args);
        assert!(line.contains(hint), "{args:?}: {line}");
    }
    assert!(!place.path("elsewhere").exists(), "reading makes no store");
    assert!(place.fails(2, &["assoc", "a", "1", "--store", "file:./foreign"]).contains("foreign"));
    assert_eq!(
        std::fs::read_dir(place.path("foreign")).unwrap().count(),
        1,
        "what is no store is not touched"
    );
}

#[cfg(unix)]
#[test]
fn an_argument_that_is_no_text_is_a_usage_error() {
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    let mut command = place.command(&["get"]);
    command.arg(std::ffi::OsStr::from_bytes(b"\xff\n"));
    Ran::of(command.output().unwrap()).failed(2);
}

#[test]
fn the_wrong_kind_is_a_usage_error_that_names_the_right_command() {
    let place = Place::new();
    assert_eq!(place.feed(&["bassoc", "b", "-"], "bytes").code, 0);
    assert!(place.fails(2, &["get", "b"]).contains("bget"));
    assert!(place.fails(2, &["update", "b", "--add", "1"]).contains("bget"));
}

#[test]
fn a_storage_failure_is_exit_code_3() {
    let place = Place::of_files();
    place.ok(&["assoc", "a", "1"]);
    let (records, _) = common::records(&place.path("larder-data"));
    let mut bytes = std::fs::read(&records[0]).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&records[0], bytes).unwrap();
    assert!(place.fails(3, &["get", "a"]).contains("verify"));
    assert!(place.fails(3, &["export", "/proc/no/such/place"]).contains("/proc/no/such/place"));
}

#[test]
fn keys_are_listed_in_the_form_that_is_taken_back() {
    let place = Place::new();
    let hostile = [
        "",
        " ",
        "-",
        "--",
        "-x",
        "--help",
        "..",
        "../../etc/passwd",
        "/",
        "a/b",
        "a\nb",
        "a\tb",
        "\u{1b}[2J",
        "ü",
        "日本",
        "🦀",
        "json:42",
        "text:x",
        "cbor:",
        "a b",
        "'\"\\",
        "con",
        "A",
        "a",
        "%2F",
        "#",
        "~",
        "keys\r",
        "\u{202e}x",
        "json:{",
        &"long".repeat(1000),
    ];
    for (n, key) in hostile.iter().enumerate() {
        // Text that begins with a prefix must be marked as text to be given.
        let given = format!("text:{key}");
        place.ok(&["assoc", "--", &given, &n.to_string()]);
    }
    for (n, key) in [
        "json:42",
        "json:[1,\"a\"]",
        "bytes:00ff",
        "keyword:user/name",
        "uuid:00000000-0000-0000-0000-000000000001",
        "cbor:f97e00",
        "json:1.5",
        "json:null",
        "cbor:a1d82701a10203",
    ]
    .iter()
    .enumerate()
    {
        place.ok(&["assoc", key, &format!("{}", 1000 + n)]);
    }
    let listed = place.lines(&["keys"]);
    assert_eq!(listed.len(), hostile.len() + 9);
    let mut values: Vec<u64> = listed
        .iter()
        .map(|key| {
            assert_eq!(place.ok(&["exists", "--", key]), "true\n");
            place.ok(&["get", "--", key]).trim().parse().unwrap()
        })
        .collect();
    values.sort();
    let expected: Vec<u64> = (0..hostile.len() as u64).chain(1000..1009).collect();
    assert_eq!(values, expected);
    for key in &listed {
        assert_eq!(place.ok(&["dissoc", "--", key]), "true\n");
    }
    assert_eq!(place.ok(&["keys"]), "");
}

#[test]
fn two_dashes_end_the_options() {
    let place = Place::of_files();
    place.ok(&["assoc", "--", "--text", "-x", "1"]);
    place.ok(&["--store", "file:./larder-data", "assoc", "--", "-y", "-5"]);
    assert_eq!(place.lines(&["keys"]), ["--text", "-y"]);
    assert_eq!(place.ok(&["get", "--", "--text", "-x"]), "1\n");
    assert_eq!(place.ok(&["get", "--", "-y"]), "-5\n");
    assert_eq!(place.ok(&["update", "--add", "1", "--", "-y"]), "{\"old\":-5,\"new\":-4}\n");
    assert_eq!(place.lines(&["keys", "--prefix", "-"]), ["--text", "-y"]);
}

#[test]
fn a_listing_can_be_narrowed_and_long() {
    let place = Place::new();
    place.ok(&["assoc", "users/1", "1"]);
    place.ok(&["assoc", "users/2", "\"four\""]);
    place.ok(&["assoc", "other", "1"]);
    place.ok(&["assoc", "json:42", "1"]);
    assert_eq!(place.feed(&["bassoc", "users/\tx", "-"], "12345").code, 0);
    assert_eq!(place.lines(&["keys", "--prefix", "users/"]), ["json:\"users/\\tx\"", "users/1", "users/2"]);
    assert_eq!(place.lines(&["keys", "--prefix", "none"]), Vec::<String>::new());
    let long = place.lines(&["keys", "--prefix", "users/", "--long"]);
    let columns: Vec<Vec<&str>> = long.iter().map(|line| line.split('\t').collect()).collect();
    assert_eq!(columns[0][..3], ["json:\"users/\\tx\"", "binary", "5"]);
    assert_eq!(columns[1][..3], ["users/1", "document", "1"]);
    assert_eq!(columns[2][..3], ["users/2", "document", "5"]);
    assert!(columns.iter().all(|columns| columns.len() == 4 && columns[3].ends_with('Z')));
}

#[test]
fn a_binary_goes_in_and_out_in_whole_and_in_part() {
    let place = Place::new();
    let bytes: Vec<u8> = (0..3_000_000u32).map(|n| ((n * 7) >> 3) as u8).collect();
    place.write("in", &bytes);
    place.ok(&["bassoc", "b", "in"]);
    place.write("out", "what was there");
    place.ok(&["bget", "b", "-o", "out"]);
    assert_eq!(place.read("out"), bytes);
    assert_eq!(place.command(&["bget", "b"]).output().unwrap().stdout, bytes);
    assert_eq!(place.command(&["bget", "b", "-o", "-"]).output().unwrap().stdout, bytes);
    for (range, expected) in [
        ("0..10", &bytes[..10]),
        ("1000000..1000100", &bytes[1_000_000..1_000_100]),
        ("2999990..", &bytes[2_999_990..]),
        ("..3", &bytes[..3]),
        ("2999999..9999999", &bytes[2_999_999..]),
        ("5000000..", &[]),
    ] {
        assert_eq!(
            place.command(&["bget", "b", "--range", range]).output().unwrap().stdout,
            expected,
            "{range}"
        );
    }
    assert_eq!(place.feed(&["bassoc", "from stdin", "-"], &bytes).code, 0);
    assert_eq!(place.command(&["bget", "from stdin"]).output().unwrap().stdout, bytes);
    assert_eq!(place.feed(&["bassoc", "empty", "-"], "").code, 0);
    assert_eq!(place.ok(&["bget", "empty"]), "");
}

#[test]
fn a_read_that_fails_leaves_no_half_file() {
    let place = Place::of_files();
    place.write("in", vec![7; 2_000_000]);
    place.ok(&["bassoc", "b", "in"]);
    let (records, _) = common::records(&place.path("larder-data"));
    let mut bytes = std::fs::read(&records[0]).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&records[0], bytes).unwrap();
    place.fails(3, &["bget", "b", "-o", "new"]);
    place.write("old", "old");
    place.fails(3, &["bget", "b", "-o", "old"]);
    assert_eq!(place.read("old"), b"old");
    let mut names: Vec<_> =
        std::fs::read_dir(place.path(".")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["in", "larder-data", "old"]);
}

#[test]
fn the_store_is_named_by_option_or_environment_or_is_the_default() {
    let place = Place::new();
    place.ok(&["assoc", "where", "\"default\""]);
    place.ok(&["--store", "file:./one", "assoc", "where", "\"one\""]);
    place.ok(&["assoc", "where", "\"flushed\"", "--store", "file:./two?durability=flushed"]);
    let from_env =
        |args: &[&str]| Ran::of(place.command(args).env("LARDER_STORE", "file:./one").output().unwrap());
    assert!(place.path("larder-data").is_dir());
    assert_eq!(place.ok(&["get", "where"]), "\"default\"\n");
    assert_eq!(from_env(&["get", "where"]).out, "\"one\"\n");
    assert_eq!(from_env(&["get", "where", "--store", "file:./two"]).out, "\"flushed\"\n");
    assert_eq!(place.ok(&["assoc", "x", "1", "--store", "memory:"]), "");
    assert_eq!(place.run(&["exists", "x", "--store", "memory:"]).code, 1);
}

#[test]
fn a_closed_output_ends_quietly() {
    let place = Place::of_files();
    let lines: String = (0..3000).map(|n| format!("{{\"id\":{n}}}\n")).collect();
    place.write("many.jsonl", lines);
    place.ok(&["--store", "file:./larder-data?durability=flushed", "import", "many.jsonl", "--key", "id"]);
    for args in [&["keys"][..], &["keys", "--long"], &["export"], &["man"], &["completions", "bash"]] {
        let mut child = place.command(args).spawn().unwrap();
        let mut out = BufReader::with_capacity(16, child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        drop(out);
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""), "{args:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_cannot_be_written_is_exit_code_3() {
    let place = Place::new();
    place.ok(&["assoc", "a", "1"]);
    assert_eq!(place.feed(&["bassoc", "b", "-"], "bytes").code, 0);
    for args in [&["get", "a"][..], &["keys"], &["export"], &["verify"], &["bget", "b"], &["man"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let ran = Ran::of(place.command(args).stdout(full).output().unwrap());
        assert!(ran.failed(3).contains("cannot be written"), "{args:?}");
    }
    assert!(place.fails(3, &["bget", "b", "-o", "/dev/full"]).contains("/dev/full"));
    place.ok(&["bget", "b", "-o", "/dev/null"]);
}

#[test]
fn help_version_stores_completions_and_manual_pages_are_printed() {
    let place = Place::new();
    let help = place.ok(&["--help"]);
    for word in ["json:42", "Exit codes", "Examples", "LARDER_STORE", "bassoc", "$cbor"] {
        assert!(help.contains(word), "{word}");
    }
    for command in [
        "get",
        "assoc",
        "update",
        "keys",
        "bget",
        "bassoc",
        "import",
        "export",
        "copy",
        "verify",
        "stats",
        "compact",
        "repair",
        "dump",
        "exists",
        "meta",
        "dissoc",
        "man",
        "completions",
    ] {
        assert!(place.ok(&[command, "--help"]).contains("Example"), "{command}");
    }
    assert!(place.ok(&["--version"]).starts_with("larder 0"));
    let stores = place.ok(&["stores"]);
    for word in ["file:", "memory:", "pack:", "durability=synced|flushed", "create=true|false"] {
        assert!(stores.contains(word), "{word}");
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(place.ok(&["completions", shell]).contains("bassoc"), "{shell}");
    }
    assert!(place.ok(&["man"]).contains(".TH larder"));
    let page = place.ok(&["man", "import"]);
    assert!(page.contains(".TH larder-import") && page.contains("acks"));
    assert_eq!(place.run(&[]).code, 2);
    assert_eq!(std::fs::read_dir(place.path(".")).unwrap().count(), 0, "none of these opens a store");
}
