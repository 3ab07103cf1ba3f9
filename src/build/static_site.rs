//! A folder of files that xii itself serves: the one process type is known.

use super::environment::APP;
use super::plan::Language;
use crate::app::{BuildSettings, ProcessType};
use std::collections::BTreeMap;

/// Where xii's own program is mounted in a sandbox.
const XII: &str = "/opt/xii/bin/xii";

/// `web` of a site. Any app without a Procfile but with `[build] output` is one: the
/// documentation that a Python tool writes, say.
pub fn commands(
    language: Language,
    build: &BuildSettings,
    has_procfile: bool,
) -> BTreeMap<ProcessType, String> {
    if has_procfile || (language != Language::Static && build.output.is_none()) {
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
        false => format!("'{}'", path.replace('\'', r"'\''")),
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
