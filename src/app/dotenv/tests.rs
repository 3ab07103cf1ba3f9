use super::*;
use proptest::prelude::*;

fn parse(text: &str) -> Result<BTreeMap<ConfigKey, Secret<String>>, Diagnostics> {
    parse_dotenv(&SourceFile::new(".env", text))
}

fn pairs(text: &str) -> Vec<(String, String)> {
    let values = parse(text).unwrap_or_else(|errors| panic!("{errors}"));
    values.into_iter().map(|(key, value)| (key.into(), value.reveal().clone())).collect()
}

fn messages(text: &str) -> Vec<String> {
    parse(text).unwrap_err().list.into_iter().map(|d| d.message).collect()
}

#[test]
fn every_way_to_write_a_value_is_read() {
    let table = [
        ("A=1", "1"),
        ("A=", ""),
        ("A=  ", ""),
        ("  export A=x", "x"),
        ("A=two words  # comment", "two words"),
        ("A=a#b", "a#b"),
        ("A=$HOME ${X} \\n", "$HOME ${X} \\n"),
        ("A=postgres://u:p@h/db?x=y", "postgres://u:p@h/db?x=y"),
        ("A=''", ""),
        (r"A='it is $5\n' # c", r"it is $5\n"),
        (r#"A="a\n\t\\\"\'\$b""#, "a\n\t\\\"'$b"),
        ("A=\"-----BEGIN\nkey=\n-----END\"\n", "-----BEGIN\nkey=\n-----END"),
        ("A='one\r\ntwo'\r\n", "one\ntwo"),
        ("A=\"one\r\ntwo\"\r\n", "one\ntwo"),
        ("A=x\r\n", "x"),
        ("\u{feff}# c\n\nA=x", "x"),
    ];
    for (text, value) in table {
        assert_eq!(pairs(text), [("A".to_string(), value.to_string())], "{text:?}");
    }
    assert_eq!(pairs("").len(), 0);
}

#[test]
fn every_odd_line_is_reported_with_its_number() {
    let text = "A=1\nnothing\nB =2\nC= 3\nD=a\"b\nE=#fff\nF=\"x\"y\nG=\"\\q\"\n1H=1\nA=2\nI=\"a\nb\"\nJ\nK=\0\n";
    assert_eq!(
        messages(text),
        [
            "line 2: not a name and its value",
            "line 3: what stands before the `=` is not a config name",
            "line 4: space after the `=`",
            "line 5: a quote inside a bare value",
            "line 6: a `#` begins the value",
            "line 7: something follows the closing quote",
            "line 8: unknown escape",
            "line 9: what stands before the `=` is not a config name",
            "line 10: `A` is set twice",
            "line 13: not a name and its value",
            "line 14: contains a NUL character",
        ]
    );
}

#[test]
fn an_open_quote_ends_the_reading_so_that_no_secret_is_taken_for_a_name() {
    let text = "odd\nA=\"-----BEGIN\nMIIEvQ==\nMIIEvQ==\n";
    assert_eq!(
        messages(text),
        ["line 1: not a name and its value", "line 2: the value has no end"]
    );
}

#[test]
fn a_refusal_shows_the_name_and_the_place_but_never_the_value() {
    let rendered = parse("\nAPI_KEY=hunter2\"x\n").unwrap_err().render();
    assert_eq!(
        rendered,
        "error: line 2: a quote inside a bare value\n \
         --> .env:2:16\n  |\n2 | API_KEY=*********\n  |                ^ expected no quote here\n  |\n  \
         = help: quote the whole value"
    );
    let secrets = [
        "hunter2",
        "postgres://u:hunter2@h/db?x=y",
        "A=1\nA=hunter2",
        "A=\"hunter2",
        "A='hunter2",
        "A= hunter2",
        "A=\"hunter2\"hunter2",
        "A=\"hunter2\\q\"",
        "hunter2 hunter2 = hunter2",
        "A=#hunter2",
        "A=\"x\nhunter2=\"hunter2",
        "A='x\nhunter2=\0'",
    ];
    for text in secrets {
        let errors = parse(text).unwrap_err();
        let everything = format!("{} {errors:?}", errors.render());
        assert!(!everything.contains("hunter2"), "{text:?}: {everything}");
    }
}

proptest! {
    #[test]
    fn printing_then_parsing_is_identity(
        values in proptest::collection::btree_map(
            "[A-Za-z_][A-Za-z0-9_]{0,12}",
            "(?s)([^\\x00]|['\"\\\\#$ \r\n=]){0,20}",
            0..5,
        )
    ) {
        let values: BTreeMap<ConfigKey, Secret<String>> =
            values.into_iter().map(|(k, v)| (k.parse().unwrap(), Secret::new(v))).collect();
        let printed = print_dotenv(&values);
        prop_assert_eq!(parse(&printed).map_err(|errors| errors.render()), Ok(values));
    }

    #[test]
    fn no_text_makes_the_parser_panic_or_the_renderer_show_a_value(
        text in "(?s)(A=|\"|'|\\\\|\n|\r|#| |=|é|z-q){0,24}"
    ) {
        if let Err(errors) = parse(&text) {
            prop_assert!(!errors.render().contains("z-q"));
        }
    }
}
