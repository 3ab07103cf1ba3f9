//! From a client's request to its answer, step by step.

use super::access::Record;
use super::body::{Reply, Stream, Upload};
use super::code::Code;
use super::flight::Flight;
use super::forward::{self, Trouble};
use super::headers::{self, Facts, Refusal};
use super::heads::{Framing, Heads, Verdict};
use super::page;
use super::tunnel;
use super::worker::Worker;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONNECTION, HOST, HeaderValue, TRANSFER_ENCODING};
use hyper::{Request, Response, StatusCode, Version};
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Instant, SystemTime};

/// A client's connection.
pub struct Client {
    pub worker: Rc<Worker>,
    pub address: IpAddr,
    /// The same as a header value.
    pub forwarded_for: HeaderValue,
    pub heads: Heads,
}

pub async fn handle(client: Rc<Client>, mut request: Request<Incoming>) -> Response<Reply> {
    let started = Instant::now();
    let worker = client.worker.clone();
    let chunked = request.headers().contains_key(TRANSFER_ENCODING);
    let verdict = client.heads.next(request.method().as_str(), framing(&request, chunked));
    let accept = page::accepts_html(request.headers());
    let mut flight = Flight::new(worker.clone(), record(&client, &request), started);
    let host =
        match headers::vet(request.method(), request.uri(), request.version(), request.headers()) {
            Ok(_) if chunked && verdict != Verdict::Clean => {
                let reason = match verdict {
                    Verdict::Both => "both Content-Length and Transfer-Encoding",
                    _ => "chunked request pipelined behind another",
                };
                let refusal = Refusal { status: StatusCode::BAD_REQUEST, reason };
                return refuse(flight, refusal, accept);
            }
            Ok(host) => host,
            Err(refusal) => return refuse(flight, refusal, accept),
        };
    let Some(service) = worker.find(host) else {
        flight.record.status = 404;
        flight.record.detail = Some("no such app");
        let page = page::no_such_app(accept, &flight.record.id);
        flight.end();
        return close_if_draining(page, &worker);
    };
    flight.record.service = Some(service.clone());

    let upgrade = headers::wants_upgrade(request.version(), request.headers())
        .filter(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"websocket"));
    let upgraded = upgrade.is_some().then(|| hyper::upgrade::on(&mut request));
    let heads = chunked.then(|| client.heads.clone());
    let outgoing = prepare(request, &client, &flight, upgrade.as_ref(), heads);
    let progress = outgoing.body().progress();
    let pooled = upgraded.is_none();
    let answer = match forward::forward(service, outgoing, &mut flight, pooled).await {
        Ok(answer) => answer,
        Err(trouble) => return close_if_draining(fail(flight, trouble, accept), &worker),
    };
    let (mut parts, body) = answer.response.into_parts();
    flight.record.status = parts.status.as_u16();
    if parts.status == StatusCode::SWITCHING_PROTOCOLS {
        let Some(upgraded) = upgraded else {
            let trouble = Trouble::Code(Code::H17, Some("app switched protocols unasked"));
            return fail(flight, trouble, accept);
        };
        client.heads.off();
        return tunnel::open(upgraded, Response::from_parts(parts, body), flight);
    }
    headers::to_client(&mut parts.headers);
    parts.version = Version::HTTP_11;
    // Behind a chunked body that nobody reads to its end, no head can be found again.
    let unread = chunked && !progress.ended.get();
    let stream = Stream::new(body, flight, answer.link, progress);
    let response = Response::from_parts(parts, Reply::Stream(Box::new(stream)));
    if unread { close(response) } else { close_if_draining(response, &worker) }
}

fn framing(request: &Request<Incoming>, chunked: bool) -> Framing {
    match chunked {
        true => Framing::Chunked,
        false => Framing::Length(request.body().size_hint().exact().unwrap_or(0)),
    }
}

fn record(client: &Client, request: &Request<Incoming>) -> Record {
    let given = request.headers().get(headers::X_REQUEST_ID);
    let id = given.filter(|id| headers::valid_request_id(id)).cloned();
    Record {
        method: request.method().clone(),
        uri: request.uri().clone(),
        version: request.version(),
        host: request.headers().get(HOST).cloned(),
        id: id.unwrap_or_else(|| client.worker.request_id()),
        client: client.address,
        ..Record::default()
    }
}

/// The request as the app shall see it.
fn prepare(
    request: Request<Incoming>,
    client: &Client,
    flight: &Flight,
    upgrade: Option<&HeaderValue>,
    heads: Option<Heads>,
) -> Request<Upload> {
    let (parts, body) = request.into_parts();
    let chunked = heads.is_some();
    let mut outgoing = Request::new(Upload::new(body, heads, flight.started));
    *outgoing.method_mut() = parts.method;
    *outgoing.uri_mut() = parts.uri;
    *outgoing.headers_mut() = parts.headers;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let facts = Facts {
        client: &client.forwarded_for,
        port: &flight.worker.port,
        id: &flight.record.id,
        started: now.as_millis() as u64,
    };
    let headers = outgoing.headers_mut();
    headers::to_app(headers, &facts);
    if chunked {
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    if let Some(protocol) = upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(hyper::header::UPGRADE, protocol.clone());
    }
    if flight.record.host.is_none() {
        headers.insert(HOST, HeaderValue::from_static("localhost"));
    }
    outgoing
}

fn refuse(mut flight: Flight, refusal: Refusal, html: bool) -> Response<Reply> {
    flight.record.status = refusal.status.as_u16();
    flight.record.detail = Some(refusal.reason);
    // Whoever is named first gets to see it in the log.
    if flight.record.service.is_none()
        && let Some(host) = flight.record.host.as_ref().and_then(|host| host.to_str().ok())
    {
        flight.record.service = flight.worker.find(host);
    }
    let page = page::bad_request(refusal, html, &flight.record.id);
    flight.end();
    // What follows on this connection cannot be trusted to be a request.
    close(page)
}

fn fail(mut flight: Flight, trouble: Trouble, html: bool) -> Response<Reply> {
    match trouble {
        Trouble::BrokenBody => {
            let reason = "request body is malformed or incomplete";
            refuse(flight, Refusal { status: StatusCode::BAD_REQUEST, reason }, html)
        }
        Trouble::Code(code, detail) => {
            let page = page::error(code, html, &flight.record.id);
            flight.fail(code, detail);
            if code.is_clients_own() { close(page) } else { page }
        }
    }
}

fn close_if_draining(response: Response<Reply>, worker: &Worker) -> Response<Reply> {
    if worker.is_draining() { close(response) } else { response }
}

fn close(mut response: Response<Reply>) -> Response<Reply> {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
