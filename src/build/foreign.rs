//! What is clearly something else: said by name, with the way to build it all the same.

use super::tree::Tree;
use crate::app::Failure;

/// A name at the root (`*.` begins a file's ending) → what it is → an example command.
const SIGNS: [(&str, &str, &str); 13] = [
    ("deno.json", "Deno", "deno cache main.ts"),
    ("Gemfile", "Ruby", "bundle install --path vendor"),
    ("go.mod", "Go", "go build -o server ."),
    ("composer.json", "PHP", "composer install --no-dev"),
    ("index.php", "PHP", "true"),
    ("pom.xml", "Java with Maven", "mvn -B package"),
    ("build.gradle", "Java with Gradle", "./gradlew build"),
    ("build.gradle.kts", "Kotlin with Gradle", "./gradlew build"),
    ("*.csproj", ".NET", "dotnet publish -c Release"),
    ("*.sln", ".NET", "dotnet publish -c Release"),
    ("mix.exs", "Elixir", "mix deps.get && mix release"),
    ("project.clj", "Clojure", "lein uberjar"),
    ("build.sbt", "Scala", "sbt stage"),
];

/// The error for a checkout in a language that this version does not know.
pub fn recognise(tree: &Tree) -> Option<Failure> {
    let (sign, language, example) = SIGNS
        .into_iter()
        .find_map(|(sign, language, example)| Some((found(tree, sign)?, language, example)))?;
    let failure =
        Failure::app(format!("this looks like {language}, which xii cannot build by itself"))
            .why(format!("`{sign}` is there; known are Python, Node.js, Rust and static sites"));
    let by_command =
        format!("say in xii.toml how it is built:\n\n    [build]\n    command = {example:?}");
    Some(failure.next(by_command))
}

pub fn nothing_recognised(tree: &Tree, has_procfile: bool) -> Failure {
    let failure = Failure::app("xii does not recognise how to build this")
        .why("looked at the root for requirements.txt or a Python lock, package.json (Node.js), Cargo.toml (Rust), index.html without a Procfile (static site), and `[build] command` in xii.toml");
    if tree.names.iter().any(|name| name.ends_with(".py")) {
        return failure.next("for Python without dependencies, commit an empty requirements.txt");
    }
    if has_procfile {
        return failure.next("if there is nothing to build, say so in xii.toml:\n\n    [build]\n    command = \"true\"");
    }
    failure.next("write how it is built into xii.toml, `[build] command = \"…\"`, and what runs into a Procfile, or point `--subdir` at the app")
}

fn found<'a>(tree: &'a Tree, sign: &'a str) -> Option<&'a str> {
    match sign.strip_prefix('*') {
        Some(ending) => tree.names.iter().find(|name| name.ends_with(ending)).map(String::as_str),
        None => tree.has(sign).then_some(sign),
    }
}
