//! Which server is meant: the one named, the one of the home named, the system's, the user's.

use super::Client;
use crate::app::Failure;
use crate::cli::settings::{Place, Settings};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

/// The first of the possible servers that answers.
pub fn find(settings: &Settings) -> Result<Client, Failure> {
    let candidates: Vec<PathBuf> = match &settings.server {
        Some(socket) => vec![socket.clone()],
        None => settings.places.iter().filter_map(socket).collect(),
    };
    let mut reasons = Vec::new();
    for socket in candidates {
        match UnixStream::connect(&socket) {
            Ok(_) => return Ok(Client::at(socket)),
            Err(error) => reasons.push(format!("{}: {error}", socket.display())),
        }
    }
    if reasons.is_empty() {
        let homes: Vec<_> =
            settings.places.iter().map(|place| place.home.display().to_string()).collect();
        reasons.push(format!("no server was ever started in {}", homes.join(" or ")));
    }
    let failure = Failure::platform("no xii server is running").next(start_line(settings));
    Err(reasons.into_iter().fold(failure, Failure::why))
}

/// The command that starts the server that was looked for.
pub fn start_line(settings: &Settings) -> String {
    match settings.home_was_chosen {
        true => format!("xii up --home {}", settings.place.home.display()),
        false => "xii up".to_string(),
    }
}

/// The control socket of a home that has been used, running or not.
pub fn socket(place: &Place) -> Option<PathBuf> {
    let id = std::fs::read_to_string(place.home.join("id")).ok()?;
    let id = id.trim();
    let is_an_id = id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_an_id.then(|| place.run_base.join(id).join("server.sock"))
}
