use super::*;
use proptest::prelude::*;

fn types(names: &[&str]) -> BTreeSet<ProcessType> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn parse(text: &str) -> Result<Settings, Diagnostics> {
    let declared = types(&["web", "worker", "release"]);
    parse_settings(&SourceFile::new("xii.toml", text), Some(&declared))
}

/// Message, the text under the carets, help.
fn errors(text: &str) -> Vec<(String, String, Option<String>)> {
    let list = parse(text).unwrap_err().list;
    list.into_iter().map(|d| (d.message, text[d.span].to_string(), d.help)).collect()
}

#[test]
fn the_annotated_example_parses_and_has_every_key() {
    let settings = parse(include_str!("../../../docs/xii.toml")).unwrap();
    let web = &settings.process[&ProcessType::web()];
    let worker = &settings.process[&"worker".parse().unwrap()];
    assert_eq!(settings.app.unwrap().as_str(), "guestbook");
    assert_eq!(settings.stack.as_deref(), Some("debian-12"));
    assert_eq!(settings.stack_packages, ["libpq5", "imagemagick"]);
    assert_eq!(settings.health.as_deref(), Some("/healthz"));
    assert_eq!(settings.boot_timeout_ms, Some(90_000));
    assert_eq!(settings.scratch, ["tmp", "log"]);
    assert_eq!(settings.build.command.as_deref(), Some("make assets"));
    assert_eq!(settings.build.output.as_deref(), Some("public"));
    assert_eq!(settings.build.env["NODE_ENV"], "production");
    assert_eq!(settings.build.timeout_ms, Some(45 * 60_000));
    assert_eq!(settings.build.memory_bytes, Some(6 << 30));
    assert_eq!(settings.build.disk_bytes, Some(20 << 30));
    assert_eq!(web.memory_bytes, Some(512 << 20));
    assert_eq!(web.cpu_millicores, Some(500));
    assert_eq!(web.pids, Some(100));
    assert_eq!(web.stop_window_ms, Some(45_000));
    assert!(!web.singleton && worker.singleton);
    assert_eq!(worker.memory_bytes, Some(3 << 29));
    let example = include_str!("../../../docs/xii.toml");
    for key in KEYS.iter().chain(&process::KEYS).chain(&build::KEYS).chain(&stack::KEYS) {
        assert!(example.contains(key), "docs/xii.toml does not show `{key}`");
        let table = include_str!("../../../docs/manifests.md");
        assert!(table.contains(key), "docs/manifests.md does not explain `{key}`");
    }
}

#[test]
fn an_empty_file_is_the_default() {
    assert_eq!(parse("").unwrap(), Settings::default());
    assert_eq!(
        parse("\u{feff}# only a comment\r\n[build]\r\n[process]\r\n").unwrap(),
        Settings::default()
    );
}

#[test]
fn unknown_keys_are_errors_that_say_what_was_meant() {
    let text = "aap = 'x'\nmemory = '1G'\nenv = {}\n[build]\ncomand = 'x'\n[process.web]\nmemroy = '1G'\nxyz = 1\n";
    let help = |text: &str| Some(text.to_string());
    let expected = [
        ("unknown key `aap` in xii.toml", "aap", help("did you mean `app`?")),
        (
            "unknown key `memory` in xii.toml",
            "memory",
            help("limits belong to a process type: `[process.web]`, then `memory = …`"),
        ),
        (
            "unknown key `env` in xii.toml",
            "env",
            help("config is set with `xii config set NAME=value`"),
        ),
        ("unknown key `comand` in [build]", "comand", help("did you mean `command`?")),
        ("unknown key `memroy` in [process.web]", "memroy", help("did you mean `memory`?")),
        ("unknown key `xyz` in [process.web]", "xyz", None),
    ];
    let expected = expected.map(|(message, at, help)| (message.to_string(), at.to_string(), help));
    assert_eq!(errors(text), expected);
}

