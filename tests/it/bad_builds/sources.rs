//! Sources that are odd, huge or broken off.

use super::{Traces, build_with, refused, serving, with_web};
use crate::world::World;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};
use xii::codebase::{Checkout, Options};

#[test]
fn a_hundred_thousand_files_are_deployed() {
    let world = World::new();
    let app = world.checkout("shop", &with_web(&[]));
    for folder in 0..100 {
        let folder = app.folder().join(format!("data/{folder}"));
        std::fs::create_dir_all(&folder).unwrap();
        (0..1000).for_each(|file| std::fs::write(folder.join(file.to_string()), "x").unwrap());
    }
    app.commit(&[]);
    let began = Instant::now();
    let _ = app.xii(&["deploy"]).ok();
    let took = began.elapsed();
    assert_eq!(app.body("/"), "v1 web.1");
    eprintln!("100,000 files took {took:?}");
    world.leave();
}

#[test]
fn names_of_any_bytes_arrive_as_they_are() {
    let world = World::new();
    let app = world.checkout("shop", &with_web(&[]));
    let names: [&[u8]; 4] = [b"two\nlines", b"not \xff\xfe UTF-8", b"-rf", b"tab\t\"quoted\" \\ "];
    for name in names {
        std::fs::write(app.folder().join(OsStr::from_bytes(name)), name).unwrap();
    }
    build_with(&app, "", "for file in *; do cat -- \"$file\" > /dev/null || exit 1; done");
    let _ = app.xii(&["deploy"]).ok();
    let build = app.json(&["releases", "info"])["build"].as_str().unwrap().to_string();
    let folder = world.home().join("builds").join(build).join("app");
    for name in names {
        assert_eq!(std::fs::read(folder.join(OsStr::from_bytes(name))).unwrap(), name);
    }
    world.leave();
}

#[test]
fn a_link_out_of_the_source_is_refused_by_name() {
    let world = World::new();
    let app = serving(&world);
    std::os::unix::fs::symlink("/etc/shadow", app.folder().join("shadow")).unwrap();
    app.commit(&[]);
    refused(&world, &app, 2, &["shadow leads out of the source", "/etc/shadow"]);
    world.leave();
}

/// A link that the build itself makes is followed by nobody outside of the sandbox.
#[test]
fn a_link_out_of_the_app_made_by_the_build_stays_a_link() {
    let world = World::new();
    let app = serving(&world);
    let key = world.home().join("key");
    build_with(&app, "output = \"site\"", &format!("ln -s '{}' site", world.home().display()));
    refused(&world, &app, 3, &["made no folder `site`"]);
    build_with(&app, "", &format!("ln -s '{}' key; mkfifo pipe; ln -s . here", key.display()));
    let _ = app.xii(&["deploy"]).ok();
    let build = app.json(&["releases", "info"])["build"].as_str().unwrap().to_string();
    let folder = world.home().join("builds").join(build).join("app");
    assert_eq!(std::fs::read_link(folder.join("key")).unwrap(), key);
    assert!(!folder.join("pipe").exists());
    world.leave();
}

#[test]
fn two_gigabytes_are_refused_before_they_are_sent() {
    let world = World::new();
    let app = serving(&world);
    let release = app.release();
    for index in 0..21 {
        let file = std::fs::File::create(app.folder().join(format!("film-{index}"))).unwrap();
        file.set_len(100 << 20).unwrap();
    }
    app.commit(&[]);
    let before = Traces::of(&world);
    let began = Instant::now();
    let words = ["more than 200000 files or 2048 MiB", "100 MiB  film-", "out of git"];
    let _ = app.xii(&["deploy"]).refused(2, &words);
    // Looking whether the working tree is clean is most of it.
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert_eq!((Traces::of(&world), app.release()), (before, release));
    world.leave();
}

#[test]
fn a_source_that_is_cut_off_leaves_nothing_and_the_next_one_is_taken() {
    let world = World::new();
    let app = serving(&world);
    app.commit(&[("big", &"0123456789".repeat(300_000))]);
    let checkout = Checkout::open(app.folder(), Options::default()).unwrap();
    let mut tar = Vec::new();
    checkout.write_tar(&mut tar).unwrap();
    let facts = serde_json::json!({"facts": checkout.facts(), "plan": false, "wait": false});
    let mut body = format!("{facts}\n").into_bytes();
    body.extend_from_slice(&tar[..tar.len() / 2]);
    let before = Traces::of(&world);
    // The stream says that it is whole, and is not.
    let answer = post(&world, &body, body.len(), false);
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("cut off"), "{answer}");
    // The client is gone in the middle of it.
    let _ = post(&world, &body, body.len() * 2, true);
    world.until("nothing is left", || (Traces::of(&world) == before).then_some(()));
    assert_eq!(app.body("/"), "v1 web.1");
    let _ = app.xii(&["deploy"]).ok();
    assert_eq!(app.body("/"), "v2 web.1");
    world.leave();
}

/// Sends the body, of which `length` is told, perhaps leaves, and reads what comes back.
fn post(world: &World, body: &[u8], length: usize, leaves: bool) -> String {
    let mut stream = UnixStream::connect(world.run_dir().join("server.sock")).unwrap();
    let head = format!(
        "POST /v1/apps/shop/production/deploy HTTP/1.1\r\nHost: xii\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    if leaves {
        stream.shutdown(std::net::Shutdown::Both).unwrap();
    }
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}
