//! Which package manager an app is installed by: the one whose lock it has. Several locks,
//! or a declaration without one, are refused with the line that helps.

use super::super::tool::ToolName;
use super::super::tree::Tree;
use super::LIST;
use super::project::{self, PYPROJECT};
use crate::app::Failure;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manager {
    Pip,
    Uv,
    Poetry,
    Pipenv,
}

const LOCKED: [Manager; 3] = [Manager::Uv, Manager::Poetry, Manager::Pipenv];

impl Manager {
    /// The file that says what is installed.
    pub fn lock(self) -> &'static str {
        match self {
            Manager::Pip => LIST,
            Manager::Uv => "uv.lock",
            Manager::Poetry => "poetry.lock",
            Manager::Pipenv => "Pipfile.lock",
        }
    }

    /// `None`: it comes with Python.
    pub fn tool(self) -> Option<ToolName> {
        match self {
            Manager::Pip => None,
            Manager::Uv => Some(ToolName::Uv),
            Manager::Poetry => Some(ToolName::Poetry),
            Manager::Pipenv => Some(ToolName::Pipenv),
        }
    }

    fn declares(self) -> &'static str {
        match self {
            Manager::Pip => LIST,
            Manager::Uv | Manager::Poetry => PYPROJECT,
            Manager::Pipenv => "Pipfile",
        }
    }

    fn how_to_lock(self) -> &'static str {
        match self {
            Manager::Pip => "pip freeze > requirements.txt",
            Manager::Uv => "uv lock",
            Manager::Poetry => "poetry lock",
            Manager::Pipenv => "pipenv lock",
        }
    }
}

/// Whether something here is installed as Python packages are. A pyproject.toml that only
/// sets up a linter is no app, nor is one beside another language's manifest.
pub fn is_python(tree: &Tree) -> bool {
    if tree.has(LIST) || LOCKED.iter().any(|manager| tree.has(manager.lock())) {
        return true;
    }
    let other = tree.has("package.json") || tree.has("Cargo.toml");
    let declares = project::read(tree)
        .map_or(true, |found| found.project.is_some() || found.tool.poetry.is_some());
    !other && (tree.has("Pipfile") || tree.has("setup.py") || tree.has(PYPROJECT) && declares)
}

/// Only to be asked about what `is_python`.
pub fn of(tree: &Tree) -> Result<Manager, Failure> {
    let found: Vec<Manager> =
        LOCKED.into_iter().filter(|manager| tree.has(manager.lock())).collect();
    match found[..] {
        [one] if one == Manager::Pipenv && tree.has(LIST) => Err(several(&[one, Manager::Pip])),
        [one] => declared(tree, one),
        [] if tree.has("Pipfile") => Err(unlocked(Manager::Pipenv)),
        [] if tree.has(LIST) => Ok(Manager::Pip),
        [] => Err(undeclared(tree)?),
        _ => Err(several(&found)),
    }
}

/// The list that lies beside a lock, and is not read: many export it for other tools.
pub fn unread(tree: &Tree, manager: Manager) -> Option<String> {
    let beside = manager != Manager::Pip && tree.has(LIST);
    beside.then(|| format!("{LIST} is not read: {} decides", manager.lock()))
}

fn declared(tree: &Tree, manager: Manager) -> Result<Manager, Failure> {
    let needed = manager.declares();
    if tree.has(needed) {
        return Ok(manager);
    }
    Err(Failure::app(format!("{} is there, but {needed} is not", manager.lock()))
        .why("the lock was made from it, and is checked against it")
        .next(format!("commit {needed}")))
}

fn several(found: &[Manager]) -> Failure {
    let names: Vec<&str> = found.iter().map(|manager| manager.lock()).collect();
    let keep = names[0];
    let others = names[1..].join(" ");
    Failure::app(format!("several files say what to install: {}", names.join(", ")))
        .why("xii does not guess which of them is the right one")
        .next(format!("keep one; for {keep}: `git rm {others}`"))
}

fn unlocked(manager: Manager) -> Failure {
    Failure::app(format!("{} has no {}", manager.declares(), manager.lock()))
        .why("what is installed has to be the same for everyone, today and later")
        .next(format!("run `{}` and commit {}", manager.how_to_lock(), manager.lock()))
}

