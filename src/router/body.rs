//! Bodies on their way through: pulled by the receiving side, so backpressure is natural.

use super::code::Code;
use super::flight::Flight;
use super::heads::Heads;
use super::pool::{Link, Pool};
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::cell::Cell;
use std::io::{Error, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::time::Sleep;

/// A request's body, from the client to the app.
pub struct Upload {
    /// `None`: a repeated request, which never has a body.
    incoming: Option<Incoming>,
    heads: Option<Heads>,
    progress: Rc<Progress>,
}

/// How far an upload is, seen from the request's task.
#[derive(Debug)]
pub struct Progress {
    pub ended: Cell<bool>,
    /// The client sent something that is no body.
    pub broken: Cell<bool>,
    /// The app took all there was; the client is to send more.
    pub starved: Cell<bool>,
    pub last: Cell<Instant>,
}

impl Upload {
    pub fn new(incoming: Incoming, heads: Option<Heads>, now: Instant) -> Self {
        let progress = Progress {
            ended: Cell::new(incoming.is_end_stream()),
            broken: Cell::new(false),
            starved: Cell::new(false),
            last: Cell::new(now),
        };
        Upload { incoming: Some(incoming), heads, progress: Rc::new(progress) }
    }

    /// No body, once more.
    pub fn none(progress: Rc<Progress>) -> Self {
        Upload { incoming: None, heads: None, progress }
    }

    pub fn progress(&self) -> Rc<Progress> {
        self.progress.clone()
    }

    fn ended(&mut self) {
        self.progress.ended.set(true);
        self.progress.last.set(Instant::now());
        if let Some(heads) = self.heads.take() {
            heads.body_ended();
        }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        let Some(incoming) = &mut this.incoming else { return Poll::Ready(None) };
        let polled = Pin::new(&mut *incoming).poll_frame(cx);
        this.progress.starved.set(polled.is_pending());
        match &polled {
            Poll::Pending => {}
            Poll::Ready(Some(Ok(_))) if !incoming.is_end_stream() => {
                this.progress.last.set(Instant::now());
            }
            Poll::Ready(Some(Err(_))) => this.progress.broken.set(true),
            Poll::Ready(_) => this.ended(),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or(SizeHint::with_exact(0), Incoming::size_hint)
    }
}

/// A response's body: a page of our own or the app's stream.
pub enum Reply {
    Page(Bytes),
    Stream(Box<Stream>),
}

pub struct Stream {
    incoming: Incoming,
    flight: Flight,
    /// Goes back to the pool when both bodies are complete.
    link: Option<Link>,
    progress: Rc<Progress>,
    silence: Option<Pin<Box<Sleep>>>,
    last: Instant,
}

impl Stream {
    pub fn new(incoming: Incoming, flight: Flight, link: Link, progress: Rc<Progress>) -> Self {
        let last = flight.started;
        Stream { incoming, flight, link: Some(link), progress, silence: None, last }
    }

    fn complete(&mut self) {
        let link = self.link.take();
        if let (Some(link), Some(instance)) = (link, &self.flight.record.instance)
            && self.progress.ended.get()
        {
            self.flight.worker.pool.put(instance, link);
            Pool::keep_swept(&self.flight.worker);
        }
        self.flight.end();
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match Pin::new(&mut self.incoming).poll_frame(cx) {
            Poll::Pending => self.poll_silence(cx),
            Poll::Ready(None) => {
                self.complete();
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(error))) => {
                self.link = None;
                self.flight.fail(Code::H18, Some("app closed the connection"));
                Poll::Ready(Some(Err(Error::other(error))))
            }
            Poll::Ready(Some(Ok(frame))) => {
                self.flight.record.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                if self.silence.is_some() {
                    self.last = Instant::now();
                }
                if self.incoming.is_end_stream() {
                    self.complete();
                }
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    /// The timer is made at the first pause and moved only when it fires: a stream that
    /// flows pays for no timer.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let idle = self.flight.worker.timing.idle();
        let silence = self.silence.get_or_insert_with(|| {
            self.last = Instant::now();
            Box::pin(tokio::time::sleep(idle))
        });
        while silence.as_mut().poll(cx).is_ready() {
            let until = self.last.max(self.progress.last.get()) + idle;
            if until <= Instant::now() {
                self.link = None;
                self.flight.fail(Code::H15, Some("app sent nothing"));
                let error = Error::new(ErrorKind::TimedOut, "the app sent nothing for too long");
                return Poll::Ready(Some(Err(error)));
            }
            silence.as_mut().reset(until.into());
        }
        Poll::Pending
    }
}

impl Drop for Stream {
    /// A body that is empty or was sent whole is not always asked for its end.
    fn drop(&mut self) {
        if self.incoming.is_end_stream() {
            self.complete();
        }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match self.get_mut() {
            Reply::Page(bytes) if bytes.is_empty() => Poll::Ready(None),
            Reply::Page(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Reply::Stream(stream) => stream.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Reply::Page(bytes) => bytes.is_empty(),
            Reply::Stream(stream) => stream.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Reply::Page(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Reply::Stream(stream) => stream.incoming.size_hint(),
        }
    }
}
