//! A folder of files that xii itself serves: the one process type is known.

use super::draft::{Draft, Stop};
use super::environment::APP;
use super::language::{Kind, Language};
use super::tree::Tree;
use crate::app::{BuildSettings, Manifests, ProcessType, shell_word};
use std::collections::BTreeMap;

/// Where xii's own program is mounted in a sandbox.
const XII: &str = "/opt/xii/bin/xii";

pub struct Static;

impl Language for Static {
    fn recognises(&self, tree: &Tree, manifests: &Manifests) -> bool {
        let site = tree.has("index.html") || manifests.settings.build.output.is_some();
        site && manifests.commands.is_empty()
    }

    fn plan(&self, draft: &mut Draft<'_>) -> Result<(), Stop> {
        draft.build_command();
        Ok(())
    }
}

/// `web` of a site. Any app without a Procfile but with `[build] output` is one: the
/// documentation that a Python tool writes, say.
pub fn commands(
    language: Option<Kind>,
    build: &BuildSettings,
    has_procfile: bool,
) -> BTreeMap<ProcessType, String> {
    if has_procfile || (language != Some(Kind::Static) && build.output.is_none()) {
        return BTreeMap::new();
    }
    let folder = match &build.output {
        Some(output) => quoted(&format!("{APP}/{output}")),
        None => APP.to_string(),
    };
    BTreeMap::from([(ProcessType::web(), format!("{XII} static-server {folder}"))])
}

/// As one word of a shell.
fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    match path.chars().all(plain) {
        true => path.to_string(),
        false => shell_word(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_odd_characters_stays_one_word() {
        assert_eq!(quoted("/app/public"), "/app/public");
        assert_eq!(quoted("/app/my site's"), r"'/app/my site'\''s'");
    }
}
