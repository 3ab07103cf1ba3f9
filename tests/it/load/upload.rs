//! Bodies that are long, or long under way.

use super::visitor::Kind;
use crate::world::{Answer, Client};
use std::time::Duration;

const LARGE: usize = 1_500_000;
const PIECES: usize = 15;

/// The app must have counted the same bytes.
pub fn send(client: &mut Client, host: &str, kind: Kind, salt: u64) -> std::io::Result<Answer> {
    let large = if kind == Kind::SlowUpload { 30_000 } else { LARGE };
    let byte = |at: usize| (at as u64 * 31 + salt * 7) as u8;
    let body: Vec<u8> = (0..large).map(byte).collect();
    let head = format!("POST /upload HTTP/1.1\r\nHost: {host}\r\n");
    if kind == Kind::Upload {
        client.send(format!("{head}Content-Length: {large}\r\n\r\n"))?;
        client.send(&body)?;
    } else {
        client.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n"))?;
        for chunk in body.chunks(large / PIECES) {
            client.send(format!("{:x}\r\n", chunk.len()))?;
            client.send(chunk)?;
            client.send("\r\n")?;
            if kind == Kind::SlowUpload {
                std::thread::sleep(Duration::from_millis(100));
            }
        }
        client.send("0\r\n\r\n")?;
    }
    let answer = client.answer()?;
    let sum = body.iter().fold(0u64, |sum, byte| (sum + u64::from(*byte)) & 0xff_ffff);
    match answer.status != 200 || answer.body.ends_with(&format!(" {large} {sum}")) {
        true => Ok(answer),
        false => Err(std::io::Error::other(format!("not what was sent: {answer:?}"))),
    }
}
