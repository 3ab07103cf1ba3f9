//! Which Rust: the channel a checkout declares, and the least version its files need.

use super::super::draft::{Draft, Stop};
use super::super::tool::{Origin, Tool, ToolName};
use super::super::toolchain::Toolchains;
use super::super::tree::Tree;
use super::super::version::{Version, Wanted};
use super::manifest::{string, table};
use crate::app::Failure;

/// As rustup reads them: the older name first.
const FILES: [&str; 2] = ["rust-toolchain", "rust-toolchain.toml"];
const FILE: &str = "rust-toolchain.toml";

#[derive(Debug, Clone, PartialEq, Eq)]
enum Channel {
    /// `stable`
    Stable,
    /// `1.78` or `1.78.0`
    Version(Wanted),
    /// `nightly`, `nightly-2026-05-01`, `beta`: as rustup names the folder.
    Early(String),
}

pub fn choose(draft: &mut Draft<'_>) -> Result<Tool, Stop> {
    let declared = declared(draft.tree)?;
    let least = least(draft.tree)?;
    let fits = |tool: &Tool| {
        let channel = declared.as_ref().map_or(&Channel::Stable, |(channel, _)| channel);
        channel.accepts(tool) && least.as_ref().is_none_or(|(least, _)| tool.version >= *least)
    };
    let rust = draft.available.choose(ToolName::Rust, fits).cloned();
    let rust =
        rust.ok_or_else(|| unavailable(declared.as_ref(), least.as_ref(), draft.available))?;
    if declared.is_none() {
        let version = format!("{}.{}", rust.version.major, rust.version.minor);
        draft.warn(format!(
            "no Rust version declared, taking {rust}; `echo {version} > rust-toolchain` keeps it"
        ));
    }
    Ok(rust)
}

impl Channel {
    fn parse(text: &str) -> Option<Channel> {
        let host = format!("-{}-unknown-linux-gnu", std::env::consts::ARCH);
        let text = text.strip_suffix(&host).unwrap_or(text);
        let early = |name: &str| {
            let rest = text.strip_prefix(name)?;
            (rest.is_empty() || rest.starts_with('-')).then(|| Channel::Early(text.to_string()))
        };
        match text {
            "stable" => Some(Channel::Stable),
            _ if text.starts_with(|c: char| c.is_ascii_digit()) => {
                text.parse().ok().map(Channel::Version)
            }
            _ => early("nightly").or_else(|| early("beta")),
        }
    }

    fn accepts(&self, tool: &Tool) -> bool {
        let early = early(tool);
        match self {
            Channel::Stable => early.is_none(),
            Channel::Version(wanted) => early.is_none() && wanted.accepts(tool.version),
            Channel::Early(name) => {
                early.is_some_and(|folder| folder == name || is_dated(folder, name))
            }
        }
    }
}

/// `nightly-x86_64-unknown-linux-gnu` is what `nightly` names, `nightly-2026-05-01-…` is not.
fn is_dated(folder: &str, name: &str) -> bool {
    let rest = folder.strip_prefix(name).and_then(|rest| rest.strip_prefix('-'));
    rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

impl std::fmt::Display for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Channel::Stable => f.write_str("stable"),
            Channel::Version(wanted) => wanted.fmt(f),
            Channel::Early(name) => f.write_str(name),
        }
    }
}

/// rustup's folder of a nightly or beta.
fn early(tool: &Tool) -> Option<&str> {
    let Origin::Server { prefix, .. } = &tool.origin else { return None };
    let folder = prefix.file_name()?.to_str()?;
    ["nightly", "beta"].iter().any(|channel| folder.starts_with(channel)).then_some(folder)
}

/// The channel, and the file that declares it.
fn declared(tree: &Tree) -> Result<Option<(Channel, &'static str)>, Failure> {
    let found = FILES.iter().find_map(|name| Some((*name, tree.text(name)?)));
    let Some((file, text)) = found else { return Ok(None) };
    let plain = text.trim();
    let channel = match file == FILE || plain.contains(['[', '=', '\n']) {
        false => Some(plain.to_string()),
        true => {
            let parsed = table(file, text)?;
            let toolchain = parsed.get("toolchain").and_then(|value| value.as_table());
            if toolchain.is_some_and(|toolchain| toolchain.contains_key("path")) {
                return Err(Failure::app(format!("{file} names a toolchain by its path"))
                    .why("a build sees nothing of this server's folders")
                    .next(format!("write `channel = \"stable\"` or a version into {file}")));
            }
            toolchain.and_then(|toolchain| string(toolchain, "channel"))
        }
    };
    let Some(channel) = channel else { return Ok(None) };
    match Channel::parse(&channel) {
        Some(channel) => Ok(Some((channel, file))),
        None => Err(Failure::usage(format!("{file}: `{channel}` is not a channel"))
            .next("expected stable, a version like 1.85.0, beta or nightly")),
    }
}

