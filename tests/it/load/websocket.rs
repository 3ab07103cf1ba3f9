//! A WebSocket that talks without end. When its instance goes it is told so by a closing frame
//! (1001, going away) and comes back; an end without one is a failure. A message whose echo
//! had not come by then is lost to nobody's surprise, and not counted.

use super::tally::{Seen, Tally};
use super::visitor::{Visitor, release};
use crate::world::Client;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(20);
const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
/// Going away.
const AWAY: [u8; 2] = [0x03, 0xe9];

pub fn visit(visitor: &Visitor, stop: &AtomicBool) -> Tally {
    let mut tally = Tally::default();
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        let ended = match open(visitor, began, &mut tally) {
            Ok(client) => talk(client, stop, &mut tally),
            Err(error) => Err(error),
        };
        match ended {
            Ok(()) => tally.sockets += 1,
            Err(error) => {
                let number = visitor.number;
                tally
                    .failed
                    .push(format!("WebSocket {number}: {error} after {:?}", began.elapsed()));
                std::thread::sleep(PAUSE);
            }
        }
    }
    tally
}

fn open(visitor: &Visitor, began: Instant, tally: &mut Tally) -> io::Result<Client> {
    let mut client = Client::open(&visitor.address)?;
    let host = &visitor.host;
    client.send(format!(
        "GET /ws HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ))?;
    let answer = client.answer()?;
    if answer.status != 101 || !answer.head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") {
        return Err(io::Error::other(format!("no WebSocket: {answer:?}")));
    }
    let line = answer.head.lines().find_map(|line| line.strip_prefix("x-release: "));
    let release = release(line.unwrap_or_default());
    tally.seen.push(Seen { began, ended: Instant::now(), release });
    Ok(client)
}

/// Until it is told to go, or we go.
fn talk(mut client: Client, stop: &AtomicBool, tally: &mut Tally) -> io::Result<()> {
    for count in 0u64.. {
        if stop.load(Ordering::Relaxed) {
            client.send(masked(CLOSE, &[0x03, 0xe8]))?;
            while frame(&mut client)?.0 != CLOSE {}
            return Ok(());
        }
        let message = format!("message {count}");
        // One that cannot be sent may still be answered: by the closing frame.
        let sent = client.send(masked(TEXT, message.as_bytes()));
        match frame(&mut client)? {
            (TEXT, back) if back == message.as_bytes() => tally.messages += 1,
            (CLOSE, code) if code == AWAY => {
                tally.told_to_go += 1;
                let _ = client.send(masked(CLOSE, &AWAY));
                return Ok(());
            }
            other => {
                return Err(io::Error::other(format!("{message:?} → {other:?}, sent: {sent:?}")));
            }
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

/// A mask of zeros.
fn masked(kind: u8, payload: &[u8]) -> Vec<u8> {
    [&[kind, 0x80 | payload.len() as u8, 0, 0, 0, 0], payload].concat()
}

fn frame(client: &mut Client) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    client.read_exact(&mut head)?;
    let mut payload = vec![0; usize::from(head[1] & 0x7f)];
    client.read_exact(&mut payload)?;
    Ok((head[0], payload))
}
