//! The manifests of one source tree, read together: what one file says is checked against
//! the others.

use super::{
    AppJson, Blame, DeployName, Diagnostic, Diagnostics, Failure, Formation, ProcessType, Settings,
    SourceFile, parse_app_json, parse_aptfile, parse_procfile, parse_settings,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::Path;

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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aptfile: Option<String>,
}

impl ManifestTexts {
    /// Reads them from the top of a source tree; each may be missing.
    pub fn read(tree: &Path) -> Result<ManifestTexts, Failure> {
        Ok(ManifestTexts {
            procfile: file(tree, "Procfile")?,
            app_json: file(tree, "app.json")?,
            xii_toml: file(tree, "xii.toml")?,
            aptfile: file(tree, "Aptfile")?,
        })
    }
}

fn file(tree: &Path, name: &str) -> Result<Option<String>, Failure> {
    match std::fs::read(tree.join(name)) {
        Ok(bytes) => Ok(Some(SourceFile::from_bytes(name, bytes)?.text().to_string())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => {
            Err(Failure::new(blame(error.kind()), format!("cannot read {name}")).because(error))
        }
    }
}

/// Where the file is not one that can be read its owner has to act, and else whoever runs xii.
fn blame(error: ErrorKind) -> Blame {
    match error {
        ErrorKind::IsADirectory | ErrorKind::NotADirectory | ErrorKind::PermissionDenied => {
            Blame::Usage
        }
        _ => Blame::Platform,
    }
}

/// A manifest is read by people; one longer than this is something else.
const MOST_FILE_BYTES: usize = 256 * 1024;

/// What the manifests mean.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifests {
    /// The Procfile, `release` included. Empty without a Procfile: the build then says
    /// what `web` is.
    pub commands: BTreeMap<ProcessType, String>,
    pub app_json: AppJson,
    pub settings: Settings,
    /// The packages of the Aptfile alone.
    pub aptfile: Vec<String>,
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
        let app_json = |file: &SourceFile| parse_app_json(file, declared.as_ref());
        let app_json = read("app.json", &texts.app_json, app_json, &mut wrong);
        let settings = |file: &SourceFile| parse_settings(file, declared.as_ref());
        let settings = read("xii.toml", &texts.xii_toml, settings, &mut wrong);
        let aptfile = read("Aptfile", &texts.aptfile, parse_aptfile, &mut wrong);
        match (commands, app_json, settings, aptfile) {
            (Some(commands), Some(app_json), Some(settings), Some(aptfile)) => {
                Ok(Manifests { commands, app_json, settings, aptfile })
            }
            _ => Err(wrong),
        }
    }

    /// What they mean for the deploy of this name.
    #[must_use]
    pub fn for_deploy(self, deploy: &DeployName) -> Manifests {
        Manifests { app_json: self.app_json.for_deploy(deploy), ..self }
    }

    /// The stack that is asked for: xii.toml's, else app.json's.
    pub fn stack(&self) -> Option<&str> {
        self.settings.stack.as_deref().or(self.app_json.stack.as_deref())
    }

    /// The system packages that are asked for, wherever, sorted.
    pub fn packages(&self) -> Vec<String> {
        let all: BTreeSet<&String> =
            self.aptfile.iter().chain(&self.settings.stack_packages).collect();
        all.into_iter().cloned().collect()
    }

    /// What a new deploy starts with: one `web`, none of the others, then app.json.
    pub fn first_formation(&self) -> Formation {
        let mut names: BTreeSet<ProcessType> = self.commands.keys().cloned().collect();
        names.remove(&ProcessType::release());
        if self.commands.is_empty() {
            names.insert(ProcessType::web());
        }
        let count = |name: &ProcessType| {
            let asked = self.app_json.formation.get(name).and_then(|entry| entry.quantity);
            asked.unwrap_or(u32::from(*name == ProcessType::web()))
        };
        Formation(names.into_iter().map(|name| (name.clone(), count(&name))).collect())
    }
}

fn read<T: Default>(
    path: &str,
    text: &Option<String>,
    parse: impl FnOnce(&SourceFile) -> Result<T, Diagnostics>,
    wrong: &mut Vec<Diagnostics>,
) -> Option<T> {
    let Some(text) = text else { return Some(T::default()) };
    let file = SourceFile::new(path, text.as_str());
    let parsed = match text.len() > MOST_FILE_BYTES {
        true => Diagnostics::or(&file, vec![too_long(text.len())], T::default()),
        false => parse(&file),
    };
    parsed.map_err(|errors| wrong.push(errors)).ok()
}

