//! Which package manager a checkout uses, by its lock, and what the lock does not hold fast.

use super::super::tree::Tree;
use super::package::Package;
use crate::app::Failure;
use serde_json::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manager {
    Npm,
    Pnpm,
    /// Yarn 1.
    Classic,
    /// Yarn 2 and later.
    Berry,
}

/// The file, and who writes it.
const LOCKS: [(&str, &str); 4] = [
    ("npm-shrinkwrap.json", "npm"),
    ("package-lock.json", "npm"),
    ("pnpm-lock.yaml", "pnpm"),
    ("yarn.lock", "yarn"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lock<'a> {
    pub manager: Manager,
    pub file: &'static str,
    pub text: &'a str,
}

pub fn is_locked(tree: &Tree) -> bool {
    LOCKS.iter().any(|(file, _)| tree.has(file))
}

/// `None`: there is none, and nothing that would have to be locked.
pub fn find<'a>(tree: &'a Tree, package: &Package) -> Result<Option<Lock<'a>>, Failure> {
    let found: Vec<_> = LOCKS.into_iter().filter(|(file, _)| tree.has(file)).collect();
    let Some((file, writer)) = found.first().copied() else {
        return match package.dependencies().is_empty() && !package.has_workspaces() {
            true => Ok(None),
            false => Err(missing(package)),
        };
    };
    if let Some((other, _)) = found.iter().find(|(_, other)| *other != writer) {
        let surplus = match package.manager().map(|(name, _)| name) {
            Some(named) if named == writer => other,
            Some(_) => file,
            None => other,
        };
        return Err(Failure::app(format!("there are two locks: {file} and {other}"))
            .why("they may name different versions, and only one can be installed")
            .next(format!("keep the one of the tool you use: `git rm {surplus}`, say")));
    }
    let text = tree.text(file).unwrap_or_default();
    let manager = match writer {
        "npm" => Manager::Npm,
        "pnpm" => Manager::Pnpm,
        _ if is_berry(tree, text) => Manager::Berry,
        _ => Manager::Classic,
    };
    Ok(Some(Lock { manager, file, text }))
}

fn is_berry(tree: &Tree, text: &str) -> bool {
    text.contains("__metadata:") || text.trim().is_empty() && tree.has(".yarnrc.yml")
}

fn missing(package: &Package) -> Failure {
    let (command, file) = match package.manager().map(|(name, _)| name) {
        Some("pnpm") => ("pnpm install --lockfile-only", "pnpm-lock.yaml"),
        Some("yarn") => ("yarn install", "yarn.lock"),
        _ => ("npm install --package-lock-only", "package-lock.json"),
    };
    Failure::app("package.json names dependencies, and no lock says which versions of them")
        .why("without one, another day's build would be another app")
        .next(format!("{command} && git add {file}"))
}

/// pnpm-lock.yaml: `lockfileVersion: '9.0'` → the pnpm that reads and writes it.
pub fn pnpm_of(text: &str) -> &'static str {
    let line = text.lines().find_map(|line| line.strip_prefix("lockfileVersion:"));
    let version = line.unwrap_or_default().trim().trim_matches(['\'', '"']);
    match version.split('.').next().unwrap_or_default() {
        "5" if version == "5.4" => "7.x",
        "5" => "6.x",
        "6" => "8.x",
        _ => "10.x",
    }
}

/// yarn.lock: `__metadata:\n  version: 8` → the Yarn that reads and writes it.
pub fn yarn_of(text: &str) -> &'static str {
    let metadata = text.split_once("__metadata:").map(|(_, rest)| rest).unwrap_or_default();
    let version = metadata.lines().find_map(|line| line.trim().strip_prefix("version:"));
    match version.and_then(|version| version.trim().parse::<u32>().ok()) {
        Some(..=5) => "2.x",
        Some(6 | 7) => "3.x",
        _ => "4.x",
    }
}

/// Packages that the lock names without a hash of what they are.
pub fn unpinned(lock: &Lock<'_>) -> Vec<String> {
    let mut found = match lock.manager {
        Manager::Npm => unpinned_by_npm(lock.text),
        Manager::Pnpm => unpinned_by_pnpm(lock.text),
        Manager::Classic => unpinned_by_yarn(lock.text),
        Manager::Berry => Vec::new(),
    };
    found.sort();
    found.dedup();
    found
}

fn unpinned_by_npm(text: &str) -> Vec<String> {
    let lock: Value = serde_json::from_str(text).unwrap_or_default();
    let is_loose = |(_, entry): &(&String, &Value)| {
        let resolved = entry.get("resolved").and_then(Value::as_str).unwrap_or_default();
        let flag = |name: &str| entry.get(name) == Some(&Value::Bool(true));
        resolved.contains("://")
            && entry.get("integrity").is_none()
            && !flag("link")
            && !flag("inBundle")
            && !names_a_commit(resolved)
    };
    let entries = lock.get("packages").and_then(Value::as_object).into_iter().flatten();
    let name = |path: &str| path.rsplit("node_modules/").next().unwrap_or(path).to_string();
    entries.filter(is_loose).map(|(path, _)| name(path)).collect()
}

fn names_a_commit(resolved: &str) -> bool {
    let commit = resolved.rsplit_once('#').map(|(_, commit)| commit).unwrap_or_default();
    commit.len() >= 40 && commit.bytes().all(|b| b.is_ascii_hexdigit())
}

fn unpinned_by_pnpm(text: &str) -> Vec<String> {
    let is_loose = |line: &&str| {
        let line = line.trim();
        line.starts_with("resolution:")
            && line.contains("tarball:")
            && !line.contains("integrity:")
            && !line.contains("gitHosted")
    };
    let address = |line: &str| {
        let rest = line.split_once("tarball:").map(|(_, rest)| rest).unwrap_or_default();
        rest.trim().trim_end_matches('}').split(',').next().unwrap_or_default().to_string()
    };
    let loose = text.lines().filter(is_loose).map(address);
    loose.filter(|address| !has_commit_in_path(address)).collect()
}

/// Where pnpm gets a commit of a git host: `…/tar.gz/<commit>`.
fn has_commit_in_path(address: &str) -> bool {
    address.split('/').any(|part| part.len() == 40 && part.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn unpinned_by_yarn(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for block in text.split("\n\n") {
        let mut lines = block.lines().filter(|line| !line.starts_with('#'));
        let Some(head) = lines.find(|line| !line.is_empty()) else { continue };
        let resolved = block.lines().find_map(|line| line.trim().strip_prefix("resolved "));
        let has_hash = block.lines().any(|line| line.trim().starts_with("integrity "));
        let Some(resolved) = resolved.map(|address| address.trim_matches('"')) else { continue };
        if !has_hash && !names_a_commit(resolved) {
            let first = head.trim_matches(['"', ':']).split(',').next().unwrap_or_default();
            let name = first.rfind('@').filter(|at| *at > 0).map_or(first, |at| &first[..at]);
            found.push(name.trim_matches('"').to_string());
        }
    }
    found
}

#[cfg(test)]
#[path = "lock_tests.rs"]
mod tests;
