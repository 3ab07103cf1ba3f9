//! The environment, read once. Everything below this file gets plain values, so that a
//! test can say what the environment was and nothing else can depend on it.

use super::args::AppChoice;
use crate::app::Failure;
use crate::build::stack::Archive;
use crate::server::{LogLevel, RequiredIsolation, ServerSettings};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// What the command line knows of the machine before it does anything.
pub struct Surroundings<'a> {
    pub variable: &'a dyn Fn(&str) -> Option<OsString>,
    pub root: bool,
    pub exe: PathBuf,
    pub folder: PathBuf,
}

/// `--home` and `--server`, which win over the environment.
#[derive(Debug, Default, Clone)]
pub struct Overrides {
    pub home: Option<PathBuf>,
    pub server: Option<PathBuf>,
}

/// A home and the place of its sockets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub home: PathBuf,
    pub run_base: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub place: Place,
    /// Somebody said which home is meant, so no other is looked at.
    pub home_was_chosen: bool,
    /// Homes whose servers are tried, in this order.
    pub places: Vec<Place>,
    /// The socket of a server, when it was named.
    pub server: Option<PathBuf>,
    pub app: Option<AppChoice>,
    /// A cgroup given to the server, from the root of the hierarchy.
    pub cgroup: Option<String>,
    /// Set by systemd.
    pub notify: Option<PathBuf>,
    pub http: SocketAddr,
    pub base_domain: String,
    pub isolation: RequiredIsolation,
    pub key_file: Option<PathBuf>,
    pub archive: Archive,
    pub log_level: LogLevel,
    pub path: String,
    pub exe: PathBuf,
    pub folder: PathBuf,
    /// `HOME` and the XDG folders as they were set: a server started from here gets them.
    pub folders: Vec<(String, String)>,
}

const FOLDERS: [&str; 3] = ["HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"];

impl Settings {
    /// Reads everything, then fails with all that is wrong.
    pub fn read(around: &Surroundings<'_>, overrides: &Overrides) -> Result<Settings, Failure> {
        let mut reader = Reader { around, wrong: Vec::new() };
        let (place, places) = reader.places();
        let chosen = overrides.home.clone().or_else(|| reader.path("XII_HOME"));
        let home_was_chosen = chosen.is_some();
        let place = match chosen {
            Some(home) => Place { home: absolute(&around.folder, &home), ..place },
            None => place,
        };
        let settings = Settings {
            places: if home_was_chosen { vec![place.clone()] } else { places },
            place,
            home_was_chosen,
            server: overrides.server.clone().or_else(|| reader.path("XII_SERVER")),
            app: reader.parsed("XII_APP", None, "APP or APP/DEPLOY"),
            cgroup: reader.cgroup(),
            notify: reader.path("NOTIFY_SOCKET"),
            http: reader
                .parsed("XII_HTTP", None, "an address and a port, such as 127.0.0.1:8080")
                .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080))),
            base_domain: reader.base_domain(),
            isolation: reader.isolation(),
            key_file: reader.path("XII_KEY_FILE").map(|file| absolute(&around.folder, &file)),
            archive: reader.text("XII_DEBIAN_MIRROR").map(Archive::Mirror).unwrap_or_default(),
            log_level: reader.log_level(),
            path: reader.text("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into()),
            exe: around.exe.clone(),
            folder: around.folder.clone(),
            folders: reader.folders(),
        };
        reader.finish(settings)
    }

    /// What a server started with these settings is told.
    pub fn for_server(&self, lone: bool) -> ServerSettings {
        ServerSettings {
            home: self.place.home.clone(),
            run_base: self.place.run_base.clone(),
            cgroup: self.cgroup.clone(),
            notify: self.notify.clone(),
            http: self.http,
            base_domain: self.base_domain.clone(),
            isolation: self.isolation,
            key_file: self.key_file.clone(),
            path: self.path.clone(),
            archive: self.archive.clone(),
            log_level: self.log_level,
            exe: self.exe.clone(),
            lone,
        }
    }
}

struct Reader<'a> {
    around: &'a Surroundings<'a>,
    wrong: Vec<String>,
}

