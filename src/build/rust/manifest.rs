//! What Cargo.toml says: the packages that `cargo build` builds here, and their programs.
//! Pure, over texts that were read before.

use super::super::tree::Tree;
use crate::app::{Diagnostic, Diagnostics, Failure, SourceFile};
use std::collections::{BTreeMap, BTreeSet};

pub type Table = toml::Table;

/// One that `cargo build` builds at the root of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    pub name: String,
    pub default_run: Option<String>,
    pub programs: BTreeSet<String>,
    pub dependencies: BTreeSet<String>,
}

pub fn table(path: &str, text: &str) -> Result<Table, Failure> {
    text.parse::<Table>().map_err(|error| {
        let at = error.span().unwrap_or(0..0);
        let problem = Diagnostic::new(at, error.message().to_string(), "not TOML");
        Diagnostics { file: SourceFile::new(path, text), list: vec![problem] }.into()
    })
}

pub fn string(table: &Table, key: &str) -> Option<String> {
    table.get(key)?.as_str().map(String::from)
}

fn strings(table: Option<&Table>, key: &str) -> Option<Vec<String>> {
    let list = table?.get(key)?.as_array()?;
    Some(list.iter().filter_map(|value| value.as_str()).map(clean).collect())
}

fn clean(path: &str) -> String {
    let path = path.trim_start_matches("./").trim_end_matches('/');
    if path == "." { String::new() } else { path.to_string() }
}

/// The folders that belong to a workspace, as patterns: `crates/*`.
pub fn members(text: &str) -> Vec<String> {
    let Ok(root) = text.parse::<Table>() else { return Vec::new() };
    let workspace = root.get("workspace").and_then(|value| value.as_table());
    let named = ["members", "default-members"].map(|key| strings(workspace, key));
    named.into_iter().flatten().flatten().collect()
}

/// The root's package, or what the workspace builds by default.
pub fn packages(tree: &Tree) -> Result<Vec<Package>, Failure> {
    let text = tree.text("Cargo.toml").unwrap_or_default();
    let root = table("Cargo.toml", text)?;
    let workspace = root.get("workspace").and_then(|value| value.as_table());
    let is_package = root.contains_key("package");
    let wanted = match strings(workspace, "default-members") {
        Some(named) => named,
        None if is_package => vec![String::new()],
        None => strings(workspace, "members").unwrap_or_default(),
    };
    let left_out = strings(workspace, "exclude").unwrap_or_default();
    let mut found = Vec::new();
    for (path, text) in &tree.texts {
        let Some(folder) = path.strip_suffix("Cargo.toml").map(clean) else { continue };
        let is_wanted = wanted.iter().any(|pattern| matches(pattern, &folder));
        if is_wanted && !left_out.contains(&folder) {
            found.extend(package(tree, &folder, &table(path, text)?));
        }
    }
    Ok(found)
}

/// `*` stands for one folder, or a part of its name.
pub fn matches(pattern: &str, folder: &str) -> bool {
    let (patterns, parts): (Vec<_>, Vec<_>) =
        (pattern.split('/').collect(), folder.split('/').collect());
    let part = |(pattern, part): (&&str, &&str)| match pattern.split_once('*') {
        Some((start, end)) => {
            part.len() >= start.len() + end.len() && part.starts_with(start) && part.ends_with(end)
        }
        None => pattern == part,
    };
    patterns.len() == parts.len() && patterns.iter().zip(&parts).all(part)
}

fn package(tree: &Tree, folder: &str, manifest: &Table) -> Option<Package> {
    let package = manifest.get("package")?.as_table()?;
    let name = string(package, "name")?;
    let below = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    let dependencies = manifest.get("dependencies").and_then(|value| value.as_table());
    Some(Package {
        programs: programs(tree, &below, &name, package, manifest),
        default_run: string(package, "default-run"),
        dependencies: dependencies.into_iter().flat_map(|table| table.keys().cloned()).collect(),
        name,
    })
}

/// Declared ones, and those that cargo finds by their place.
fn programs(
    tree: &Tree,
    below: &str,
    package: &str,
    settings: &Table,
    manifest: &Table,
) -> BTreeSet<String> {
    let declared = manifest.get("bin").and_then(|value| value.as_array());
    let declared: Vec<&Table> =
        declared.into_iter().flatten().filter_map(|value| value.as_table()).collect();
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    if settings.get("autobins").and_then(|value| value.as_bool()) != Some(false) {
        let paths = tree.texts.keys().filter_map(|path| path.strip_prefix(below));
        found.extend(paths.filter_map(|path| Some((path.to_string(), by_place(path, package)?))));
    }
    let mut names = BTreeSet::new();
    for program in declared {
        let Some(name) = string(program, "name") else { continue };
        found.retain(|path, by_place| {
            string(program, "path").as_deref().map(clean).as_ref() != Some(path)
                && *by_place != name
        });
        // With features that are off it is not built.
        if program.get("required-features").is_none() {
            names.insert(name);
        }
    }
    names.extend(found.into_values());
    names
}

