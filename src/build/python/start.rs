//! The Procfile line that would start an app like this one: Python has no default of its
//! own, so what is missing is at least shown ready to be copied.

use super::super::tree::Tree;
use super::locked::{self, Locked};
use super::package_manager;

/// `web: gunicorn gettingstarted.wsgi`
pub fn example(tree: &Tree) -> String {
    let locked =
        package_manager::of(tree).map(|manager| locked::read(tree, manager)).unwrap_or_default();
    let web = django(tree, &locked).or_else(|| known(tree, &locked));
    format!("web: {}", web.unwrap_or_else(|| format!("python {}", main(tree))))
}

fn django(tree: &Tree, locked: &Locked) -> Option<String> {
    let module = |name: &str| {
        let of = tree.deeper.iter().find(|path| path.ends_with(&format!("/{name}.py")))?;
        let module = of.strip_suffix(".py")?;
        let (folder, module) = match module.matches('/').count() {
            1 => (None, module.to_string()),
            _ => module.split_once('/').map(|(folder, rest)| (Some(folder), rest.to_string()))?,
        };
        Some((folder.map(String::from), module.replace('/', ".")))
    };
    let has = |name: &str| locked.names.contains(name);
    if !has("django") && !tree.has("manage.py") {
        return None;
    }
    let (server, at, module) = match (has("gunicorn"), has("uvicorn"), has("daphne")) {
        (false, true, _) => ("uvicorn --host 0.0.0.0 --port $PORT", "--app-dir", module("asgi")?),
        (false, _, true) => {
            return Some(format!("daphne -b 0.0.0.0 -p $PORT {}:application", module("asgi")?.1));
        }
        _ => ("gunicorn", "--chdir", module("wsgi")?),
    };
    let ((folder, module), of) = (module, if server == "gunicorn" { "" } else { ":application" });
    let folder = folder.map(|folder| format!("{at} {folder} ")).unwrap_or_default();
    Some(format!("{server} {folder}{module}{of}"))
}

fn known(tree: &Tree, locked: &Locked) -> Option<String> {
    let has = |name: &str| locked.names.contains(name);
    let file = main(tree);
    let module = file.trim_end_matches(".py").to_string();
    if has("fastapi-cli") || has("fastapi") && !has("uvicorn") {
        return Some(format!("fastapi run {file} --port $PORT"));
    }
    let asgi = has("fastapi") || has("starlette") || has("quart") || has("litestar");
    if has("uvicorn") && (asgi || !has("gunicorn")) {
        return Some(format!("uvicorn {module}:app --host 0.0.0.0 --port $PORT"));
    }
    if has("gunicorn") {
        return Some(format!("gunicorn {module}:app"));
    }
    if has("waitress") {
        return Some(format!("waitress-serve --port=$PORT {module}:app"));
    }
    if has("streamlit") {
        return Some(format!("streamlit run {file} --server.port $PORT"));
    }
    has("flask").then(|| format!("flask --app {module} run --host 0.0.0.0 --port $PORT"))
}

/// The file that most likely is the app.
fn main(tree: &Tree) -> &str {
    let usual = ["app.py", "main.py", "wsgi.py", "asgi.py", "server.py", "application.py"];
    let modules = || tree.names.iter().filter(|name| name.ends_with(".py"));
    let only = || modules().find(|name| *name != "setup.py").map(String::as_str);
    usual.into_iter().find(|name| tree.has(name)).or_else(only).unwrap_or("app.py")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_follows_what_is_installed_and_where_it_lies() {
        for (list, files, expected) in [
            (
                "Django==5.0\ngunicorn==22",
                vec!["manage.py", "shop/wsgi.py", "shop/asgi.py"],
                "web: gunicorn shop.wsgi",
            ),
            (
                "Django==5.0\ngunicorn==22",
                vec!["web/manage.py", "web/shop/wsgi.py"],
                "web: gunicorn --chdir web shop.wsgi",
            ),
            (
                "Django==5.0\nuvicorn==0.3",
                vec!["manage.py", "shop/wsgi.py", "shop/asgi.py"],
                "web: uvicorn --host 0.0.0.0 --port $PORT shop.asgi:application",
            ),
            ("Django==5.0", vec!["manage.py", "shop/wsgi.py"], "web: gunicorn shop.wsgi"),
            (
                "fastapi==1\nuvicorn==1",
                vec!["main.py"],
                "web: uvicorn main:app --host 0.0.0.0 --port $PORT",
            ),
            ("fastapi[standard]==1", vec!["main.py"], "web: fastapi run main.py --port $PORT"),
            ("flask==3\ngunicorn==22", vec!["hello.py", "setup.py"], "web: gunicorn hello:app"),
            ("flask==3", vec!["app.py"], "web: flask --app app run --host 0.0.0.0 --port $PORT"),
            ("six==1", vec!["main.py"], "web: python main.py"),
            ("", vec![], "web: python app.py"),
        ] {
            let mut tree = Tree::default();
            tree.texts.insert("requirements.txt".into(), list.into());
            tree.names.insert("requirements.txt".into());
            for file in &files {
                tree.names.insert(file.split('/').next().unwrap().to_string());
                tree.deeper.insert(file.to_string());
            }
            assert_eq!(example(&tree), expected, "{list:?} {files:?}");
        }
    }
}
