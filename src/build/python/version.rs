//! Which Python: declared, or the stack's own. What is asked for is read first, and what is
//! taken is chosen from plain data.

use super::super::below::Below;
use super::super::draft::{Draft, Stop};
use super::super::stack::Suite;
use super::super::tool::{Tool, ToolName};
use super::super::toolchain::Toolchains;
use super::super::tree::Tree;
use super::super::version::{Version, Wanted};
use super::package_manager::{self, Manager};
use super::project::{self, PYPROJECT};
use super::range::Range;
use crate::app::{Diagnostic, Diagnostics, Failure, SourceFile};

/// What is asked for, and the file that asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    asks: Asks,
    file: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Asks {
    Version(Wanted),
    /// `>=3.12`, as it is written there.
    Range(Range, String),
}

impl Declared {
    pub fn accepts(&self, version: Version) -> bool {
        match &self.asks {
            Asks::Version(wanted) => wanted.accepts(version),
            Asks::Range(range, _) => range.accepts(version),
        }
    }

    /// Whether the next Python to come out could be taken instead.
    fn is_loose(&self, taken: Version) -> bool {
        let next = Version { minor: taken.minor + 1, patch: 0, ..taken };
        self.accepts(next)
    }
}

/// The Pythons that Debian releases come with, the usual one first.
const OF_DEBIAN: [u32; 3] = [13, 14, 11];

/// What the tree declares; of a range, a version that a stack could be chosen for.
pub fn wanted(tree: &Tree) -> Result<Option<Wanted>, Failure> {
    let wanted = |declared: Declared| match declared.asks {
        Asks::Version(wanted) => Some(wanted),
        Asks::Range(range, _) => {
            let fits = |minor: &u32| range.accepts(Version { major: 3, minor: *minor, patch: 0 });
            let minor = OF_DEBIAN.into_iter().find(fits);
            minor.map(|minor| Wanted { major: 3, minor: Some(minor), patch: None })
        }
    };
    Ok(declared(tree, package_manager::of(tree)?)?.and_then(wanted))
}

/// Whether this machine has one that fits.
pub fn is_here(tree: &Tree, available: &Toolchains) -> Result<bool, Failure> {
    let declared = declared(tree, package_manager::of(tree)?)?;
    Ok(best(available, declared.as_ref()).is_some())
}

pub fn choose(draft: &mut Draft<'_>, manager: Manager) -> Result<Tool, Stop> {
    let declared = declared(draft.tree, manager)?;
    let python = best(draft.available, declared.as_ref()).cloned();
    let python =
        python.ok_or_else(|| unavailable(declared.as_ref(), draft.available, &draft.plan.stack))?;
    let version = format!("{}.{}", python.version.major, python.version.minor);
    let keep = format!("`echo {version} > .python-version` keeps it");
    match &declared {
        None => draft.warn(format!("no Python version declared, taking {python}; {keep}")),
        Some(declared) if declared.is_loose(python.version) => {
            let asks = &declared.asks;
            draft
                .warn(format!("{} asks for Python {asks}, taking {python}; {keep}", declared.file));
        }
        Some(_) => {}
    }
    Ok(python)
}

/// The stack's own before the newest one of the server, among those that fit.
pub fn best<'a>(available: &'a Toolchains, declared: Option<&Declared>) -> Option<&'a Tool> {
    available.choose(ToolName::Python, |tool| {
        declared.is_none_or(|declared| declared.accepts(tool.version))
    })
}

/// `.python-version` before `runtime.txt` before what the package manager reads.
pub fn declared(tree: &Tree, manager: Manager) -> Result<Option<Declared>, Failure> {
    for name in [".python-version", "runtime.txt"] {
        if let Some(wanted) = of_file(tree, name)? {
            return Ok(Some(Declared { asks: Asks::Version(wanted), file: name }));
        }
    }
    match manager {
        Manager::Uv | Manager::Poetry => of_project(tree),
        Manager::Pipenv => of_pipfile(tree),
        Manager::Pip => Ok(None),
    }
}

/// The first line that is no comment: the others are for those who test on several.
fn of_file(tree: &Tree, name: &str) -> Result<Option<Wanted>, Failure> {
    let Some(text) = tree.text(name) else { return Ok(None) };
    let file = SourceFile::new(name, text);
    let mut lines = file.lines().map(|(start, line)| (start, line.trim_end()));
    let Some((start, line)) = lines.find(|(_, line)| !line.is_empty() && !line.starts_with('#'))
    else {
        return Ok(None);
    };
    let number = line.split('#').next().unwrap_or_default().trim();
    let problem = match number.parse::<Wanted>() {
        Ok(wanted) if wanted.major < 3 || wanted.minor.is_some_and(|minor| minor < 7) => {
            "Python before 3.7 is not built: its bytecode names times".to_string()
        }
        Ok(wanted) => return Ok(Some(wanted)),
        Err(problem) => problem,
    };
    let found = Diagnostic::new(start..start + line.len(), problem, "expected like 3.12 or 3.12.1");
    Err(Diagnostics { file: file.clone(), list: vec![found] }.into())
}

