use super::*;
use proptest::prelude::*;

fn map(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        map.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    map
}

fn vetted(target: &str, lines: &[(&'static str, &str)]) -> Result<String, u16> {
    let headers = map(lines);
    let uri: Uri = target.parse().unwrap();
    vet(&Method::GET, &uri, Version::HTTP_11, &headers)
        .map(str::to_string)
        .map_err(|refusal| refusal.status.as_u16())
}

#[test]
fn exactly_one_host_in_origin_form_is_passed() {
    assert_eq!(vetted("/a?b", &[("host", "a.b:80")]), Ok("a.b:80".into()));
    assert_eq!(vetted("/", &[]), Err(400));
    assert_eq!(vetted("/", &[("host", "a"), ("host", "a")]), Err(400));
    assert_eq!(vetted("http://other/", &[("host", "a")]), Err(400));
    assert_eq!(vetted("*", &[("host", "a")]), Err(400));
    for host in ["a b", "a/b", "a,b", "a@b", "\"a\"", "a\u{e9}"] {
        assert_eq!(vetted("/", &[("host", host)]), Err(400), "{host}");
    }
}

#[test]
fn both_lengths_and_unknown_codings_are_refused() {
    let both = [("host", "a"), ("content-length", "3"), ("transfer-encoding", "chunked")];
    assert_eq!(vetted("/", &both), Err(400));
    assert_eq!(vetted("/", &[("host", "a"), ("transfer-encoding", "gzip, chunked")]), Err(501));
    assert_eq!(vetted("/", &[("host", "a"), ("transfer-encoding", "Chunked")]), Ok("a".into()));
}

#[test]
fn connect_is_refused_and_options_star_passes() {
    let headers = map(&[("host", "a")]);
    let star: Uri = "*".parse().unwrap();
    assert!(vet(&Method::OPTIONS, &star, Version::HTTP_11, &headers).is_ok());
    let there: Uri = "a:443".parse().unwrap();
    assert!(vet(&Method::CONNECT, &there, Version::HTTP_11, &headers).is_err());
}

fn sent(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = map(lines);
    let facts = Facts {
        client: &HeaderValue::from_static("10.0.0.9"),
        port: &HeaderValue::from_static("80"),
        id: &HeaderValue::from_static("11111111-2222-3333-4444-555555555555"),
        started: 1700000000000,
    };
    to_app(&mut headers, &facts);
    headers
}

#[test]
fn claims_of_origin_are_replaced() {
    let headers = sent(&[
        ("x-forwarded-for", "1.2.3.4"),
        ("x-forwarded-for", "5.6.7.8"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil"),
        ("forwarded", "for=evil"),
        ("x-real-ip", "evil"),
        ("via", "1.0 before"),
    ]);
    let all = |name: &str| -> Vec<_> {
        headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_string()).collect()
    };
    assert_eq!(all("x-forwarded-for"), ["10.0.0.9"]);
    assert_eq!(all("x-forwarded-proto"), ["http"]);
    assert_eq!(all("x-forwarded-port"), ["80"]);
    assert_eq!(all("x-request-start"), ["1700000000000"]);
    assert_eq!(all("via"), ["1.0 before", "1.1 xii"]);
    assert!(["x-forwarded-host", "forwarded", "x-real-ip"].iter().all(|name| all(name).is_empty()));
}

#[test]
fn what_connection_names_is_stripped_but_not_the_host() {
    let headers = sent(&[
        ("host", "a"),
        ("content-length", "3"),
        ("connection", "close, X-Secret, host"),
        ("connection", "x-other,Content-Length"),
        ("x-secret", "1"),
        ("x-other", "2"),
        ("x-third", "3"),
        ("keep-alive", "timeout=5"),
        ("te", "gzip, trailers;q=0.5"),
    ]);
    for gone in ["connection", "x-secret", "x-other", "keep-alive", "te"] {
        assert!(!headers.contains_key(gone), "{gone}");
    }
    for kept in ["host", "content-length", "x-third"] {
        assert!(headers.contains_key(kept), "{kept}");
    }
}

#[test]
fn the_wish_for_trailers_crosses() {
    assert_eq!(sent(&[("te", "Trailers"), ("connection", "te")]).get("te").unwrap(), "trailers");
    let mut headers = map(&[("trailer", "x-sum"), ("transfer-encoding", "chunked")]);
    to_client(&mut headers);
    assert!(headers.contains_key("trailer") && !headers.contains_key("transfer-encoding"));
}

#[test]
fn an_upgrade_needs_both_headers_and_http_1_1() {
    let both = map(&[("connection", "keep-alive, Upgrade"), ("upgrade", "websocket")]);
    assert_eq!(wants_upgrade(Version::HTTP_11, &both).unwrap(), "websocket");
    assert!(wants_upgrade(Version::HTTP_10, &both).is_none());
    assert!(wants_upgrade(Version::HTTP_11, &map(&[("upgrade", "h2c")])).is_none());
}

#[test]
fn a_request_id_is_kept_only_when_harmless() {
    let valid = |text: &str| valid_request_id(&HeaderValue::from_str(text).unwrap());
    assert!(valid("abcdefghij0123456789") && valid(&"a".repeat(200)));
    assert!(!valid("short") && !valid(&"a".repeat(201)));
    assert!(!valid("abcdefghij0123456789 at=error") && !valid("abcdefghij\"0123456789"));
}

proptest! {
    #[test]
    fn no_header_named_by_connection_survives(name in "x-[a-z]{1,12}", pad in "[ ]{0,3}") {
        let mut headers = HeaderMap::new();
        let value = format!("close,{pad}{}{pad}", name.to_uppercase());
        headers.insert(CONNECTION, HeaderValue::from_str(&value).unwrap());
        headers.insert(name.parse::<HeaderName>().unwrap(), HeaderValue::from_static("v"));
        strip_connection(&mut headers);
        prop_assert!(headers.is_empty());
    }
}
