//! Public apps, unmodified, each deployed as a user would: `tests/corpus.toml` names them, a
//! folder of checkouts holds them (`just corpus FOLDER`). Ignored by default: the checkouts
//! are not part of this repository, and the packages come over the network.

use crate::world::{Answer, World};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

#[derive(Deserialize)]
struct Corpus {
    app: Vec<App>,
}

#[derive(Deserialize)]
struct App {
    name: String,
    /// As a folder of the checkouts is called: `OWNER/NAME`.
    repository: String,
    commit: String,
    #[serde(default)]
    subdir: String,
    #[serde(default)]
    config: BTreeMap<String, String>,
    expect: Expect,
}

/// Either an answer, or a refusal.
#[derive(Deserialize)]
struct Expect {
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    contains: String,
    /// The exit code of a deploy that is refused; `contains` is then in what it says.
    #[serde(default)]
    refused: Option<i32>,
}

fn corpus() -> Corpus {
    let text = include_str!("../corpus.toml");
    toml::from_str(text).unwrap()
}

#[test]
fn every_app_of_the_corpus_says_what_is_expected_of_it() {
    for app in corpus().app {
        let Expect { status, refused, contains, .. } = &app.expect;
        assert!(status.is_some() != refused.is_some(), "{}", app.name);
        assert!(!contains.is_empty(), "{}", app.name);
        assert_eq!(app.commit.len(), 40, "{}", app.name);
    }
}

#[test]
#[ignore = "wants a folder of public checkouts: just corpus FOLDER"]
fn public_apps_deploy_unmodified() {
    let folder = std::env::var("XII_TEST_CORPUS").expect("XII_TEST_CORPUS names the checkouts");
    let only = std::env::var("XII_TEST_CORPUS_ONLY").unwrap_or_default();
    let world = World::with_tools();
    let mut wrong = Vec::new();
    println!("| app | deploy | answer |\n|---|---|---|");
    for app in corpus().app.iter().filter(|app| app.name.contains(&only)) {
        let began = Instant::now();
        let found = tried(&world, app, Path::new(&folder));
        let took = began.elapsed().as_secs();
        match found {
            Ok(said) => println!("| {} | {took} s | {said} |", app.name),
            Err(why) => {
                println!("| {} | {took} s | **wrong** |", app.name);
                wrong.push(format!("{}: {why}", app.name));
            }
        }
    }
    world.leave();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn tried(world: &World, app: &App, folder: &Path) -> Result<String, String> {
    let checkout = check_out(world, app, folder)?;
    let place = checkout.join(&app.subdir);
    let run = |words: &[&str]| -> crate::world::Said {
        world.command(&place, words).output().unwrap().into()
    };
    if !app.config.is_empty() {
        let pairs = app.config.iter().map(|(name, value)| format!("{name}={value}"));
        let pairs: Vec<String> = pairs.collect();
        let mut words = vec!["config", "set", "-a", &app.name];
        words.extend(pairs.iter().map(String::as_str));
        let _ = run(&["create", &app.name]);
        let _ = run(&words).ok();
    }
    let said = run(&["deploy", "-a", &app.name]);
    let expect = &app.expect;
    let all = format!("{}\n{}", said.out, said.err);
    if let Some(code) = expect.refused {
        return match said.code == code && all.contains(&expect.contains) {
            true => Ok(format!("refused ({code}): {}", expect.contains)),
            false => Err(format!("exit code {}\n{all}", said.code)),
        };
    }
    if said.code != 0 {
        return Err(format!("exit code {}\n{all}", said.code));
    }
    let path = expect.path.as_deref().unwrap_or("/");
    let answer = settled(world, app, path);
    let _ = run(&["destroy", "-a", &app.name, "--confirm", &format!("{}/production", app.name)]);
    match Some(answer.status) == expect.status
        && (answer.body.contains(&expect.contains) || answer.head.contains(&expect.contains))
    {
        true => Ok(format!("{path} {}: {}", answer.status, expect.contains)),
        false => Err(format!("{path} {}: {}", answer.status, answer.body)),
    }
}

/// A first answer may be late; a wrong one is asked for again until it is clear.
fn settled(world: &World, app: &App, path: &str) -> Answer {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = whole(&world.http(), &format!("{}.localhost", app.name), path);
        if Some(answer.status) == app.expect.status || Instant::now() > end {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// With whatever framing the body has: these apps are not ours.
fn whole(address: &str, host: &str, path: &str) -> Answer {
    let asked = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes())?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = asked().unwrap_or_default();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_string(), body: body.to_string() }
}

fn check_out(world: &World, app: &App, folder: &Path) -> Result<PathBuf, String> {
    let from = [
        app.repository.clone(),
        app.repository.replace('/', "+"),
        format!("{}/repo", app.repository.replace('/', "+")),
    ]
    .into_iter()
    .map(|name| folder.join(name))
    .rfind(|path| path.is_dir())
    .ok_or_else(|| format!("{} is not in {}", app.repository, folder.display()))?;
    let to = world.folder().join("corpus").join(&app.name);
    let git = |words: &[&str]| {
        let output = Command::new("git").args(words).output().unwrap();
        match output.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    };
    let (from, place) = (from.display().to_string(), to.display().to_string());
    git(&["clone", "-q", "--no-checkout", &from, &place])?;
    git(&["-C", &place, "checkout", "-q", &app.commit])?;
    Ok(to)
}
