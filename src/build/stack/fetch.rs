//! From a wish to packages on the disk: asked of the archive, and kept.

use super::area::{Area, Ended};
use super::packages;
use super::record::Package;
use super::suite::Suite;
use super::wanted::Wanted;
use crate::app::{Failure, did_you_mean};
use crate::store::Home;
use std::collections::BTreeMap;

/// A package apt would install.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Solved {
    pub name: String,
    pub version: String,
    pub architecture: String,
}

impl Solved {
    /// As apt names it in its folder.
    pub fn file(&self) -> String {
        let version = self.version.replace('_', "%5f").replace(':', "%3a");
        format!("{}_{version}_{}.deb", self.name, self.architecture)
    }
}

fn install<'a>(wanted: &'a Wanted, how: &'a str) -> Vec<&'a str> {
    let mut argv = vec!["apt-get", "install", "-q", how, "?essential"];
    argv.extend(wanted.suite.base());
    argv.extend(wanted.packages.iter().map(|package| package.as_str()));
    argv
}

/// Everything the wish comes to; nothing is fetched. A package that is not there is named.
pub fn solve(area: &Area, wanted: &Wanted) -> Result<Vec<Solved>, Failure> {
    let ended = area.run(&install(wanted, "--simulate"))?;
    if ended.code != 0 {
        return Err(unsolved(area, wanted, &ended));
    }
    let mut solved: Vec<Solved> = ended.lines.iter().filter_map(|line| parse(line)).collect();
    solved.sort();
    solved.dedup();
    if solved.is_empty() {
        return Err(Failure::platform(format!("the archive has nothing for {}", wanted.suite)));
    }
    Ok(solved)
}

/// `Inst libc6 (2.36-9 Debian:12/oldstable [amd64])`
fn parse(line: &str) -> Option<Solved> {
    let (name, rest) = line.strip_prefix("Inst ")?.split_once(' ')?;
    let (_, rest) = rest.split_once('(')?;
    // What follows the parentheses is about other packages.
    let (rest, _) = rest.split_once(')').unwrap_or((rest, ""));
    let version = rest.split_whitespace().next()?;
    let (_, architecture) = rest.rsplit_once('[')?;
    Some(Solved {
        name: name.split(':').next()?.to_string(),
        version: version.to_string(),
        architecture: architecture.split(']').next()?.to_string(),
    })
}

fn unsolved(area: &Area, wanted: &Wanted, ended: &Ended) -> Failure {
    let absent = absent(&ended.lines);
    if absent.is_empty() {
        return ended.failure(&format!("{wanted} cannot be put together"));
    }
    let known = area.run(&["apt-cache", "pkgnames"]).map(|ended| ended.lines).unwrap_or_default();
    let quoted: Vec<String> = absent.iter().map(|name| format!("`{name}`")).collect();
    let noun = if absent.len() == 1 { "package" } else { "packages" };
    let meant: Vec<String> = absent
        .iter()
        .filter_map(|name| did_you_mean(name, known.iter().map(String::as_str)))
        .map(|name| format!("`{name}`"))
        .collect();
    let suite = wanted.suite;
    let failure = Failure::usage(format!("{suite} has no {noun} {}", quoted.join(", ")));
    failure.next(match meant.is_empty() {
        true => format!("correct the name; {suite} is Debian {}", Suite::codename(suite)),
        false => format!("did you mean {}?", meant.join(", ")),
    })
}

/// The names apt could not find, as it says it.
fn absent(lines: &[String]) -> Vec<String> {
    let name = |line: &String| {
        let rest = line.strip_prefix("E: ")?;
        let found = rest
            .strip_prefix("Unable to locate package ")
            .or_else(|| rest.strip_prefix("Couldn't find any package by "))
            .or_else(|| {
                rest.strip_prefix("Package ")?.strip_suffix(" has no installation candidate")
            })?;
        found.split_whitespace().last().map(|name| name.trim_matches('\'').to_string())
    };
    let mut names: Vec<String> = Vec::new();
    for name in lines.iter().filter_map(name) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Fetches what is not kept yet; the archive's signatures are checked by apt.
pub fn fetch(
    home: &Home,
    area: &Area,
    wanted: &Wanted,
    solved: &[Solved],
    said: &mut dyn FnMut(&str),
) -> Result<BTreeMap<String, Package>, Failure> {
    said(&format!("fetching {} packages, those that are not kept here yet", solved.len()));
    let archives = area.path("cache/archives");
    packages::offer(home, &archives)?;
    let ended = area.run(&install(wanted, "--download-only"))?;
    if ended.code != 0 {
        return Err(ended
            .failure(&format!("cannot fetch the packages of {wanted}"))
            .next("check that this host can reach its package archive, and try again"));
    }
    let keep = |one: &Solved| {
        let sha256 = packages::keep(home, &archives.join(one.file()))?;
        let package = Package { version: one.version.clone(), sha256, file: one.file() };
        Ok((one.name.clone(), package))
    };
    solved.iter().map(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apts_plan_is_read() {
        let lines = [
            "Reading package lists...",
            "Inst libcap2 (1:2.66-4+deb12u3+b1 Debian:12.15/oldstable, Debian-Security:12 [amd64])",
            "Inst netbase (6.4 Debian:12.15/oldstable [all]) []",
            "Conf netbase (6.4 Debian:12.15/oldstable [all])",
        ];
        let solved: Vec<_> = lines.iter().filter_map(|line| parse(line)).collect();
        assert_eq!(solved.len(), 2);
        assert_eq!(solved[0].file(), "libcap2_1%3a2.66-4+deb12u3+b1_amd64.deb");
        assert_eq!(solved[1].file(), "netbase_6.4_all.deb");
    }

    #[test]
    fn every_way_apt_says_that_there_is_no_such_package_is_understood() {
        let lines = [
            "E: Unable to locate package libpqq5",
            "E: Couldn't find any package by glob 'python3.99'",
            "E: Couldn't find any package by regex 'python3.99'",
            "E: Package 'awk' has no installation candidate",
            "E: Unable to correct problems, you have held broken packages.",
        ];
        assert_eq!(absent(&lines.map(String::from)), ["libpqq5", "python3.99", "awk"]);
    }
}
