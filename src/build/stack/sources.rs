//! Where packages come from: the Debian archives the host itself is configured for, with
//! another suite's name. No address of an archive stands in this program.

use super::suite::Suite;
use crate::app::Failure;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where a server has its packages from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Archive {
    /// As apt is configured here.
    #[default]
    OfHost,
    /// The address of a mirror, and after a space that of its security archive.
    Mirror(String),
}

const NEXT: &str =
    "set XII_DEBIAN_MIRROR to the address of a Debian mirror, or use `stack = \"host\"`";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// One entry of apt's sources: a line of a `.list`, a paragraph of a `.sources`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub uris: Vec<String>,
    pub suites: Vec<String>,
    pub components: Vec<String>,
    /// `signed-by` and its like, as they stand there.
    pub options: BTreeMap<String, String>,
}

impl Archive {
    /// A `.sources` file for the suite. Without `updates`, its main archive alone.
    pub(super) fn sources(&self, suite: Suite, updates: bool) -> Result<String, Failure> {
        let entries = match self {
            Archive::Mirror(addresses) => mirror(addresses, Path::new(KEYRING).exists())?,
            Archive::OfHost => of_host(Path::new("/etc/apt")),
        };
        let text = for_suite(&entries, suite, updates);
        if text.is_empty() {
            return Err(Failure::platform(format!(
                "cannot make the stack {suite}: this host has no Debian archive to take it from"
            ))
            .why("no entry in /etc/apt/sources.list or /etc/apt/sources.list.d is one of Debian")
            .next(NEXT));
        }
        Ok(text)
    }
}

fn mirror(addresses: &str, keyring: bool) -> Result<Vec<Entry>, Failure> {
    let addresses: Vec<&str> = addresses.split_whitespace().collect();
    let is_address = |address: &&str| address.contains(":/");
    if addresses.is_empty() || addresses.len() > 2 || !addresses.iter().all(is_address) {
        return Err(Failure::usage("XII_DEBIAN_MIRROR is not the address of a mirror")
            .next("expected its address and, after a space, that of its security archive"));
    }
    let suites: [&[&str]; 2] = [&["stable", "stable-updates"], &["stable-security"]];
    let entry = |(address, suites): (&&str, &[&str])| Entry {
        uris: vec![address.to_string()],
        suites: suites.iter().map(|suite| suite.to_string()).collect(),
        components: vec!["main".to_string()],
        options: keyring
            .then(|| ("signed-by".to_string(), KEYRING.to_string()))
            .into_iter()
            .collect(),
    };
    Ok(addresses.iter().zip(suites).map(entry).collect())
}

fn of_host(apt: &Path) -> Vec<Entry> {
    let mut files = vec![apt.join("sources.list")];
    let more = std::fs::read_dir(apt.join("sources.list.d")).into_iter().flatten().flatten();
    let mut more: Vec<PathBuf> = more.map(|entry| entry.path()).collect();
    more.sort();
    files.append(&mut more);
    let entries = files.iter().flat_map(|file| {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("list") => one_line(&text),
            Some("sources") => deb822(&text),
            _ => Vec::new(),
        }
    });
    of_debian(entries.collect())
}

/// `deb [signed-by=/k.gpg] http://deb.example/debian bookworm main`
pub(super) fn one_line(text: &str) -> Vec<Entry> {
    let entry = |line: &str| {
        let line = line.split('#').next().unwrap_or_default().trim();
        let rest = line.strip_prefix("deb")?.strip_prefix([' ', '\t'])?.trim_start();
        let (options, rest) = match rest.strip_prefix('[') {
            Some(inner) => inner.split_once(']')?,
            None => ("", rest),
        };
        let option = |option: &str| {
            let (name, value) = option.split_once('=')?;
            Some((name.to_ascii_lowercase(), value.to_string()))
        };
        let mut words = rest.split_whitespace().map(str::to_string);
        Some(Entry {
            uris: vec![words.next()?],
            suites: vec![words.next()?],
            components: words.collect(),
            options: options.split_whitespace().filter_map(option).collect(),
        })
    };
    text.lines().filter_map(entry).collect()
}

