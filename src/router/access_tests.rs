use super::*;
use proptest::prelude::*;

fn record() -> Record {
    Record {
        service: None,
        instance: None,
        method: Method::GET,
        uri: "/".parse().unwrap(),
        version: Version::HTTP_11,
        host: Some(HeaderValue::from_static("guestbook.localhost")),
        id: HeaderValue::from_static("8601b555-6a83-4c12-8269-97c8e32cdb22"),
        client: "127.0.0.1".parse().unwrap(),
        connect: Duration::ZERO,
        service_time: Duration::from_millis(5),
        status: 200,
        bytes: 12,
        code: None,
        detail: None,
    }
}

fn line(record: &Record) -> String {
    let mut out = String::new();
    record.write(&mut out);
    out
}

#[test]
fn an_answered_request_is_one_line_in_herokus_format() {
    assert_eq!(
        line(&record()),
        "\tat=info method=GET path=\"/\" host=guestbook.localhost \
         request_id=8601b555-6a83-4c12-8269-97c8e32cdb22 fwd=\"127.0.0.1\" dyno= connect=0ms \
         service=5ms status=200 bytes=12 protocol=http\n"
    );
}

#[test]
fn an_error_carries_its_code_and_description() {
    let failed = Record { code: Some(Code::H12), status: 503, ..record() };
    assert!(line(&failed).starts_with("\tat=error code=H12 desc=\"Request timeout\" method=GET"));
    assert!(failed.failed());
    assert!(!Record { code: Some(Code::H27), status: 499, ..record() }.failed());
    assert!(Record { status: 500, ..record() }.failed());
}

#[test]
fn a_line_is_never_long_enough_for_the_log_to_cut_it() {
    let long = "\u{e9}\"".repeat(10_000);
    let record = Record {
        method: Method::from_bytes("X".repeat(30_000).as_bytes()).unwrap(),
        uri: format!("/{}", "\"".repeat(60_000)).parse().unwrap(),
        host: Some(HeaderValue::from_str(&long).unwrap()),
        id: HeaderValue::from_str(&long).unwrap(),
        ..record()
    };
    assert!(line(&record).len() < 15_000, "{}", line(&record).len());
}

proptest! {
    #[test]
    fn no_value_can_forge_a_line_or_a_field(host in proptest::collection::vec(32u8..=255, 0..40)) {
        let host = host.into_iter().filter(|byte| *byte != 127).collect::<Vec<_>>();
        let host = HeaderValue::from_bytes(&host).unwrap();
        let text = line(&Record { host: Some(host), ..record() });
        prop_assert_eq!(text.matches('\n').count(), 1);
        prop_assert!(text.trim_end().bytes().skip(1).all(|byte| (b' '..=b'~').contains(&byte)));
        // Outside of quotes there is exactly one `status=`.
        let (mut bare, mut inside, mut escaped) = (String::new(), false, false);
        for c in text.chars() {
            match (c, escaped) {
                ('"', false) => inside = !inside,
                ('\\', false) if inside => { escaped = true; continue }
                _ if !inside => bare.push(c),
                _ => {}
            }
            escaped = false;
        }
        prop_assert!(!inside);
        prop_assert_eq!(bare.matches("status=").count(), 1);
    }
}