fn too_long(length: usize) -> Diagnostic {
    let message = format!("the file is {length} bytes long");
    Diagnostic::new(0..0, message, format!("at most {MOST_FILE_BYTES} are read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_that_cannot_be_read_for_want_of_descriptors_is_not_bad_input() {
        let tree = tempfile::tempdir().unwrap();
        std::fs::create_dir(tree.path().join("Procfile")).unwrap();
        assert_eq!(ManifestTexts::read(tree.path()).unwrap_err().blame, Blame::Usage);
        let too_many = std::io::Error::from_raw_os_error(libc::EMFILE);
        assert_eq!(blame(too_many.kind()), Blame::Platform);
    }

    fn texts(procfile: &str, app_json: &str, xii_toml: &str) -> ManifestTexts {
        let some = |text: &str| Some(text.to_string()).filter(|text| !text.is_empty());
        ManifestTexts {
            procfile: some(procfile),
            app_json: some(app_json),
            xii_toml: some(xii_toml),
            aptfile: None,
        }
    }

    #[test]
    fn no_manifests_at_all_is_an_app_with_one_web() {
        let manifests = Manifests::parse(&ManifestTexts::default()).unwrap();
        assert_eq!(manifests, Manifests::default());
        assert_eq!(manifests.first_formation().to_string(), "web=1");
    }

    #[test]
    fn a_new_deploy_has_one_web_none_of_the_rest_and_what_app_json_asks() {
        let procfile = "web: a\nworker: b\nclock: c\nrelease: d\n";
        let app_json = r#"{"formation": {"worker": {"quantity": 2}}}"#;
        let formation = |procfile, app_json| {
            let manifests = Manifests::parse(&texts(procfile, app_json, "")).unwrap();
            manifests.first_formation().to_string()
        };
        assert_eq!(formation(procfile, ""), "clock=0 web=1 worker=0");
        assert_eq!(formation(procfile, app_json), "clock=0 web=1 worker=2");
        assert_eq!(formation("worker: b\n", ""), "worker=0");
    }

    #[test]
    fn the_errors_of_all_files_come_together() {
        let wrong = texts("odd\n", "[]", "nope = 1\n");
        let errors = Manifests::parse(&wrong).unwrap_err();
        let files: Vec<&str> = errors.iter().map(|errors| errors.file.path()).collect();
        assert_eq!(files, ["Procfile", "app.json", "xii.toml"]);
        let failure = Failure::from(errors);
        assert_eq!(failure.exit_code(), 2);
        for place in ["Procfile:1:1", "app.json:1:1", "xii.toml:1:1"] {
            assert!(failure.message.contains(place), "{failure}");
        }
    }

    #[test]
    fn a_type_the_procfile_lacks_is_an_error_but_not_when_the_procfile_is_unreadable() {
        let settings = "[process.wroker]\npids = 10\n";
        let errors = Manifests::parse(&texts("web: a\nworker: b\n", "", settings)).unwrap_err();
        assert!(errors[0].render().contains("did you mean `worker`?"), "{}", errors[0]);
        let errors = Manifests::parse(&texts("odd\n", "", settings)).unwrap_err();
        assert_eq!(errors.len(), 1);
        assert!(Manifests::parse(&texts("", "", "[process.web]\npids = 10\n")).is_ok());
        assert!(Manifests::parse(&texts("", "", settings)).is_err());
    }

    #[test]
    fn a_file_of_a_megabyte_is_refused_before_it_is_parsed() {
        let errors = Manifests::parse(&texts(&"web: a\n".repeat(150_000), "", "")).unwrap_err();
        assert_eq!(errors[0].list[0].message, "the file is 1050000 bytes long");
        assert!(errors[0].render().len() < 1000);
    }

    #[test]
    fn packages_are_those_of_both_files_and_xii_toml_has_the_last_word_on_the_stack() {
        let app_json = r#"{"stack": "debian-13"}"#;
        let xii_toml = "[stack]\nname = 'debian-12'\npackages = ['libpq5', 'g++']\n";
        let aptfile = Some("imagemagick\nlibpq5\n".to_string());
        let both = ManifestTexts { aptfile, ..texts("", app_json, xii_toml) };
        let manifests = Manifests::parse(&both).unwrap();
        assert_eq!(manifests.packages(), ["g++", "imagemagick", "libpq5"]);
        assert_eq!(manifests.stack(), Some("debian-12"));
        assert_eq!(Manifests::parse(&texts("", app_json, "")).unwrap().stack(), Some("debian-13"));
        let wrong = ManifestTexts { aptfile: Some("a.deb\n".to_string()), ..both };
        assert_eq!(Manifests::parse(&wrong).unwrap_err()[0].file.path(), "Aptfile");
    }

    #[test]
    fn texts_survive_being_stored() {
        let stored = texts("web: a\n", "", "app = 'x'\n");
        let json = serde_json::to_string(&stored).unwrap();
        assert_eq!(serde_json::from_str::<ManifestTexts>(&json).unwrap(), stored);
        assert!(!json.contains("aptfile"), "what an older release did not have is not written");
    }

    #[test]
    fn the_bundled_guestbook_is_well_described() {
        let manifests = Manifests::parse(&texts(
            include_str!("../../examples/guestbook/Procfile"),
            include_str!("../../examples/guestbook/app.json"),
            include_str!("../../examples/guestbook/xii.toml"),
        ));
        let manifests = manifests.unwrap_or_else(|errors| panic!("{}", Failure::from(errors)));
        assert_eq!(manifests.first_formation().to_string(), "web=1 worker=1");
        assert_eq!(manifests.settings.health.as_deref(), Some("/healthz"));
    }
}
