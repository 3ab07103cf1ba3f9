//! Where the demo lives: a home of its own, which it may empty, and a free port.

use crate::app::Failure;
use crate::cli::client::socket;
use crate::cli::settings::{Place, Settings};
use crate::server::RequiredIsolation;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

/// Only a folder that holds this file is ever emptied.
const MARK: &str = ".xii-demo";

pub fn settings(settings: &Settings) -> Result<Settings, Failure> {
    let home = match settings.home_was_chosen {
        true => settings.place.home.clone(),
        false => default_home(settings),
    };
    let place = Place { home, run_base: settings.place.run_base.clone() };
    Ok(Settings {
        places: vec![place.clone()],
        place,
        home_was_chosen: true,
        server: None,
        app: None,
        http: free_port(settings.home_was_chosen)?,
        base_domain: "localhost".to_string(),
        isolation: RequiredIsolation::BestEffort,
        key_file: None,
        ..settings.clone()
    })
}

/// `target/demo` for a binary that cargo has built.
fn default_home(settings: &Settings) -> PathBuf {
    let built_in = settings.exe.ancestors().nth(2).filter(|folder| folder.ends_with("target"));
    match built_in {
        Some(target) => target.join("demo"),
        None => settings.place.home.with_file_name("xii-demo"),
    }
}

/// 8080 where it is free; any other for a demo in a place of its own, which may not be alone.
fn free_port(any: bool) -> Result<SocketAddr, Failure> {
    let none = |error| Failure::platform("no port is free on 127.0.0.1").because(error);
    let first = if any { "127.0.0.1:0" } else { "127.0.0.1:8080" };
    TcpListener::bind(first)
        .or_else(|_| TcpListener::bind("127.0.0.1:0"))
        .and_then(|listener| listener.local_addr())
        .map_err(none)
}

/// An empty home, with the mark in it.
pub fn clear(home: &Path) -> Result<(), Failure> {
    let cannot = |verb: &str, error| {
        Failure::platform(format!("cannot {verb} {}", home.display())).because(error)
    };
    let is_used = home.read_dir().is_ok_and(|mut entries| entries.next().is_some());
    if is_used && !home.join(MARK).exists() {
        return Err(Failure::usage(format!("{} is not a demo's home", home.display()))
            .why("a demo empties its home, and this one holds something else")
            .next("xii demo --home FOLDER, with a new folder"));
    }
    if is_used {
        std::fs::remove_dir_all(home).map_err(|error| cannot("empty", error))?;
    }
    crate::cli::start::make_home(home).map_err(|error| cannot("make", error))?;
    std::fs::write(home.join(MARK), "").map_err(|error| cannot("write to", error))
}

/// Takes away what a home leaves outside of itself: sockets and records that the next boot
/// would remove. The home stays, to be looked at.
pub fn leave(place: &Place) -> Result<(), Failure> {
    let Some(socket) = socket(place) else { return Ok(()) };
    let Some(folder) = socket.parent() else { return Ok(()) };
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            let what = format!("cannot remove {}", folder.display());
            Err(Failure::platform(what).because(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_that_is_not_a_demo_s_is_never_emptied() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        clear(&home).unwrap();
        std::fs::write(home.join("ledger.db"), "x").unwrap();
        clear(&home).unwrap();
        assert!(!home.join("ledger.db").exists(), "its own is emptied");
        std::fs::remove_file(home.join(MARK)).unwrap();
        std::fs::write(home.join("ledger.db"), "x").unwrap();
        assert_eq!(clear(&home).unwrap_err().exit_code(), 2);
        assert!(home.join("ledger.db").exists());
    }
}
