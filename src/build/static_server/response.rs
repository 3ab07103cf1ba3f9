//! Request → response.

use super::body::Body;
use super::site::{Found, Page, Site};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue,
    IF_NONE_MATCH, LOCATION, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Request, Response, StatusCode};
use std::io;
use std::sync::Arc;
use tokio::fs::File;

pub async fn answer<B>(site: &Site, request: &Request<B>) -> Response<Body> {
    let mut response = match *request.method() {
        Method::GET | Method::HEAD => found(site, request).await,
        _ => {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD\n");
            set(&mut response, ALLOW, "GET, HEAD");
            response
        }
    };
    set(&mut response, X_CONTENT_TYPE_OPTIONS, "nosniff");
    if response.status() != StatusCode::NOT_MODIFIED {
        let length = response.body().length();
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    if request.method() == Method::HEAD {
        *response.body_mut() = Body::empty();
    }
    response
}

async fn found<B>(site: &Site, request: &Request<B>) -> Response<Body> {
    match site.find(request.uri().path()) {
        Found::Page(page) => send(page, request.headers()).await,
        Found::Moved(mut to) => {
            if let Some(query) = request.uri().query() {
                to = format!("{to}?{query}");
            }
            let mut response = plain(StatusCode::PERMANENT_REDIRECT, "This is a folder.\n");
            set(&mut response, LOCATION, &to);
            response
        }
        Found::Missing(Some(page)) => {
            let mut response = send(page, &HeaderMap::new()).await;
            if response.status() == StatusCode::OK {
                *response.status_mut() = StatusCode::NOT_FOUND;
            }
            response
        }
        Found::Missing(None) => plain(StatusCode::NOT_FOUND, "There is no such page.\n"),
    }
}

/// Browsers keep a copy and ask each time whether it is still right: a new release shows at
/// once, and what did not change is not sent again.
async fn send(page: Arc<Page>, headers: &HeaderMap) -> Response<Body> {
    let Ok((tag, file, length)) = open(Arc::clone(&page)).await else {
        return plain(StatusCode::INTERNAL_SERVER_ERROR, "This page cannot be read.\n");
    };
    let mut response = Response::new(Body::empty());
    if is_known(headers, &tag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        *response.body_mut() = Body::File(file, length);
        set(&mut response, CONTENT_TYPE, page.content_type);
    }
    set(&mut response, ETAG, &tag);
    set(&mut response, CACHE_CONTROL, "no-cache");
    response
}

async fn open(page: Arc<Page>) -> io::Result<(String, File, u64)> {
    let opened = tokio::task::spawn_blocking(move || {
        let tag = page.tag()?.to_string();
        let file = std::fs::File::open(&page.path)?;
        let length = file.metadata()?.len();
        io::Result::Ok((tag, file, length))
    });
    let (tag, file, length) = opened.await.map_err(io::Error::other)??;
    Ok((tag, File::from_std(file), length))
}

/// RFC 9110 §13.1.2: a list, compared weakly.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let lists = headers.get_all(IF_NONE_MATCH).iter().filter_map(|list| list.to_str().ok());
    lists
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::text(text));
    *response.status_mut() = status;
    set(&mut response, CONTENT_TYPE, "text/plain; charset=utf-8");
    response
}

/// A value that cannot stand in a header is left out: here they are all made of plain text.
fn set(response: &mut Response<Body>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
