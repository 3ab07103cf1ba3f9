//! xii.toml: only what neither the Procfile nor app.json can say.
//!
//! The document is walked by hand rather than through serde, so that every error has a
//! span and one error does not hide the next. An unknown key is an error: a limit that is
//! spelled wrong must not be a limit that is not there.

mod build;
mod process;
mod stack;
mod value;

pub use build::BuildSettings;
pub use process::ProcessSettings;
pub use stack::STACKS;

use super::{AppName, Diagnostic, Diagnostics, ProcessType, SourceFile, parse_duration};
use std::collections::{BTreeMap, BTreeSet};
use toml::de::DeTable;
use value::{Key, Value};

/// What xii.toml says; the default is a missing file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    pub app: Option<AppName>,
    /// One of [`STACKS`].
    pub stack: Option<String>,
    /// System packages besides the stack's own; see `Manifests::packages` for all of them.
    pub stack_packages: Vec<String>,
    /// The path a web instance answers on when it is ready.
    pub health: Option<String>,
    /// How long a web instance may take to its first answer.
    pub boot_timeout_ms: Option<u64>,
    /// Folders of the app that are private memory while it runs, relative to it.
    pub scratch: Vec<String>,
    pub build: BuildSettings,
    pub process: BTreeMap<ProcessType, ProcessSettings>,
}

const KEYS: [&str; 7] = ["app", "stack", "health", "boot_timeout", "scratch", "build", "process"];

const LEAST_BOOT_TIMEOUT_MS: u64 = 1_000;
const MOST_BOOT_TIMEOUT_MS: u64 = 3_600_000;

/// Each is a mount of its own.
const MOST_SCRATCH: usize = 32;

/// `declared`: the Procfile's process types, where it could be read.
pub fn parse_settings(
    file: &SourceFile,
    declared: Option<&BTreeSet<ProcessType>>,
) -> Result<Settings, Diagnostics> {
    let (table, errors) = DeTable::parse_recoverable(file.text());
    let syntax = Syntax::of(file, &errors);
    let mut found = Vec::new();
    let mut settings = Settings::default();
    for (key, value) in table.get_ref() {
        top_level(&mut settings, key, value, declared, &mut found);
    }
    found.retain(|diagnostic| syntax.leaves(file, diagnostic));
    found.extend(syntax.first_of_line.into_values());
    Diagnostics::or(file, found, settings)
}

/// The first syntax error of each line, and where the parser lost its way: errors on
/// neighbouring lines are one open quote or bracket, and nothing after it can be believed.
struct Syntax {
    first_of_line: BTreeMap<usize, Diagnostic>,
    lost_from: usize,
}

impl Syntax {
    fn of(file: &SourceFile, errors: &[toml::de::Error]) -> Self {
        let mut errors: Vec<Diagnostic> = errors.iter().map(|e| syntax_error(file, e)).collect();
        errors.sort_by_key(|diagnostic| diagnostic.span.start);
        let mut syntax = Syntax { first_of_line: BTreeMap::new(), lost_from: usize::MAX };
        for diagnostic in errors {
            let line = file.line(diagnostic.span.start);
            if let Some(above) = syntax.first_of_line.get(&(line - 1)) {
                syntax.lost_from = above.span.start;
                break;
            }
            syntax.first_of_line.entry(line).or_insert(diagnostic);
        }
        syntax
    }

    /// Whether an error found in what the parser made of the text is worth showing.
    fn leaves(&self, file: &SourceFile, diagnostic: &Diagnostic) -> bool {
        let line = file.line(diagnostic.span.start);
        diagnostic.span.start < self.lost_from && !self.first_of_line.contains_key(&line)
    }
}

fn syntax_error(file: &SourceFile, error: &toml::de::Error) -> Diagnostic {
    let span = error.span().unwrap_or(file.text().len()..file.text().len());
    let message = error.message().lines().collect::<Vec<_>>().join(", ");
    Diagnostic::new(span, message, "here the file stops being TOML")
}

