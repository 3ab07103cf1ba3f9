//! Header rules, both ways. Pure.
//!
//! We are the edge: what a client claims about where it came from is replaced, and what
//! belongs to one connection does not cross to the other.

use hyper::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue,
    PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE, VIA,
};
use hyper::{Method, StatusCode, Uri, Version};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const FORWARDED: HeaderName = HeaderName::from_static("forwarded");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
const X_REQUEST_START: HeaderName = HeaderName::from_static("x-request-start");
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Why a request is not passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    pub status: StatusCode,
    pub reason: &'static str,
}

fn bad(reason: &'static str) -> Refusal {
    Refusal { status: StatusCode::BAD_REQUEST, reason }
}

/// The rules hyper does not hold for a proxy. Returns the host.
pub fn vet<'a>(
    method: &Method,
    uri: &Uri,
    version: Version,
    headers: &'a HeaderMap,
) -> Result<&'a str, Refusal> {
    if method == Method::CONNECT {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        return Err(Refusal { status, reason: "CONNECT is not served" });
    }
    if uri.scheme().is_some() || uri.authority().is_some() {
        return Err(bad("request target is not in origin form"));
    }
    let whole_server = uri.path() == "*" && method == Method::OPTIONS;
    if !(uri.path().starts_with('/') || whole_server) {
        return Err(bad("request target is not in origin form"));
    }
    if let Some(coding) = headers.get(TRANSFER_ENCODING) {
        let chunked = coding.as_bytes().eq_ignore_ascii_case(b"chunked");
        if !chunked || headers.get_all(TRANSFER_ENCODING).iter().count() > 1 {
            let status = StatusCode::NOT_IMPLEMENTED;
            return Err(Refusal { status, reason: "transfer coding other than chunked" });
        }
        if headers.contains_key(CONTENT_LENGTH) {
            return Err(bad("both Content-Length and Transfer-Encoding"));
        }
    }
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().map_err(|_| bad("Host is not ASCII"))?,
        (Some(_), Some(_)) => return Err(bad("more than one Host header")),
        (None, _) if version == Version::HTTP_10 => "",
        (None, _) => return Err(bad("no Host header")),
    };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    match host.len() <= 255 && host.bytes().all(allowed) {
        true => Ok(host),
        false => Err(bad("Host is not a host name")),
    }
}

/// Does the client ask for another protocol on this connection? Returns the upgrade's name.
pub fn wants_upgrade(version: Version, headers: &HeaderMap) -> Option<HeaderValue> {
    let upgrade = headers.get(UPGRADE)?;
    let asked = list(headers, &CONNECTION).any(|token| token.eq_ignore_ascii_case("upgrade"));
    (version == Version::HTTP_11 && asked).then(|| upgrade.clone())
}

fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',').map(str::trim))
}

/// Removes what belongs to the incoming connection: the headers named by `Connection`, and
/// those that always do. `Content-Length` and `Host` cannot be named away.
fn strip_connection(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let plain = ["close", "keep-alive", "upgrade", "te", "host", "content-length"];
        let named: Vec<HeaderName> = list(headers, &CONNECTION)
            .filter(|token| !plain.iter().any(|known| token.eq_ignore_ascii_case(known)))
            .filter_map(|token| token.parse().ok())
            .collect();
        named.iter().for_each(|name| drop(headers.remove(name)));
        headers.remove(CONNECTION);
    }
    for name in [KEEP_ALIVE, PROXY_CONNECTION, UPGRADE] {
        headers.remove(name);
    }
}

/// What the router knows of a request and the app is told.
pub struct Facts<'a> {
    pub client: &'a HeaderValue,
    pub port: &'a HeaderValue,
    pub id: &'a HeaderValue,
    /// Milliseconds since 1970.
    pub started: u64,
}

/// Turns a client's headers into those for the app.
pub fn to_app(headers: &mut HeaderMap, facts: &Facts<'_>) {
    let trailers = headers.contains_key(TE)
        && list(headers, &TE).any(|token| token.eq_ignore_ascii_case("trailers"));
    strip_connection(headers);
    for name in [EXPECT, FORWARDED, X_FORWARDED_HOST, X_REAL_IP, PROXY_AUTHORIZATION, TE] {
        headers.remove(name);
    }
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    headers.insert(X_FORWARDED_FOR, facts.client.clone());
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static("http"));
    headers.insert(X_FORWARDED_PORT, facts.port.clone());
    headers.insert(X_REQUEST_START, HeaderValue::from(facts.started));
    headers.insert(X_REQUEST_ID, facts.id.clone());
    headers.append(VIA, HeaderValue::from_static("1.1 xii"));
}

/// Turns an app's headers into those for the client.
pub fn to_client(headers: &mut HeaderMap) {
    strip_connection(headers);
    for name in [TRANSFER_ENCODING, PROXY_AUTHENTICATE] {
        headers.remove(name);
    }
}

/// A client's request id is kept when it is 20 to 200 harmless characters.
pub fn valid_request_id(value: &HeaderValue) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_+/=".contains(byte);
    let bytes = value.as_bytes();
    (20..=200).contains(&bytes.len()) && bytes.iter().all(allowed)
}

/// May the request be sent a second time when it is not known whether the first arrived?
pub fn is_repeatable(method: &Method, has_body: bool) -> bool {
    !has_body && matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

#[cfg(test)]
#[path = "headers_tests.rs"]
mod tests;
