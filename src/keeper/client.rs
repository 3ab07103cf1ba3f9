//! Talking to a keeper: blocking for those without a runtime, and on tokio for the server.

use super::protocol::{Answer, MOST_BYTES, Message, Notice, Request, Status, decode, encode};
use crate::app::Failure;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType};
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::net::UnixDatagram;

/// A connection to one keeper, for one thread that may wait.
#[derive(Debug)]
pub struct Connection {
    socket: OwnedFd,
    path: PathBuf,
    notices: VecDeque<Notice>,
}

impl Connection {
    pub fn open(path: &Path) -> Result<Connection, Failure> {
        let socket = connect(path).map_err(|error| gone(path, error.into()))?;
        Ok(Connection { socket, path: path.to_path_buf(), notices: VecDeque::new() })
    }

    /// Readable when a message waits.
    pub fn handle(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    pub fn request(&mut self, request: &Request, patience: Duration) -> Result<Answer, Failure> {
        send(&self.socket, request).map_err(|error| gone(&self.path, error.into()))?;
        let end = Instant::now() + patience;
        loop {
            match self.message(end)? {
                Some(Message::Answer(answer)) => return Ok(answer),
                Some(Message::Notice(notice)) => self.notices.push_back(notice),
                None => return Err(gone(&self.path, io::ErrorKind::TimedOut.into())),
            }
        }
    }

    pub fn status(&mut self, patience: Duration) -> Result<Status, Failure> {
        match self.request(&Request::Status, patience)? {
            Answer::Status(status) => Ok(status),
            other => Err(odd(&self.path, &other)),
        }
    }

    /// `None` when nothing came in time.
    pub fn next_event(&mut self, patience: Duration) -> Result<Option<Notice>, Failure> {
        if let Some(notice) = self.notices.pop_front() {
            return Ok(Some(notice));
        }
        match self.message(Instant::now() + patience)? {
            Some(Message::Notice(notice)) => Ok(Some(notice)),
            Some(Message::Answer(answer)) => Err(odd(&self.path, &answer)),
            None => Ok(None),
        }
    }

    fn message(&self, end: Instant) -> Result<Option<Message>, Failure> {
        loop {
            match receive(&self.socket) {
                Ok(Some(message)) => return Ok(Some(message)),
                Ok(None) => {}
                Err(Errno::AGAIN) => {
                    let left = end.saturating_duration_since(Instant::now());
                    let nanos = left.subsec_nanos().into();
                    let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: nanos };
                    let mut polled = [PollFd::new(&self.socket, PollFlags::IN)];
                    if let Ok(0) = poll(&mut polled, Some(&timeout)) {
                        return Ok(None);
                    }
                }
                Err(error) => return Err(gone(&self.path, error.into())),
            }
        }
    }
}

/// A connection to one keeper, on tokio.
#[derive(Debug)]
pub struct Client {
    /// Of kind seqpacket, which tokio has no type for: to send, receive and wait it is used
    /// like a connected datagram socket.
    socket: UnixDatagram,
    path: PathBuf,
    notices: VecDeque<Notice>,
}

impl Client {
    /// To be called inside a tokio runtime.
    pub async fn connect(path: &Path) -> Result<Client, Failure> {
        let socket = connect(path).map_err(|error| gone(path, error.into()))?;
        let socket = UnixDatagram::from_std(socket.into()).map_err(|error| gone(path, error))?;
        Ok(Client { socket, path: path.to_path_buf(), notices: VecDeque::new() })
    }

    /// Sends one request and waits for its answer; notices meanwhile are kept in order.
    pub async fn request(&mut self, request: &Request) -> Result<Answer, Failure> {
        let sent = self.socket.send(&encode(request)).await;
        sent.map_err(|error| gone(&self.path, error))?;
        loop {
            match self.message().await? {
                Message::Answer(answer) => return Ok(answer),
                Message::Notice(notice) => self.notices.push_back(notice),
            }
        }
    }

    pub async fn status(&mut self) -> Result<Status, Failure> {
        match self.request(&Request::Status).await? {
            Answer::Status(status) => Ok(status),
            other => Err(odd(&self.path, &other)),
        }
    }

    /// The next notice; an error once the keeper is gone. Safe to cancel.
    pub async fn next_event(&mut self) -> Result<Notice, Failure> {
        if let Some(notice) = self.notices.pop_front() {
            return Ok(notice);
        }
        match self.message().await? {
            Message::Notice(notice) => Ok(notice),
            Message::Answer(answer) => Err(odd(&self.path, &answer)),
        }
    }

    async fn message(&self) -> Result<Message, Failure> {
        let mut bytes = vec![0u8; MOST_BYTES];
        loop {
            let received = self.socket.recv(&mut bytes).await;
            match received.map_err(|error| gone(&self.path, error))? {
                0 => return Err(gone(&self.path, io::ErrorKind::ConnectionReset.into())),
                count => {
                    if let Ok(message) = decode(&bytes[..count]) {
                        return Ok(message);
                    }
                }
            }
        }
    }
}

fn connect(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let kind = SocketType::SEQPACKET;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, kind, flags, None)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket)
}

fn send(socket: &OwnedFd, request: &Request) -> Result<(), Errno> {
    rustix::net::send(socket, &encode(request), SendFlags::NOSIGNAL).map(|_| ())
}

/// `None` for a message of a later minor kind, which is passed over.
fn receive(socket: &OwnedFd) -> Result<Option<Message>, Errno> {
    let mut bytes = vec![0u8; MOST_BYTES];
    let (count, _) = rustix::net::recv(socket, &mut bytes[..], RecvFlags::DONTWAIT)?;
    if count == 0 {
        return Err(Errno::CONNRESET);
    }
    Ok(decode(&bytes[..count]).ok())
}

fn gone(path: &Path, error: io::Error) -> Failure {
    let message = format!("the keeper at {} does not answer", path.display());
    Failure::platform(message).because(error)
}

fn odd(path: &Path, answer: &Answer) -> Failure {
    Failure::platform(format!("the keeper at {} answered {answer:?}", path.display()))
}
