//! Django's static files: collected in the build, for `/app` is read-only when it runs.

use super::super::draft::Draft;
use super::super::plan::{Stage, Step};
use super::super::tree::Tree;
use super::locked::Locked;

/// Heroku's name for the switch, in `[build] env`.
const OFF: &str = "DISABLE_COLLECTSTATIC";

/// Older Djangos list the collected files in the order in which the disk gave them.
const SORTED: &str = "find /app -path /app/.venv -prune -o -name node_modules -prune -o -type f -name staticfiles.json -exec python -c 'import json, pathlib, sys\n\
for path in map(pathlib.Path, sys.argv[1:]): found = json.loads(path.read_text()); found[\"paths\"] = dict(sorted(found[\"paths\"].items())); path.write_text(json.dumps(found))' {} +";

/// `None`: no Django, no manage.py, or switched off.
pub fn collectstatic(draft: &Draft<'_>, locked: &Locked) -> Option<Stage> {
    let switch = draft.manifests.settings.build.env.get(OFF);
    if switch.is_some_and(|value| value != "0") {
        return None;
    }
    let installed = locked.names.contains("django") || locked.local;
    let manage = manage(draft.tree).filter(|_| installed)?;
    let mut sorted = Step::shell(SORTED);
    sorted.may_fail = true;
    let steps = vec![Step::shell(&script(manage)), sorted];
    Some(Stage { name: "collectstatic".to_string(), steps, layer: None })
}

/// The one nearest to the root.
fn manage(tree: &Tree) -> Option<&str> {
    let named = tree.deeper.iter().filter(|path| path.rsplit('/').next() == Some("manage.py"));
    named.min_by_key(|path| path.matches('/').count()).map(String::as_str)
}

/// Whether there is such a command is known only to Django: the app must use staticfiles.
fn script(manage: &str) -> String {
    let manage = quoted(manage);
    format!(
        "django() {{ PYTHONPATH=/app python {manage} \"$@\"; }}\n\
         said=$(django help collectstatic 2>&1) || case $said in\n\
         *\"Unknown command\"*) echo 'nothing to collect: django.contrib.staticfiles is not in INSTALLED_APPS'; exit 0;;\n\
         *\"No module named 'django'\"*) echo 'nothing to collect: Django is not installed'; exit 0;;\n\
         *) echo \"$said\"; exit 1;;\n\
         esac\n\
         django collectstatic --noinput"
    )
}

fn quoted(path: &str) -> String {
    let plain = path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b));
    match plain {
        true => path.to_string(),
        false => format!("'./{}'", path.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manage_py_nearest_to_the_root_is_taken() {
        let tree = |paths: &[&str]| Tree {
            deeper: paths.iter().map(|path| path.to_string()).collect(),
            ..Tree::default()
        };
        for (paths, expected) in [
            (vec!["a/b/manage.py", "web/manage.py", "web/wsgi.py"], Some("web/manage.py")),
            (vec!["manage.py", "a/manage.py"], Some("manage.py")),
            (vec!["a/wsgi.py", "bin/post_compile"], None),
        ] {
            assert_eq!(manage(&tree(&paths)), expected, "{paths:?}");
        }
    }

    #[test]
    fn an_odd_folder_is_one_word_of_the_shell() {
        assert_eq!(quoted("web/manage.py"), "web/manage.py");
        assert_eq!(quoted("my app's/manage.py"), r"'./my app'\''s/manage.py'");
    }
}