fn top_level(
    settings: &mut Settings,
    key: &Key<'_>,
    value: &Value<'_>,
    declared: Option<&BTreeSet<ProcessType>>,
    found: &mut Vec<Diagnostic>,
) {
    match key.get_ref().as_ref() {
        "app" => settings.app = value::parsed(value, "the app's name", str::parse, found),
        "stack" => (settings.stack, settings.stack_packages) = stack::parse(value, found),
        "health" => {
            settings.health = value::parsed(value, "a path like \"/healthz\"", health, found)
        }
        "boot_timeout" => {
            settings.boot_timeout_ms =
                value::parsed(value, "a duration like \"90s\"", boot_timeout, found)
        }
        "scratch" => settings.scratch = scratch(value, found),
        "build" => settings.build = build::parse(value, found),
        "process" => settings.process = process::parse(value, declared, found),
        _ => found.push(misplaced(key, value::unknown_key(key, "xii.toml", &KEYS))),
    }
}

/// Says where a key of another section, or of no file at all, belongs.
fn misplaced(key: &Key<'_>, diagnostic: Diagnostic) -> Diagnostic {
    let name = key.get_ref().as_ref();
    match name {
        _ if process::KEYS.contains(&name) => diagnostic
            .help(format!("limits belong to a process type: `[process.web]`, then `{name} = …`")),
        "packages" => diagnostic.help("`packages` belongs to `[stack]`"),
        "command" | "output" | "timeout" | "disk" => {
            diagnostic.help(format!("`{name}` belongs to `[build]`"))
        }
        "env" | "config" => diagnostic.help("config is set with `xii config set NAME=value`"),
        "web" | "worker" | "release" => diagnostic.help(format!("write `[process.{name}]`")),
        _ => diagnostic,
    }
}

fn health(text: &str) -> Result<String, String> {
    if !text.starts_with('/') {
        return Err("the health path does not start with `/`".to_string());
    }
    if text.len() > 1024 || !text.bytes().all(|b| b.is_ascii_graphic() && b != b'#') {
        return Err("the health path is not a plain URL path of at most 1024 bytes".to_string());
    }
    Ok(text.to_string())
}

fn boot_timeout(text: &str) -> Result<u64, String> {
    match parse_duration(text)? {
        time if (LEAST_BOOT_TIMEOUT_MS..=MOST_BOOT_TIMEOUT_MS).contains(&time) => Ok(time),
        _ => Err("the boot timeout is not between 1s and 1h".to_string()),
    }
}

fn scratch(value: &Value<'_>, found: &mut Vec<Diagnostic>) -> Vec<String> {
    let mut folders = Vec::new();
    let items = value::array(value, "a list of folders like [\"tmp\", \"log\"]", found);
    if items.len() > MOST_SCRATCH {
        let message = format!("{} folders of private memory", items.len());
        let label = format!("at most {MOST_SCRATCH} are made");
        found.push(Diagnostic::new(value.span(), message, label));
        return folders;
    }
    for item in items {
        let folder = value::parsed(item, "a folder like \"tmp\"", relative_path, found);
        match folder {
            Some(folder) if folders.contains(&folder) => {
                found.push(Diagnostic::new(item.span(), "the folder is listed twice", ""));
            }
            Some(folder) => folders.push(folder),
            None => {}
        }
    }
    folders
}

/// A path that stays below the app's folder, without `.`, `..` or empty parts.
fn relative_path(text: &str) -> Result<String, String> {
    if text.starts_with('/') {
        return Err("the path is absolute; expected one relative to the app".to_string());
    }
    let text = text.strip_suffix('/').unwrap_or(text);
    let odd = |part: &str| matches!(part, "" | "." | "..");
    if text.split('/').any(odd) {
        return Err("the path has an empty, `.` or `..` part".to_string());
    }
    if text.len() > 255 || text.chars().any(char::is_control) {
        return Err("the path is not plain text of at most 255 bytes".to_string());
    }
    Ok(text.to_string())
}

#[cfg(test)]
mod tests;
