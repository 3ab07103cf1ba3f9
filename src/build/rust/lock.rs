//! Cargo.lock: which packages are the tree's own.

/// `name@version` of every package without a source: those lie in the tree, and change with it.
pub fn own(lock: &str) -> Vec<String> {
    let Ok(table) = lock.parse::<toml::Table>() else { return Vec::new() };
    let packages = table.get("package").and_then(|value| value.as_array());
    let field = |package: &toml::Value, key: &str| package.get(key)?.as_str().map(String::from);
    let own = packages.into_iter().flatten().filter(|package| package.get("source").is_none());
    own.filter_map(|package| {
        Some(format!("{}@{}", field(package, "name")?, field(package, "version")?))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_without_a_source_are_the_trees_own() {
        let lock = "version = 4\n\n[[package]]\nname = \"itoa\"\nversion = \"1.0.15\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n\n[[package]]\nname = \"shop\"\nversion = \"0.1.0\"\n";
        assert_eq!(own(lock), ["shop@0.1.0"]);
        assert!(own("<<<<<<< HEAD").is_empty());
    }
}
