//! What a visitor sees when no app answered: little, and the same for every cause.

use super::body::Reply;
use super::code::Code;
use super::headers::Refusal;
use bytes::Bytes;
use hyper::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};

pub fn accepts_html(headers: &HeaderMap) -> bool {
    let wanted = headers.get(ACCEPT).map(HeaderValue::as_bytes).unwrap_or_default();
    wanted.windows(9).any(|part| part.eq_ignore_ascii_case(b"text/html"))
}

pub fn no_such_app(html: bool, id: &HeaderValue) -> Response<Reply> {
    let title = "There is no app here";
    page(StatusCode::NOT_FOUND, title, "Check the address for a typing error.", html, id)
}

pub fn bad_request(refusal: Refusal, html: bool, id: &HeaderValue) -> Response<Reply> {
    let title = "This request cannot be understood";
    page(refusal.status, title, "It is not valid HTTP, or not meant for this server.", html, id)
}

pub fn error(code: Code, html: bool, id: &HeaderValue) -> Response<Reply> {
    let status = match code {
        Code::H27 | Code::H28 => StatusCode::REQUEST_TIMEOUT,
        _ => StatusCode::from_u16(code.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
    };
    let text = "Please try again in a moment. If you own this app, its log says what happened.";
    let mut response = page(status, "This app cannot answer right now", text, html, id);
    if matches!(code, Code::H10 | Code::H11 | Code::H20 | Code::H21) {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

fn page(
    status: StatusCode,
    title: &str,
    text: &str,
    html: bool,
    id: &HeaderValue,
) -> Response<Reply> {
    // A request id is letters, digits and a few marks: nothing that HTML could mistake.
    let id = id.to_str().unwrap_or("-");
    let (kind, body) = match html {
        true => ("text/html; charset=utf-8", document(title, text, id)),
        false => ("text/plain; charset=utf-8", format!("{title}.\n{text}\nRequest {id}\n")),
    };
    let mut response = Response::new(Reply::Page(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn document(title: &str, text: &str, id: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{title}</title><style>\
         :root{{color-scheme:light dark}}\
         body{{margin:0;min-height:100vh;display:grid;place-items:center;\
         font:17px/1.6 system-ui,sans-serif}}\
         main{{max-width:30rem;padding:2rem}}\
         h1{{font-size:1.6rem;font-weight:600;line-height:1.25;margin:0 0 .6rem}}\
         p{{margin:0 0 1.6rem}}\
         small{{opacity:.55;font-family:ui-monospace,monospace;overflow-wrap:anywhere}}\
         </style></head><body><main><h1>{title}</h1><p>{text}</p>\
         <small>{id}</small></main></body></html>\n"
    )
}