fn by_place(path: &str, package: &str) -> Option<String> {
    if path == "src/main.rs" {
        return Some(package.to_string());
    }
    let rest = path.strip_prefix("src/bin/")?;
    let name = rest.strip_suffix("/main.rs").or_else(|| rest.strip_suffix(".rs"))?;
    (!name.contains('/')).then(|| name.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> Tree {
        let texts = files.iter().map(|(path, text)| (path.to_string(), text.to_string()));
        Tree { texts: texts.collect(), ..Tree::default() }
    }

    fn programs_of(files: &[(&str, &str)]) -> String {
        let packages = packages(&tree(files)).unwrap();
        let names = packages.into_iter().flat_map(|package| package.programs);
        names.collect::<Vec<_>>().join(" ")
    }

    const ONE: &str = "[package]\nname = \"shop\"\n";

    #[test]
    fn programs_are_found_by_their_place_and_by_their_names() {
        let main = ("src/main.rs", "");
        for (manifest, others, expected) in [
            (ONE.to_string(), vec![], "shop"),
            (ONE.to_string(), vec![("src/bin/tool.rs", "")], "shop tool"),
            (
                ONE.to_string(),
                vec![("src/bin/big/main.rs", ""), ("src/bin/big/a.rs", "")],
                "big shop",
            ),
            (format!("{ONE}autobins = false\n"), vec![], ""),
            (format!("{ONE}[[bin]]\nname = \"web\"\npath = \"src/main.rs\"\n"), vec![], "web"),
            (format!("{ONE}[[bin]]\nname = \"web\"\npath = \"src/web.rs\"\n"), vec![], "shop web"),
            (format!("{ONE}[[bin]]\nname = \"shop\"\n"), vec![], "shop"),
            (
                format!("{ONE}[[bin]]\nname = \"x\"\nrequired-features = [\"x\"]\n"),
                vec![("src/bin/x.rs", "")],
                "shop",
            ),
        ] {
            let mut files = vec![("Cargo.toml", manifest.as_str()), main];
            files.extend(others);
            assert_eq!(programs_of(&files), expected, "{files:?}");
        }
        assert_eq!(programs_of(&[("Cargo.toml", ONE), ("src/lib.rs", "")]), "");
    }

    #[test]
    fn a_workspace_builds_its_default_members_or_all_of_them() {
        let files = |root| {
            [
                ("Cargo.toml", root),
                ("src/main.rs", ""),
                ("crates/web/Cargo.toml", "[package]\nname = \"web\"\n"),
                ("crates/web/src/main.rs", ""),
                ("crates/job/Cargo.toml", "[package]\nname = \"job\"\n"),
                ("crates/job/src/main.rs", ""),
            ]
        };
        let all = "[workspace]\nmembers = [\"crates/*\"]\n";
        assert_eq!(programs_of(&files(all)), "job web");
        let some = format!("{all}exclude = [\"crates/job\"]\n");
        assert_eq!(programs_of(&files(&some)), "web");
        let default = format!("{all}default-members = [\"crates/job\"]\n");
        assert_eq!(programs_of(&files(&default)), "job");
        let with_package = format!("{ONE}{all}");
        assert_eq!(programs_of(&files(&with_package)), "shop");
    }

    #[test]
    fn a_pattern_stands_for_one_folder() {
        for (pattern, folder, expected) in [
            ("crates/*", "crates/web", true),
            ("crates/*", "crates/web/deep", false),
            ("crates/app-*", "crates/app-web", true),
            ("crates/app-*", "crates/lib", false),
            ("web", "web", true),
            ("", "", true),
        ] {
            assert_eq!(matches(pattern, folder), expected, "{pattern} {folder}");
        }
    }

    #[test]
    fn what_is_no_toml_is_shown_where_it_breaks() {
        let failure = packages(&tree(&[("Cargo.toml", "[package\nname = 1")])).unwrap_err();
        assert_eq!(failure.exit_code(), 2, "{failure:?}");
        assert!(failure.message.contains("Cargo.toml"), "{failure:?}");
    }
}
