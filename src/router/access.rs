//! The access line, in the format of Heroku's router, and the way it leaves the hot path.
//!
//! A record is pushed onto its thread's own list; a tick hands the list to one writing
//! thread. A writer that cannot keep up loses lines, counted, and never holds up a request.

use super::code::Code;
use super::routes::{Instance, Service};
use super::stats::Recent;
use hyper::header::HeaderValue;
use hyper::{Method, Uri, Version};
use std::cell::RefCell;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// One answered (or lost) request.
#[derive(Debug, Clone)]
pub struct Record {
    /// `None`: the host belongs to nobody.
    pub service: Option<Arc<Service>>,
    pub instance: Option<Arc<Instance>>,
    pub method: Method,
    pub uri: Uri,
    pub version: Version,
    pub host: Option<HeaderValue>,
    pub id: HeaderValue,
    pub client: IpAddr,
    pub connect: Duration,
    pub service_time: Duration,
    pub status: u16,
    pub bytes: u64,
    pub code: Option<Code>,
    /// More about an error, in our own words.
    pub detail: Option<&'static str>,
}

impl Default for Record {
    fn default() -> Self {
        Record {
            service: None,
            instance: None,
            method: Method::GET,
            uri: Uri::default(),
            version: Version::HTTP_11,
            host: None,
            id: HeaderValue::from_static("-"),
            client: IpAddr::from([0; 4]),
            connect: Duration::ZERO,
            service_time: Duration::ZERO,
            status: 0,
            bytes: 0,
            code: None,
            detail: None,
        }
    }
}

impl Record {
    pub fn failed(&self) -> bool {
        self.code.is_some_and(|code| !code.is_clients_own()) || (500..600).contains(&self.status)
    }

    /// Appends `APP/DEPLOY\t<line>\n`.
    pub fn write(&self, out: &mut String) {
        out.push_str(self.service.as_ref().map_or("", |service| &service.deploy));
        out.push('\t');
        // Writing to a String cannot fail.
        let _ = self.line(out);
        out.push('\n');
    }

    fn line(&self, out: &mut String) -> std::fmt::Result {
        match (self.code, self.detail) {
            (Some(code), detail) => {
                write!(out, "at=error code={code:?} desc=\"{}\"", code.description())?;
                if let Some(detail) = detail {
                    write!(out, " detail=\"{detail}\"")?;
                }
            }
            (None, Some(detail)) => write!(out, "at=error desc=\"{detail}\"")?,
            (None, None) => out.push_str("at=info"),
        }
        out.push_str(" method=");
        plain(out, self.method.as_str().as_bytes());
        out.push_str(" path=");
        quoted(out, self.uri.path_and_query().map_or("*", |path| path.as_str()).as_bytes());
        out.push_str(" host=");
        plain(out, self.host.as_ref().map_or(&b"-"[..], |host| host.as_bytes()));
        out.push_str(" request_id=");
        plain(out, self.id.as_bytes());
        write!(out, " fwd=\"{}\" dyno=", self.client)?;
        out.push_str(self.instance.as_ref().map_or("", |instance| &instance.dyno));
        let protocol = if self.version == Version::HTTP_10 { "http1.0" } else { "http" };
        write!(
            out,
            " connect={}ms service={}ms status={} bytes={} protocol={protocol}",
            self.connect.as_millis(),
            self.service_time.as_millis(),
            self.status,
            self.bytes,
        )
    }
}

/// What a client may put into one value. A line that is too long is cut by the log into
/// several, and the second would begin with words of the client's choice.
const LONGEST_VALUE: usize = 1024;

/// A value in quotes: quotes and backslashes escaped, everything but printable ASCII as `\xHH`.
fn quoted(out: &mut String, bytes: &[u8]) {
    let shown = &bytes[..bytes.len().min(LONGEST_VALUE)];
    let needs_no_care = |byte: &u8| matches!(byte, b' '..=b'~') && !b"\"\\".contains(byte);
    out.push('"');
    if !push_if_all(out, shown, needs_no_care) {
        for byte in shown {
            match byte {
                b'"' | b'\\' => out.extend(['\\', char::from(*byte)]),
                b' '..=b'~' => out.push(char::from(*byte)),
                _ => drop(write!(out, "\\x{byte:02x}")),
            }
        }
    }
    if bytes.len() > LONGEST_VALUE {
        out.push_str("...");
    }
    out.push('"');
}

/// A value that needs no quotes, or else in quotes.
fn plain(out: &mut String, bytes: &[u8]) {
    let harmless = |byte: &u8| byte.is_ascii_graphic() && !b"\"\\=".contains(byte);
    if !((1..=255).contains(&bytes.len()) && push_if_all(out, bytes, harmless)) {
        quoted(out, bytes);
    }
}

/// As one piece, which is what nearly every value is.
fn push_if_all(out: &mut String, bytes: &[u8], fine: impl Fn(&u8) -> bool) -> bool {
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.iter().all(fine) => out.push_str(text),
        _ => return false,
    }
    true
}

/// Records a thread may collect between two ticks.
const PER_TICK: usize = 8192;
const TICK: Duration = Duration::from_millis(10);

/// Where the threads' lists go.
#[derive(Debug)]
pub struct Sink {
    pub batches: SyncSender<Vec<Record>>,
    pub dropped: AtomicU64,
    /// Lists handed over and not written yet.
    pub pending: AtomicU64,
    pub recent: Mutex<Recent>,
}

thread_local! {
    static COLLECTED: RefCell<Vec<Record>> = const { RefCell::new(Vec::new()) };
}

impl Sink {
    /// Called on the hot path, on a worker thread.
    pub fn push(self: &Arc<Self>, record: Record) {
        let first = COLLECTED.with_borrow_mut(|records| {
            if records.len() < PER_TICK {
                records.push(record);
            } else {
                self.dropped.fetch_add(1, Relaxed);
            }
            records.len() == 1
        });
        if first {
            let sink = self.clone();
            tokio::task::spawn_local(async move {
                tokio::time::sleep(TICK).await;
                sink.flush();
            });
        }
    }

    /// Counts and hands over what this thread has collected.
    pub fn flush(&self) {
        let records = COLLECTED.take();
        if records.is_empty() {
            return;
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        for record in &records {
            if let Some(service) = &record.service {
                recent.record(&service.deploy, now.as_secs(), record.service_time, record.failed());
            }
        }
        drop(recent);
        let count = records.len() as u64;
        self.pending.fetch_add(1, Relaxed);
        if self.batches.try_send(records).is_err() {
            self.pending.fetch_sub(1, Relaxed);
            self.dropped.fetch_add(count, Relaxed);
        }
    }
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
