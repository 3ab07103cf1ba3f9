//! What to say when a registry has no such version: what it has, and the line to write.

use super::super::node::Range;
use super::super::tool::{ToolName, Wish};
use super::super::version::Version;
use crate::app::Failure;

const SHOWN: usize = 4;

pub fn not_to_be_had(wish: &Wish, all: &[Version]) -> Failure {
    let by = wish.declared_by.as_deref().unwrap_or("the lock");
    let name = wish.name;
    let failure =
        Failure::app(format!("{name} {}, which {by} asks for, is not to be had", wish.version));
    let near = near(&wish.version, all);
    let Some(first) = near.first() else { return failure.why("the package registry has none") };
    let list: Vec<String> = near.iter().map(Version::to_string).collect();
    failure
        .why(format!("the package registry has, among others, {}", list.join(", ")))
        .next(line_to_write(name, by, *first))
}

fn line_to_write(name: ToolName, by: &str, version: Version) -> String {
    match by.rsplit_once("engines.") {
        Some((_, engine)) => {
            format!("write `\"{engine}\": \"{version}\"` into engines of package.json")
        }
        None if by.contains("packageManager") => {
            format!("write `\"packageManager\": \"{}@{version}\"` into package.json", name.slug())
        }
        None => format!("write {version} into {by}"),
    }
}

/// Of the same minor or major, the newest first; else the newest of the newest majors.
fn near(wanted: &str, all: &[Version]) -> Vec<Version> {
    let mut all = all.to_vec();
    all.sort_by_key(|version| std::cmp::Reverse(*version));
    let numbers: Vec<u32> =
        wanted.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect();
    let same = |parts: usize| -> Vec<Version> {
        let start = |v: &Version| [v.major, v.minor][..parts] == numbers[..parts];
        let matching = all.iter().copied().filter(start);
        if numbers.len() < parts { Vec::new() } else { matching.take(SHOWN).collect() }
    };
    let alike =
        Range::is_simple(wanted).then(|| [same(2), same(1)].into_iter().find(|l| !l.is_empty()));
    alike.flatten().unwrap_or_else(|| {
        let mut newest = all.clone();
        newest.dedup_by_key(|version| version.major);
        newest.truncate(SHOWN);
        newest
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(version: &str, by: &str) -> Failure {
        let all = ["22.1.0", "22.1.1", "22.9.0", "24.3.0", "26.1.0", "20.1.0", "18.0.0"];
        let all: Vec<Version> = all.iter().map(|v| v.parse().unwrap()).collect();
        let wish = Wish {
            name: ToolName::Node,
            version: version.to_string(),
            declared_by: Some(by.to_string()),
            with: None,
            on: None,
        };
        not_to_be_had(&wish, &all)
    }

    #[test]
    fn the_nearest_versions_and_the_line_are_named() {
        let near = |version: &str| failure(version, "x").causes.remove(0);
        assert!(near("22.1.7").ends_with("among others, 22.1.1, 22.1.0"), "{}", near("22.1.7"));
        assert!(near("22.5.0").ends_with("22.9.0, 22.1.1, 22.1.0"));
        assert!(near("99.x").ends_with("26.1.0, 24.3.0, 22.9.0, 20.1.0"));
        assert!(near(">=22.10 <23").ends_with("26.1.0, 24.3.0, 22.9.0, 20.1.0"));
        let failure = failure("22.5.0", "package.json: engines.node");
        assert_eq!(failure.exit_code(), 3);
        assert_eq!(
            failure.next.as_deref(),
            Some("write `\"node\": \"22.9.0\"` into engines of package.json")
        );
    }
}