#[test]
fn wrong_types_and_bad_values_stand_under_their_carets() {
    let table = [
        ("app = 3", "this is an integer", "3"),
        (
            "app = 'My App'",
            "app name \"My App\" contains 'M'; allowed are 1 to 30 of a-z, 0-9 and -, starting with a letter",
            "'My App'",
        ),
        ("stack = 'debian12'", "there is no stack \"debian12\"", "'debian12'"),
        ("stack = 12", "this is an integer", "12"),
        ("stack.name = 'heroku-24'", "there is no stack \"heroku-24\"", "'heroku-24'"),
        ("stack.packages = 'libpq5'", "this is a string", "'libpq5'"),
        ("stack.packages = ['a1', 'a1']", "the package is listed twice", "'a1'"),
        ("stack.packages = ['-y']", "\"-y\" is not the name of a Debian package", "'-y'"),
        ("stack.package = ['a1']", "unknown key `package` in [stack]", "package"),
        ("health = 'healthz'", "the health path does not start with `/`", "'healthz'"),
        (
            "health = '/a b'",
            "the health path is not a plain URL path of at most 1024 bytes",
            "'/a b'",
        ),
        ("scratch = 'tmp'", "this is a string", "'tmp'"),
        ("scratch = ['../x']", "the path has an empty, `.` or `..` part", "'../x'"),
        ("scratch = ['/tmp']", "the path is absolute; expected one relative to the app", "'/tmp'"),
        ("scratch = ['a', 'a']", "the folder is listed twice", "'a'"),
        ("scratch = ['']", "the path has an empty, `.` or `..` part", "''"),
        ("build = 'make'", "this is a string", "'make'"),
        ("build.command = ' '", "the build command is empty", "' '"),
        (
            "build.command = \"a\\u0000\"",
            "a NUL character can be given to no program",
            "\"a\\u0000\"",
        ),
        ("build.output = 'a//b'", "the path has an empty, `.` or `..` part", "'a//b'"),
        ("build.env = { PORT = '1' }", "`PORT` is set by xii itself", "PORT"),
        ("build.env = { A = 1 }", "this is an integer", "1"),
        ("build.timeout = '25h'", "the time limit of the build is not between 1s and 24h", "'25h'"),
        (
            "build.memory = '1M'",
            "the memory limit of the build is not between 16M and 1024T",
            "'1M'",
        ),
        ("build.disk = '1K'", "the disk limit of the build is not between 1M and 1024T", "'1K'"),
        ("process.web.memory = 512", "this is an integer", "512"),
        (
            "process.web.memory = '512'",
            "`512` is not a size: expected one like `512M` or `1.5G`",
            "'512'",
        ),
        ("process.web.memory = '1K'", "the memory limit is not between 4M and 1024T", "'1K'"),
        ("process.web.cpu = 0", "the cpu limit is not between 0.01 and 1024 cores", "0"),
        ("process.web.cpu = nan", "the cpu limit is not between 0.01 and 1024 cores", "nan"),
        ("process.web.cpu = '1'", "this is a string", "'1'"),
        ("process.web.pids = 0", "the limit of processes is not between 4 and 1000000", "0"),
        ("process.web.pids = 1.5", "this is a float", "1.5"),
        ("process.web.stop_window = '2h'", "the stop window is longer than 1h", "'2h'"),
        ("boot_timeout = '0s'", "the boot timeout is not between 1s and 1h", "'0s'"),
        ("boot_timeout = '2h'", "the boot timeout is not between 1s and 1h", "'2h'"),
        ("process.web.singleton = 'yes'", "this is a string", "'yes'"),
        ("process.web.singleton = true", "`singleton` has no place in [process.web]", "singleton"),
        (
            "process.release.singleton = true",
            "`singleton` has no place in [process.release]",
            "singleton",
        ),
        ("process.wbe.cpu = 1", "the Procfile has no process type `wbe`", "wbe"),
        (
            "process.'a b'.cpu = 1",
            "process type \"a b\" contains ' '; allowed are 1 to 30 of A-Z, a-z, 0-9, _ and -, starting with a letter or digit",
            "'a b'",
        ),
    ];
    for (text, message, at) in table {
        let found = errors(text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert_eq!((found[0].0.as_str(), found[0].1.as_str()), (message, at), "{text}");
    }
}

#[test]
fn an_unknown_process_type_is_shown_where_it_stands_with_what_was_meant() {
    let rendered = parse("[process.worke]\nmemory = '1G'\n").unwrap_err().render();
    let expected = "error: the Procfile has no process type `worke`\n \
        --> xii.toml:1:10\n  |\n\
        1 | [process.worke]\n  |          ^^^^^ expected one of release, web, worker\n  |\n  \
        = help: did you mean `worker`?";
    assert_eq!(rendered, expected);
}

#[test]
fn syntax_errors_on_separate_lines_are_all_shown_with_the_rest() {
    let found = errors("app = \nhealth = '/h'\nstack = x\nnope = 1\n");
    let lines: Vec<&str> = found.iter().map(|(message, _, _)| message.as_str()).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(lines[2], "unknown key `nope` in xii.toml");
}

#[test]
fn an_open_quote_is_one_error_not_a_cascade() {
    let found =
        errors("nope = 1\nbuild.env = { A = \"open\n[process.web]\nmemory = '1G'\ncpu = 1\n");
    let messages: Vec<&str> = found.iter().map(|(message, _, _)| message.as_str()).collect();
    assert_eq!(messages, ["unknown key `nope` in xii.toml", "invalid basic string, expected `\"`"]);
}

#[test]
fn the_schema_has_every_key_that_is_read_and_every_key_of_the_schema_is_read() {
    let schema: serde_json::Value = serde_json::from_str(crate::app::XII_TOML_SCHEMA).unwrap();
    for (pointer, keys) in [
        ("", &KEYS[..]),
        ("/properties/stack/anyOf/1", &stack::KEYS),
        ("/properties/build", &build::KEYS),
        ("/properties/process/additionalProperties", &process::KEYS),
    ] {
        let object = schema.pointer(pointer).unwrap_or_else(|| panic!("no {pointer}"));
        assert_eq!(object["additionalProperties"], false, "{pointer}");
        let of_schema: BTreeSet<&str> =
            object["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(of_schema, keys.iter().copied().collect(), "{pointer}");
    }
    // The lists say what the code does: a key that is read wants something else than a date.
    for (table, keys) in [
        ("", &KEYS[..]),
        ("stack.", &stack::KEYS),
        ("build.", &build::KEYS),
        ("process.web.", &process::KEYS),
    ] {
        for key in keys {
            let found = errors(&format!("{table}{key} = 2026-01-01"));
            assert_eq!(found[0].0, "this is a date", "{table}{key}");
        }
    }
}

#[test]
fn a_stack_is_a_name_or_a_table_with_packages() {
    for stack in STACKS {
        let settings = parse(&format!("stack = '{stack}'\n")).unwrap();
        assert_eq!((settings.stack.as_deref(), settings.stack_packages.len()), (Some(stack), 0));
    }
    let settings = parse("[stack]\npackages = ['libpq5', 'g++']\n").unwrap();
    assert_eq!((settings.stack, settings.stack_packages.len()), (None, 2));
    assert_eq!(errors("stack = 'debian12'")[0].2.as_deref(), Some("did you mean `debian-12`?"));
    let help = errors("packages = ['libpq5']").remove(0).2;
    assert_eq!(help.as_deref(), Some("`packages` belongs to `[stack]`"));
}

#[test]
fn the_same_key_twice_is_an_error() {
    assert_eq!(errors("app = 'a'\napp = 'b'\n")[0].0, "duplicate key");
}

#[test]
fn a_file_with_toml_1_1_newlines_in_a_table_is_accepted() {
    let settings = parse("[build]\nenv = {\n  A = 'x',\n}\n").unwrap();
    assert_eq!(settings.build.env["A"], "x");
}

#[test]
fn a_hopeless_file_is_refused_in_time_that_grows_with_its_length() {
    let unknown: String = (0..25_000).map(|n| format!("k{n} = 1\n")).collect();
    let started = std::time::Instant::now();
    for text in [unknown, "=\n\n".repeat(80_000), "[".repeat(250_000)] {
        assert!(parse(&text).unwrap_err().render().len() < 4000);
    }
    // Quadratic, these took minutes.
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    let many = format!("scratch = [{}]", "'a',".repeat(33));
    assert_eq!(errors(&many)[0].0, "33 folders of private memory");
}

proptest! {
    #[test]
    fn limits_written_into_a_file_are_the_limits_read(
        memory in 4u64 << 20..1 << 50,
        millicores in 10u32..=1_024_000,
        pids in 4u32..=1_000_000,
        stop_window_ms in 0u64..=3_600_000,
        singleton: bool,
    ) {
        let text = format!(
            "[process.worker]\nmemory = '{}'\ncpu = {}\npids = {pids}\nstop_window = '{}'\nsingleton = {singleton}\n",
            crate::app::format_size(memory),
            f64::from(millicores) / 1000.0,
            crate::app::format_duration(stop_window_ms),
        );
        let expected = ProcessSettings {
            memory_bytes: Some(memory),
            cpu_millicores: Some(millicores),
            pids: Some(pids),
            stop_window_ms: Some(stop_window_ms),
            singleton,
        };
        prop_assert_eq!(&parse(&text).unwrap().process[&"worker".parse().unwrap()], &expected);
    }

    #[test]
    fn no_text_makes_the_parser_or_the_renderer_panic(text in "(?s)(app|=|\\[|\\]|\\{|'|\"|process|\\.|\n|.){0,40}") {
        if let Err(errors) = parse(&text) {
            errors.render();
        }
    }
}