/// The highest of what the files ask for, and which it was.
fn least(tree: &Tree) -> Result<Option<(Version, String)>, Failure> {
    let mut found: Vec<(Version, String)> = Vec::new();
    let manifests = tree.texts.iter().filter(|(path, _)| path.ends_with("Cargo.toml"));
    for (path, text) in manifests {
        let parsed = table(path, text)?;
        let workspace = parsed.get("workspace").and_then(|value| value.as_table());
        let shared = workspace.and_then(|table| table.get("package"));
        for package in [parsed.get("package"), shared].into_iter().flatten() {
            let Some(package) = package.as_table() else { continue };
            let declared = string(package, "rust-version").and_then(|text| full(&text));
            found.extend(declared.map(|version| (version, format!("{path}: rust-version"))));
            let edition = string(package, "edition").unwrap_or_default();
            found.extend(
                of_edition(&edition).map(|version| (version, format!("{path}: edition {edition}"))),
            );
        }
    }
    found.extend(tree.text("Cargo.lock").and_then(of_lock));
    Ok(found.into_iter().max())
}

/// `1.70` is written as well as `1.70.0`.
fn full(text: &str) -> Option<Version> {
    let wanted: Wanted = text.parse().ok()?;
    let (minor, patch) = (wanted.minor.unwrap_or(0), wanted.patch.unwrap_or(0));
    Some(Version { major: wanted.major, minor, patch })
}

fn of_edition(edition: &str) -> Option<Version> {
    let minor = match edition {
        "2018" => 31,
        "2021" => 56,
        "2024" => 85,
        _ => return None,
    };
    Some(Version { major: 1, minor, patch: 0 })
}

fn of_lock(lock: &str) -> Option<(Version, String)> {
    let line = lock.lines().take(10).find_map(|line| line.strip_prefix("version = "))?;
    let minor = match line.trim() {
        "3" => 53,
        "4" => 78,
        _ => return None,
    };
    Some((Version { major: 1, minor, patch: 0 }, format!("Cargo.lock: version {}", line.trim())))
}

fn unavailable(
    declared: Option<&(Channel, &'static str)>,
    least: Option<&(Version, String)>,
    available: &Toolchains,
) -> Failure {
    let all: Vec<&Tool> = available.of(ToolName::Rust).collect();
    let failure = match (declared, least) {
        _ if all.is_empty() => Failure::app("there is no Rust on this server"),
        (Some((channel, file)), _) if !all.iter().any(|tool| channel.accepts(tool)) => {
            Failure::app(format!("Rust {channel}, which {file} asks for, is not on this server"))
        }
        (_, Some((least, why))) => {
            Failure::app(format!("Rust {least} or newer is not on this server")).why(why)
        }
        _ => Failure::app("there is no stable Rust on this server"),
    };
    let failure = match declared {
        Some((Channel::Version(wanted), file)) if least.is_some() => {
            failure.why(format!("{file} asks for {wanted}"))
        }
        _ => failure,
    };
    let install = match declared {
        Some((channel, _)) => format!("rustup toolchain install {channel}"),
        None => "rustup toolchain install stable".to_string(),
    };
    if all.is_empty() {
        return failure.next(format!("install it for the user that runs xii (`{install}`), or name it in xii.toml: [stack] packages = [\"cargo\", \"gcc\"]"));
    }
    let names: Vec<String> = all.iter().map(|tool| named(tool)).collect();
    let failure = failure.why(format!("available: {}", names.join(", ")));
    let fits = |tool: &&&Tool| least.is_none_or(|(least, _)| tool.version >= *least);
    let newest = all
        .iter()
        .filter(|tool| early(tool).is_none())
        .filter(fits)
        .max_by_key(|tool| tool.version);
    match newest {
        Some(tool) => {
            let file = declared.map_or("rust-toolchain", |(_, file)| file);
            let line = match file == FILE {
                true => format!("channel = \"{}\"", tool.version),
                false => tool.version.to_string(),
            };
            failure.next(format!(
                "write `{line}` into {file}, or install it on the server: `{install}`"
            ))
        }
        None => failure.next(format!("install it on the server: `{install}`")),
    }
}

fn named(tool: &Tool) -> String {
    match early(tool) {
        Some(folder) => format!("{folder} {tool}"),
        None => tool.to_string(),
    }
}

#[cfg(test)]
#[path = "version_tests.rs"]
mod tests;