fn of_project(tree: &Tree) -> Result<Option<Declared>, Failure> {
    let Some((text, key)) = project::read(tree)?.python() else { return Ok(None) };
    let range =
        text.parse().map_err(|problem| Failure::usage(format!("{PYPROJECT}: {key}: {problem}")))?;
    Ok(Some(Declared { asks: Asks::Range(range, text), file: PYPROJECT }))
}

fn of_pipfile(tree: &Tree) -> Result<Option<Declared>, Failure> {
    let requires = project::pipfile(tree)?.requires;
    let Some(text) = requires.python_full_version.or(requires.python_version) else {
        return Ok(None);
    };
    let wanted =
        text.parse().map_err(|problem| Failure::usage(format!("Pipfile: [requires] {problem}")))?;
    Ok(Some(Declared { asks: Asks::Version(wanted), file: "Pipfile" }))
}

fn unavailable(declared: Option<&Declared>, available: &Toolchains, stack: &Below) -> Failure {
    let place = match stack {
        Below::Host(_) => "on this server".to_string(),
        Below::Debian { suite, .. } => format!("in {suite}"),
    };
    let failure = match declared {
        Some(Declared { asks, file }) => {
            Failure::app(format!("Python {asks}, which {file} asks for, is not {place}"))
        }
        None => Failure::app(format!("there is no usable Python {place}")),
    };
    let broken = available.unusable.iter();
    let failure = broken.fold(failure, |failure, (what, why)| {
        failure.why(format!("{what} cannot make a venv: {why}"))
    });
    let all: Vec<String> = available.of(ToolName::Python).map(Tool::to_string).collect();
    let suite = declared.and_then(suite_with);
    if all.is_empty() {
        return failure.next(match suite {
            Some(suite) => format!("apt install python3-venv, or {}", taking(suite)),
            None => "apt install python3-venv".to_string(),
        });
    }
    let failure = failure.why(format!("available: {}", all.join(", ")));
    let newest = available.of(ToolName::Python).map(|python| python.version).max();
    let (Some(version), file) = (newest, declared.map(|declared| declared.file)) else {
        return failure;
    };
    let minor = format!("{}.{}", version.major, version.minor);
    let line = match file {
        Some("runtime.txt") => format!("write `python-{version}` into runtime.txt"),
        Some("Pipfile") => {
            format!("write `python_version = \"{minor}\"` into Pipfile, and run `pipenv lock`")
        }
        Some(PYPROJECT) => {
            format!("write a requires-python that {version} fits into {PYPROJECT}, and lock again")
        }
        // Debian's moves on within its minor version.
        _ if stack.build_root().is_some() => format!("write `{minor}` into .python-version"),
        _ => format!("write `{version}` into .python-version"),
    };
    failure.next(match (stack, suite) {
        (Below::Host(_), Some(suite)) => {
            format!("{}, {line}, or install the version asked for on the server", taking(suite))
        }
        (Below::Host(_), None) => format!("{line}, or install the version asked for on the server"),
        (Below::Debian { .. }, Some(suite)) => format!("{}, or {line}", taking(suite)),
        (Below::Debian { .. }, None) => line,
    })
}

fn taking(suite: Suite) -> String {
    format!("write `stack = \"{suite}\"` into xii.toml, which has Python {}", suite.python())
}

/// A Debian whose own Python would do.
fn suite_with(declared: &Declared) -> Option<Suite> {
    let fits = |suite: &Suite| {
        format!("{}.0", suite.python()).parse().is_ok_and(|version| declared.accepts(version))
    };
    Suite::ALL.into_iter().find(fits)
}

