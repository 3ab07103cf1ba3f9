//! The manifests of one source tree, read together: what one file says is checked against
//! the others.

use super::{
    AppJson, Diagnostics, Formation, ProcessType, Settings, SourceFile, parse_app_json,
    parse_procfile, parse_settings,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The manifests as they stand in the tree, stored whole in a release: what is run later is
/// read from the same words, by whatever version reads them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestTexts {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub procfile: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_json: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xii_toml: Option<String>,
}

/// What the manifests mean.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifests {
    /// The Procfile, `release` included. Empty without a Procfile: the build then says
    /// what `web` is.
    pub commands: BTreeMap<ProcessType, String>,
    pub app_json: AppJson,
    pub settings: Settings,
}

impl Manifests {
    /// All errors of all files.
    pub fn parse(texts: &ManifestTexts) -> Result<Manifests, Vec<Diagnostics>> {
        let mut wrong = Vec::new();
        let commands = read("Procfile", &texts.procfile, parse_procfile, &mut wrong);
        let declared = match texts.procfile {
            Some(_) => commands.as_ref().map(|commands| commands.keys().cloned().collect()),
            None => Some(BTreeSet::from([ProcessType::web()])),
        };
        let app_json = read("app.json", &texts.app_json, parse_app_json, &mut wrong);
        let xii_toml = |file: &SourceFile| parse_settings(file, declared.as_ref());
        let settings = read("xii.toml", &texts.xii_toml, xii_toml, &mut wrong);
        match (commands, app_json, settings) {
            (Some(commands), Some(app_json), Some(settings)) => {
                Ok(Manifests { commands, app_json, settings })
            }
            _ => Err(wrong),
        }
    }

    /// What a new deploy starts with: one `web`, none of the others, then app.json.
    pub fn first_formation(&self) -> Formation {
        let mut counts = BTreeMap::from([(ProcessType::web(), 1)]);
        counts.extend(self.commands.keys().map(|name| (name.clone(), 0)));
        counts.insert(ProcessType::web(), 1);
        for (name, entry) in &self.app_json.formation {
            counts.extend(entry.quantity.map(|quantity| (name.clone(), quantity)));
        }
        counts.remove(&ProcessType::release());
        if !self.commands.is_empty() && !self.commands.contains_key(&ProcessType::web()) {
            counts.remove(&ProcessType::web());
        }
        Formation(counts)
    }
}

fn read<T: Default>(
    path: &str,
    text: &Option<String>,
    parse: impl FnOnce(&SourceFile) -> Result<T, Diagnostics>,
    wrong: &mut Vec<Diagnostics>,
) -> Option<T> {
    let Some(text) = text else { return Some(T::default()) };
    parse(&SourceFile::new(path, text.as_str())).map_err(|errors| wrong.push(errors)).ok()
}