impl Reader<'_> {
    /// An empty variable counts as unset.
    fn text(&self, name: &str) -> Option<String> {
        let value = (self.around.variable)(name)?;
        (!value.is_empty()).then(|| value.to_string_lossy().into_owned())
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        let value = (self.around.variable)(name)?;
        (!value.is_empty()).then(|| PathBuf::from(value))
    }

    fn folders(&self) -> Vec<(String, String)> {
        FOLDERS.iter().filter_map(|name| Some((name.to_string(), self.text(name)?))).collect()
    }

    fn parsed<T: std::str::FromStr>(
        &mut self,
        name: &str,
        default: Option<T>,
        expected: &str,
    ) -> Option<T> {
        let Some(text) = self.text(name) else { return default };
        let value = text.parse().ok();
        if value.is_none() {
            self.wrong.push(format!("{name} is {text:?}; expected {expected}"));
        }
        value
    }

    fn one_of<T: Copy>(&mut self, name: &str, words: &[(&str, T)], default: T) -> T {
        let Some(text) = self.text(name) else { return default };
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return *value;
        }
        let allowed: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        self.wrong.push(format!("{name} is {text:?}; expected {}", allowed.join(" or ")));
        default
    }

    fn cgroup(&mut self) -> Option<String> {
        let text = self.text("XII_CGROUP")?;
        let path = text.strip_prefix('/').unwrap_or_default();
        if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
            let expected = "a cgroup's path, such as /system.slice/xii-instances.service";
            self.wrong.push(format!("XII_CGROUP is {text:?}; expected {expected}"));
        }
        Some(text)
    }

    fn isolation(&mut self) -> RequiredIsolation {
        let words =
            [("full", RequiredIsolation::Full), ("best-effort", RequiredIsolation::BestEffort)];
        let default =
            if self.around.root { RequiredIsolation::Full } else { RequiredIsolation::BestEffort };
        self.one_of("XII_ISOLATION", &words, default)
    }

    fn log_level(&mut self) -> LogLevel {
        let levels = [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug];
        let words = levels.map(|level| (level.word(), level));
        self.one_of("XII_LOG", &words, LogLevel::Info)
    }

    fn base_domain(&mut self) -> String {
        let Some(text) = self.text("XII_BASE_DOMAIN") else { return "localhost".into() };
        let label_is_fine = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if !text.split('.').all(label_is_fine) {
            let expected = "a domain in lower case, such as apps.example.org";
            self.wrong.push(format!("XII_BASE_DOMAIN is {text:?}; expected {expected}"));
        }
        text
    }

    /// The default place, and all places where a server may be found.
    fn places(&mut self) -> (Place, Vec<Place>) {
        let system =
            Place { home: PathBuf::from("/var/lib/xii"), run_base: PathBuf::from("/run/xii") };
        match (self.around.root, self.user_place()) {
            (true, Some(user)) => (system.clone(), vec![system, user]),
            (true, None) => (system.clone(), vec![system]),
            (false, Some(user)) => (user.clone(), vec![system, user]),
            (false, None) => {
                let expected = "the folder of the user, or XDG_DATA_HOME and XDG_RUNTIME_DIR";
                self.wrong.push(format!("HOME is not set; expected {expected}"));
                (system.clone(), vec![system])
            }
        }
    }

    fn user_place(&self) -> Option<Place> {
        let home = self.path("HOME");
        let below_home = |path: &str| home.as_ref().map(|home| home.join(path));
        let data = self.path("XDG_DATA_HOME").or_else(|| below_home(".local/share"))?;
        let run_base = match self.path("XDG_RUNTIME_DIR") {
            Some(dir) => dir.join("xii"),
            None => below_home(".local/state/xii/run")?,
        };
        Some(Place { home: data.join("xii"), run_base })
    }

    fn finish(self, settings: Settings) -> Result<Settings, Failure> {
        if self.wrong.is_empty() {
            return Ok(settings);
        }
        let failure = Failure::usage("the environment has settings that cannot be used");
        Err(self.wrong.into_iter().fold(failure, Failure::why))
    }
}

fn absolute(folder: &Path, path: &Path) -> PathBuf {
    folder.join(path).components().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(root: bool, variables: &[(&str, &str)]) -> Result<Settings, Failure> {
        let variable = |name: &str| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
        };
        let around = Surroundings {
            variable: &variable,
            root,
            exe: PathBuf::from("/usr/bin/xii"),
            folder: PathBuf::from("/src/shop"),
        };
        Settings::read(&around, &Overrides::default())
    }

    #[test]
    fn root_lives_in_the_system_folders_and_asks_for_full_isolation() {
        let settings = read(true, &[]).unwrap();
        assert_eq!(settings.place.home, Path::new("/var/lib/xii"));
        assert_eq!(settings.place.run_base, Path::new("/run/xii"));
        assert_eq!(settings.isolation, RequiredIsolation::Full);
        assert_eq!(settings.http.to_string(), "127.0.0.1:8080");
        assert_eq!(settings.base_domain, "localhost");
    }

    #[test]
    fn a_user_lives_in_the_xdg_folders_and_takes_what_there_is() {
        let settings =
            read(false, &[("HOME", "/home/ann"), ("XDG_RUNTIME_DIR", "/run/user/7")]).unwrap();
        assert_eq!(settings.place.home, Path::new("/home/ann/.local/share/xii"));
        assert_eq!(settings.place.run_base, Path::new("/run/user/7/xii"));
        assert_eq!(settings.isolation, RequiredIsolation::BestEffort);
        let homes: Vec<_> = settings.places.iter().map(|place| place.home.as_path()).collect();
        assert_eq!(
            homes,
            [Path::new("/var/lib/xii"), Path::new("/home/ann/.local/share/xii")],
            "the system's server is tried first, then the user's"
        );
    }

    #[test]
    fn a_chosen_home_is_the_only_one_looked_at() {
        let settings = read(true, &[("XII_HOME", "demo")]).unwrap();
        assert_eq!(settings.place.home, Path::new("/src/shop/demo"));
        assert_eq!(settings.places, std::slice::from_ref(&settings.place));
    }

    #[test]
    fn all_bad_settings_are_named_at_once_with_what_was_expected() {
        let bad = [
            ("XII_HTTP", "8080"),
            ("XII_ISOLATION", "maximum"),
            ("XII_LOG", "loud"),
            ("XII_APP", "My App"),
            ("XII_BASE_DOMAIN", "-"),
            ("XII_CGROUP", "/a/../b"),
        ];
        let failure = read(true, &bad).unwrap_err();
        assert_eq!(failure.exit_code(), 2);
        assert_eq!(
            failure.causes,
            [
                "XII_APP is \"My App\"; expected APP or APP/DEPLOY",
                "XII_CGROUP is \"/a/../b\"; expected a cgroup's path, such as /system.slice/xii-instances.service",
                "XII_HTTP is \"8080\"; expected an address and a port, such as 127.0.0.1:8080",
                "XII_BASE_DOMAIN is \"-\"; expected a domain in lower case, such as apps.example.org",
                "XII_ISOLATION is \"maximum\"; expected full or best-effort",
                "XII_LOG is \"loud\"; expected error or warn or info or debug",
            ]
        );
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        assert_eq!(read(true, &[("XII_HTTP", ""), ("XII_HOME", "")]), read(true, &[]));
    }
}