impl std::fmt::Display for Asks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Asks::Version(wanted) => wanted.fmt(f),
            Asks::Range(_, text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::tool::Origin;
    use super::*;

    fn asked(files: &[(&str, &str)], manager: Manager) -> Result<Option<String>, Failure> {
        let texts = files.iter().map(|(name, text)| (name.to_string(), text.to_string()));
        let tree = Tree { texts: texts.collect(), ..Tree::default() };
        let declared = declared(&tree, manager)?;
        Ok(declared.map(|Declared { asks, file }| format!("{asks} by {file}")))
    }

    fn taken(files: &[(&str, &str)], manager: Manager) -> Option<String> {
        let texts = files.iter().map(|(name, text)| (name.to_string(), text.to_string()));
        let tree = Tree { texts: texts.collect(), ..Tree::default() };
        let stack = Origin::Stack { exe: "/usr/bin/python3.11".into() };
        let server = Origin::Server { prefix: "/srv".into(), stamp: "1".into() };
        let python = |version: &str, origin: &Origin| Tool {
            name: ToolName::Python,
            version: version.parse().unwrap(),
            origin: origin.clone(),
        };
        let tools =
            vec![python("3.11.2", &stack), python("3.12.1", &server), python("3.13.0", &server)];
        let available = Toolchains { tools, ..Toolchains::default() };
        let declared = declared(&tree, manager).unwrap();
        best(&available, declared.as_ref()).map(|tool| tool.version.to_string())
    }

    #[test]
    fn a_file_of_its_own_comes_before_what_the_package_manager_reads() {
        let project = (PYPROJECT, "[project]\nname = \"a\"\nrequires-python = \">=3.12\"\n");
        let poetry = (PYPROJECT, "[tool.poetry.dependencies]\npython = \"^3.13\"\n");
        let pipfile = ("Pipfile", "[requires]\npython_version = \"3.12\"\n");
        let full = ("Pipfile", "[requires]\npython_full_version = \"3.12.1\"\n");
        for (files, manager, expected, python) in [
            (vec![(".python-version", "3.12")], Manager::Pip, "3.12 by .python-version", "3.12.1"),
            (
                vec![(".python-version", "# mine\n\n3.12 # old\n3.13\n")],
                Manager::Pip,
                "3.12 by .python-version",
                "3.12.1",
            ),
            (
                vec![("runtime.txt", "python-3.13.0\n")],
                Manager::Pip,
                "3.13.0 by runtime.txt",
                "3.13.0",
            ),
            (
                vec![(".python-version", "3.13"), project],
                Manager::Uv,
                "3.13 by .python-version",
                "3.13.0",
            ),
            (vec![project], Manager::Uv, ">=3.12 by pyproject.toml", "3.13.0"),
            (vec![poetry], Manager::Poetry, "^3.13 by pyproject.toml", "3.13.0"),
            (vec![pipfile], Manager::Pipenv, "3.12 by Pipfile", "3.12.1"),
            (vec![full], Manager::Pipenv, "3.12.1 by Pipfile", "3.12.1"),
        ] {
            assert_eq!(asked(&files, manager).unwrap().as_deref(), Some(expected), "{files:?}");
            assert_eq!(taken(&files, manager).as_deref(), Some(python), "{files:?}");
        }
        assert_eq!(asked(&[project], Manager::Pip).unwrap(), None, "pip does not read it");
        assert_eq!(taken(&[], Manager::Uv).as_deref(), Some("3.11.2"), "the stack's own");
        assert_eq!(taken(&[(".python-version", "3.14")], Manager::Uv), None);
    }

    #[test]
    fn what_cannot_be_asked_for_is_shown_where_it_stands() {
        for (file, text, words) in [
            (".python-version", "pypy3.9", "is not a version"),
            (".python-version", "3.6", "before 3.7"),
            ("runtime.txt", "python-2.7.18", "before 3.7"),
            (PYPROJECT, "[project]\nrequires-python = \"soon\"", "requires-python"),
            (PYPROJECT, "[project", "cannot be read"),
        ] {
            let failure = asked(&[(file, text)], Manager::Uv).unwrap_err();
            assert_eq!(failure.exit_code(), 2, "{text}");
            assert!(failure.message.contains(words), "{}", failure.message);
            assert!(failure.message.contains(file), "{}", failure.message);
        }
    }

    #[test]
    fn on_debian_the_stack_that_has_it_is_named_and_the_server_is_not() {
        let digest = crate::app::Digest::of(b"root");
        let debian = Below::Debian { suite: Suite::Debian12, run: digest, build: digest };
        let origin = Origin::Stack { exe: "/usr/bin/python3.11".into() };
        let version = Version { major: 3, minor: 11, patch: 2 };
        let tools = vec![Tool { name: ToolName::Python, version, origin }];
        let available = Toolchains { tools, ..Toolchains::default() };
        let refused = |asks: &str, stack: &Below| {
            let asks = Asks::Version(asks.parse().unwrap());
            let declared = Declared { asks, file: ".python-version" };
            let failure = unavailable(Some(&declared), &available, stack);
            (failure.message, failure.next.unwrap_or_default())
        };
        let (message, next) = refused("3.13", &debian);
        assert_eq!(message, "Python 3.13, which .python-version asks for, is not in debian-12");
        let xii_toml = "write `stack = \"debian-13\"` into xii.toml, which has Python 3.13";
        assert_eq!(next, format!("{xii_toml}, or write `3.11` into .python-version"));
        assert_eq!(refused("3.12", &debian).1, "write `3.11` into .python-version");
        assert!(refused("3.13", &Below::default()).1.ends_with("on the server"));
    }
}