/// Neither a lock nor a list: what the project is declared with says who can make one.
fn undeclared(tree: &Tree) -> Result<Failure, Failure> {
    let project = project::read(tree)?;
    if project.tool.poetry.is_some() {
        return Ok(unlocked(Manager::Poetry));
    }
    if project.project.is_some() || project.tool.uv.is_some() {
        return Ok(unlocked(Manager::Uv));
    }
    Ok(Failure::app(format!("setup.py has no {LIST}"))
        .why("what is installed has to be the same for everyone, today and later")
        .next(format!(
            "run `pip install -e . && pip freeze --exclude-editable > {LIST}`, add the line `-e .`, and commit it"
        )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> Tree {
        Tree {
            names: files.iter().map(|(name, _)| name.to_string()).collect(),
            texts: files.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect(),
            ..Tree::default()
        }
    }

    const PROJECT: (&str, &str) = (PYPROJECT, "[project]\nname = \"a\"\n");

    #[test]
    fn the_lock_decides() {
        for (files, expected) in [
            (vec![(LIST, "")], Manager::Pip),
            (vec![(LIST, ""), PROJECT], Manager::Pip),
            (vec![("uv.lock", ""), PROJECT], Manager::Uv),
            (vec![("uv.lock", ""), PROJECT, (LIST, "")], Manager::Uv),
            (vec![("poetry.lock", ""), PROJECT, (LIST, "")], Manager::Poetry),
            (vec![("Pipfile.lock", "{}"), ("Pipfile", "")], Manager::Pipenv),
        ] {
            let tree = tree(&files);
            assert!(is_python(&tree), "{files:?}");
            assert_eq!(of(&tree).unwrap(), expected, "{files:?}");
            let warns = files.len() > 2;
            assert_eq!(unread(&tree, expected).is_some(), warns, "{files:?}");
        }
    }

    #[test]
    fn several_or_none_are_refused_with_the_line_that_helps() {
        let poetry = (PYPROJECT, "[tool.poetry]\nname = \"a\"\n");
        for (files, message, next) in [
            (vec![PROJECT], "pyproject.toml has no uv.lock", "`uv lock`"),
            (vec![poetry], "pyproject.toml has no poetry.lock", "`poetry lock`"),
            (vec![("Pipfile", "")], "Pipfile has no Pipfile.lock", "`pipenv lock`"),
            (vec![("Pipfile", ""), (LIST, "")], "Pipfile has no Pipfile.lock", "`pipenv lock`"),
            (vec![("setup.py", "")], "setup.py has no requirements.txt", "pip freeze"),
            (vec![("uv.lock", "")], "uv.lock is there, but pyproject.toml is not", "commit"),
            (
                vec![("Pipfile", ""), ("Pipfile.lock", "{}"), (LIST, "")],
                "several files say what to install: Pipfile.lock, requirements.txt",
                "`git rm requirements.txt`",
            ),
            (
                vec![PROJECT, ("uv.lock", ""), ("poetry.lock", "")],
                "several files say what to install: uv.lock, poetry.lock",
                "`git rm poetry.lock`",
            ),
        ] {
            let failure = of(&tree(&files)).unwrap_err();
            assert_eq!(failure.exit_code(), 3, "{files:?}");
            assert_eq!(failure.message, message);
            assert!(failure.next.as_ref().unwrap().contains(next), "{failure:?}");
        }
    }

    #[test]
    fn a_linters_pyproject_and_one_beside_another_language_are_no_python_app() {
        let linter = (PYPROJECT, "[tool.ruff]\nline-length = 100\n");
        assert!(!is_python(&tree(&[linter])));
        assert!(!is_python(&tree(&[PROJECT, ("Cargo.toml", "")])));
        assert!(!is_python(&tree(&[("Pipfile", ""), ("package.json", "{}")])));
        assert!(is_python(&tree(&[(LIST, ""), ("package.json", "{}")])));
        assert!(is_python(&tree(&[(PYPROJECT, "[broken")])), "to be shown as an error");
    }
}
