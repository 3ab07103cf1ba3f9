//! Sends a request to an instance: which one, over which connection, and when again.
//!
//! A request goes out a second time only if nothing of it was sent, or if it is one that
//! may be repeated and the connection was a used one.

use super::body::{Progress, Upload};
use super::boot;
use super::code::Code;
use super::flight::Flight;
use super::headers::is_repeatable;
use super::pool::Link;
use super::routes::{Instance, Service};
use super::worker::Worker;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper::{HeaderMap, Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// Instances tried for one request before it fails.
const TRIES: usize = 3;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    Code(Code, Option<&'static str>),
    /// The client's body was malformed, or ended early.
    BrokenBody,
}

impl From<Code> for Trouble {
    fn from(code: Code) -> Self {
        Trouble::Code(code, None)
    }
}

/// A request whose body was never looked at can be sent again from this.
struct Spare {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

pub struct Answer {
    pub response: Response<Incoming>,
    pub link: Link,
}

/// Sends the request to one of the service's instances. `pooled` is off for upgrades: a
/// tunnel's connection is its own.
pub async fn forward(
    service: Arc<Service>,
    mut request: Request<Upload>,
    flight: &mut Flight,
    pooled: bool,
) -> Result<Answer, Trouble> {
    let worker = flight.worker.clone();
    let progress = request.body().progress();
    let repeatable = is_repeatable(request.method(), !request.body().is_end_stream());
    let mut service = service;
    let mut tried = Vec::new();
    let mut fresh = !pooled;
    let mut last = Trouble::Code(Code::H21, None);
    while tried.len() < TRIES {
        let Some(outstanding) = worker.pick(&service, &tried) else {
            if !tried.is_empty() {
                break;
            }
            service = boot::wait_for_instance(&service, flight).await?;
            continue;
        };
        let instance = outstanding.0.clone();
        flight.assign(outstanding);
        let used = if fresh { None } else { worker.pool.take(&instance, repeatable, worker.now()) };
        let idle_ms = used.as_ref().map(|(_, idle_ms)| *idle_ms);
        let reused = idle_ms.is_some();
        let distrust = || idle_ms.map(|idle_ms| instance.distrust(idle_ms));
        let mut link = match used {
            Some((link, _)) => link,
            None => match open(&instance, flight).await {
                Ok(link) => link,
                Err(code) => {
                    worker.suspect(&instance);
                    tried.push(instance.number);
                    last = code.into();
                    continue;
                }
            },
        };
        if link.sender.ready().await.is_err() {
            // Closed before anything was sent; a fresh one that does so is a failing app.
            if distrust().is_none() {
                tried.push(instance.number);
                last = Code::H13.into();
            }
            continue;
        }
        let spare = (reused && repeatable).then(|| Spare {
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
        });
        match exchange(&mut link, request, &progress, flight).await {
            Ok(response) => return Ok(Answer { response, link }),
            Err(Failed::Unsent(unsent)) => {
                request = *unsent;
                if distrust().is_none() {
                    tried.push(instance.number);
                    last = Code::H13.into();
                }
                fresh = reused || fresh;
            }
            Err(Failed::Lost(trouble, closed)) => {
                if closed {
                    distrust();
                }
                let Some(spare) = spare.filter(|_| closed) else { return Err(trouble) };
                request = spare.into_request(progress.clone());
                fresh = true;
            }
        }
    }
    Err(last)
}

impl Spare {
    fn into_request(self, progress: Rc<Progress>) -> Request<Upload> {
        let mut request = Request::new(Upload::none(progress));
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.headers_mut() = self.headers;
        request
    }
}

enum Failed {
    Unsent(Box<Request<Upload>>),
    /// The request is gone; true when the app closed the connection without an answer.
    Lost(Trouble, bool),
}

/// One request and its response head, within the time allowed.
async fn exchange(
    link: &mut Link,
    request: Request<Upload>,
    progress: &Rc<Progress>,
    flight: &Flight,
) -> Result<Response<Incoming>, Failed> {
    let Link { sender, alarm, .. } = link;
    let sending = sender.try_send_request(request);
    tokio::select! {
        biased;
        sent = sending => sent.map_err(|mut error| match error.take_message() {
            Some(request) => Failed::Unsent(Box::new(request)),
            None => lost(&error.into_error(), progress),
        }),
        trouble = overdue(alarm.as_mut(), progress, flight) => Err(Failed::Lost(trouble, false)),
    }
}

fn lost(error: &hyper::Error, progress: &Progress) -> Failed {
    if progress.broken.get() {
        return Failed::Lost(Trouble::BrokenBody, false);
    }
    if error.is_parse() {
        return Failed::Lost(Code::H17.into(), false);
    }
    Failed::Lost(Code::H13.into(), true)
}

/// Ends when the app has had the whole request for too long, or an upload has stalled. `alarm`
/// may ring for an earlier request.
async fn overdue(mut alarm: Pin<&mut Sleep>, progress: &Progress, flight: &Flight) -> Trouble {
    let timing = &flight.worker.timing;
    let first = flight.started + timing.first_byte();
    if alarm.deadline() > first.into() {
        alarm.as_mut().reset(first.into());
    }
    loop {
        alarm.as_mut().await;
        if Instant::now() < first {
            alarm.as_mut().reset(first.into());
            continue;
        }
        let (ended, last) = (progress.ended.get(), progress.last.get());
        let until = last + if ended { timing.first_byte() } else { timing.idle() };
        if until > Instant::now() {
            alarm.as_mut().reset(until.into());
            continue;
        }
        return match (ended, progress.starved.get()) {
            (true, _) => Code::H12.into(),
            (false, true) => Trouble::Code(Code::H28, Some("client stopped sending its request")),
            (false, false) => Trouble::Code(Code::H12, Some("app stopped reading the request")),
        };
    }
}

/// Opens a connection of its own to an instance.
async fn open(instance: &Arc<Instance>, flight: &mut Flight) -> Result<Link, Code> {
    let began = Instant::now();
    let limit = Duration::from_millis(flight.worker.timing.connect_ms);
    let opened = tokio::time::timeout(limit, connect(instance, &flight.worker)).await;
    flight.record.connect += began.elapsed();
    let stream = match opened {
        Ok(Ok(stream)) => stream,
        Ok(Err(_)) => return Err(Code::H21),
        Err(_) => return Err(Code::H19),
    };
    // Without it small writes wait for acknowledgements; a failure costs only that.
    let _ = stream.set_nodelay(true);
    let mut builder = http1::Builder::new();
    builder.max_buf_size(64 * 1024);
    let shaken = builder.handshake(TokioIo::new(stream)).await;
    let (sender, connection) = shaken.map_err(|_| Code::H99)?;
    let first_byte = flight.worker.timing.first_byte();
    Ok(Link::new(sender, connection, instance.clone(), first_byte))
}

/// Without a descriptor, the idle connections give theirs, or another request does when it ends.
async fn connect(instance: &Instance, worker: &Worker) -> std::io::Result<TcpStream> {
    loop {
        match TcpStream::connect(instance.address).await {
            Err(error) if is_out_of_descriptors(&error) => {
                worker.pool.clear();
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            connected => return connected,
        }
    }
}

fn is_out_of_descriptors(error: &std::io::Error) -> bool {
    let number = error.raw_os_error().map(rustix::io::Errno::from_raw_os_error);
    matches!(number, Some(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE))
}
