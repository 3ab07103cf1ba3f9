//! Whether a checkout is the codebase that an app is bound to.

use super::Facts;
use serde::{Deserialize, Serialize};

/// What an app's first deploy binds it to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    pub roots: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subdir: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Same {
    Yes,
    /// The sentence says what differs.
    Different(String),
    /// A shallow clone does not know its root commits; only its folder could be compared.
    UnknownRoots,
}

impl Bound {
    pub fn to(facts: &Facts) -> Bound {
        Bound { roots: facts.roots.clone(), subdir: facts.subdir.clone() }
    }
}

/// One root in common is enough: a history that was joined with another keeps its own.
pub fn same(known: &Bound, new: &Facts) -> Same {
    if known.subdir != new.subdir {
        let folder = |subdir: &Option<String>| match subdir {
            Some(subdir) => format!("the folder {subdir}"),
            None => "the whole repository".to_string(),
        };
        let (known, new) = (folder(&known.subdir), folder(&new.subdir));
        return Same::Different(format!("the app is {known}, this is {new}"));
    }
    if known.roots.is_empty() || new.roots.is_empty() {
        return Same::UnknownRoots;
    }
    if known.roots.iter().any(|root| new.roots.contains(root)) {
        return Same::Yes;
    }
    let short = |roots: &[String]| roots[0].chars().take(12).collect::<String>();
    let (known, new) = (short(&known.roots), short(&new.roots));
    Same::Different(format!("the app's history begins at commit {known}, this one's at {new}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn facts(roots: &[&str], subdir: Option<&str>) -> Facts {
        Facts {
            commit: "c".into(),
            tree: "t".into(),
            roots: roots.iter().map(|root| root.to_string()).collect(),
            shallow: roots.is_empty(),
            subdir: subdir.map(str::to_string),
            branch: None,
            author: "A".into(),
            author_time: Timestamp::UNIX_EPOCH,
            commit_time: Timestamp::UNIX_EPOCH,
            subject: "s".into(),
            dirty: false,
            dirty_files: Vec::new(),
        }
    }

    fn against(known: (&[&str], Option<&str>), new: (&[&str], Option<&str>)) -> Same {
        same(&Bound::to(&facts(known.0, known.1)), &facts(new.0, new.1))
    }

    #[test]
    fn the_same_root_and_folder_is_the_same_codebase() {
        assert_eq!(against((&["a"], None), (&["a"], None)), Same::Yes);
        assert_eq!(against((&["a"], Some("web")), (&["a"], Some("web"))), Same::Yes);
    }

    #[test]
    fn a_history_that_was_joined_with_another_is_still_the_same() {
        assert_eq!(against((&["a"], None), (&["a", "b"], None)), Same::Yes);
        assert_eq!(against((&["a", "b"], None), (&["b"], None)), Same::Yes);
    }

    #[test]
    fn another_root_or_another_folder_is_another_codebase() {
        assert_eq!(
            against((&["a"], None), (&["b"], None)),
            Same::Different("the app's history begins at commit a, this one's at b".into())
        );
        assert_eq!(
            against((&["a"], Some("web")), (&["a"], None)),
            Same::Different("the app is the folder web, this is the whole repository".into())
        );
    }

    #[test]
    fn a_shallow_clone_is_neither_unless_its_folder_differs() {
        assert_eq!(against((&["a"], None), (&[], None)), Same::UnknownRoots);
        assert_eq!(against((&[], None), (&["a"], None)), Same::UnknownRoots);
        assert!(matches!(against((&["a"], Some("x")), (&[], None)), Same::Different(_)));
    }
}