/// Paragraphs of `Field: value`; a line that begins with a blank goes on with the one before.
pub(super) fn deb822(text: &str) -> Vec<Entry> {
    let mut paragraphs = vec![BTreeMap::<String, String>::new()];
    let mut field = String::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let current = paragraphs.len() - 1;
        if line.trim().is_empty() {
            paragraphs.push(BTreeMap::new());
        } else if line.starts_with([' ', '\t']) {
            let value = paragraphs[current].entry(field.clone()).or_default();
            value.push('\n');
            value.push_str(line);
        } else if let Some((name, value)) = line.split_once(':') {
            field = name.trim().to_ascii_lowercase();
            paragraphs[current].insert(field.clone(), value.trim().to_string());
        }
    }
    paragraphs.into_iter().filter_map(entry_of).collect()
}

fn entry_of(mut fields: BTreeMap<String, String>) -> Option<Entry> {
    let mut words = |field: &str| -> Vec<String> {
        let value = fields.remove(field).unwrap_or_default();
        value.split_whitespace().map(str::to_string).collect()
    };
    let is_on = words("enabled").first().is_none_or(|word| word != "no");
    let has_packages = words("types").iter().any(|word| word == "deb");
    let (uris, suites, components) = (words("uris"), words("suites"), words("components"));
    (is_on && has_packages).then_some(Entry { uris, suites, components, options: fields })
}

/// Debian's suites by name, and by what they are at a time.
const SUITES: [&str; 13] = [
    "stretch",
    "buster",
    "bullseye",
    "bookworm",
    "trixie",
    "forky",
    "duke",
    "sid",
    "oldoldstable",
    "oldstable",
    "stable",
    "testing",
    "unstable",
];

/// What kind of archive a suite's name means: the part behind the suite itself.
fn kind(suite: &str) -> Option<&'static str> {
    let kinds =
        [("", ""), ("-updates", "-updates"), ("-security", "-security"), ("/updates", "-security")];
    kinds.into_iter().find_map(|(end, kind)| {
        suite.strip_suffix(end).is_some_and(|name| SUITES.contains(&name)).then_some(kind)
    })
}

/// Others name their suites after Debian's too. Where any entry is signed by Debian's own
/// keys, those are Debian's; else a mirror signs with its own, and all are taken.
pub(super) fn of_debian(entries: Vec<Entry>) -> Vec<Entry> {
    let is_like = |entry: &Entry| {
        entry.components.iter().any(|component| component == "main")
            && entry.suites.iter().any(|suite| kind(suite).is_some())
    };
    let (mut like, signed): (Vec<Entry>, Vec<Entry>) =
        entries.into_iter().filter(is_like).partition(|entry| {
            let by = entry.options.get("signed-by").map_or("", String::as_str);
            !by.rsplit('/').next().unwrap_or_default().starts_with("debian-archive")
        });
    if signed.is_empty() {
        return like;
    }
    like.retain(|entry| {
        let hosts = |of: &Entry| of.uris.iter().filter_map(|uri| host(uri)).collect::<Vec<_>>();
        let known: Vec<String> = signed.iter().flat_map(hosts).collect();
        !entry.options.contains_key("signed-by") && hosts(entry).iter().any(|h| known.contains(h))
    });
    signed.into_iter().chain(like).collect()
}

fn host(uri: &str) -> Option<String> {
    let (_, rest) = uri.split_once("://")?;
    rest.split('/').next().map(str::to_ascii_lowercase)
}

/// Of the options that are kept, none can change which packages there are.
const DROPPED: [&str; 6] = ["arch", "architectures", "lang", "languages", "target", "targets"];

pub(super) fn for_suite(entries: &[Entry], suite: Suite, updates: bool) -> String {
    let mut paragraphs = Vec::new();
    for entry in entries {
        let mut suites: Vec<String> = Vec::new();
        for kind in entry.suites.iter().filter_map(|suite| kind(suite)) {
            let name = format!("{}{kind}", suite.codename());
            if (updates || kind.is_empty()) && !suites.contains(&name) {
                suites.push(name);
            }
        }
        if suites.is_empty() {
            continue;
        }
        let mut text = format!(
            "Types: deb\nURIs: {}\nSuites: {}\nComponents: {}\n",
            entry.uris.join(" "),
            suites.join(" "),
            entry.components.join(" ")
        );
        for (name, value) in &entry.options {
            if !DROPPED.contains(&name.trim_end_matches(['+', '-'])) {
                text.push_str(&format!("{name}: {value}\n"));
            }
        }
        if !paragraphs.contains(&text) {
            paragraphs.push(text);
        }
    }
    paragraphs.join("\n")
}

#[cfg(test)]
#[path = "sources_tests.rs"]
mod tests;
