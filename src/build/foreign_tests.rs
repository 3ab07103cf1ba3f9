use super::super::language;
use super::*;
use crate::app::{ManifestTexts, Manifests};

fn tree(names: &str) -> Tree {
    let names = names.split_whitespace().map(String::from);
    Tree { names: names.collect(), ..Tree::default() }
}

/// The language that is built, or the first words of the error.
fn of(names: &str, toml: &str) -> String {
    let texts = ManifestTexts { xii_toml: Some(toml.to_string()), ..ManifestTexts::default() };
    match language::of(&tree(names), &Manifests::parse(&texts).unwrap()) {
        Ok(kinds) => kinds.iter().map(|kind| kind.to_string()).collect::<Vec<_>>().join(", "),
        Err(failure) => {
            assert_eq!(failure.exit_code(), 3, "{failure:?}");
            assert!(failure.next.is_some(), "{failure:?}");
            let message = failure.message.strip_prefix("this looks like ");
            let language = message.and_then(|rest| rest.split_once(','));
            language.map_or(failure.message.clone(), |(language, _)| language.to_string())
        }
    }
}

#[test]
fn a_framework_of_another_language_is_not_taken_for_its_package_json() {
    for (names, expected) in [
        ("Gemfile Gemfile.lock Rakefile config config.ru package.json yarn.lock", "Ruby"),
        ("artisan composer.json composer.lock package.json package-lock.json public", "PHP"),
        ("mix.exs mix.lock assets package.json lib", "Elixir"),
        ("pom.xml mvnw package.json src", "Java with Maven"),
        ("build.gradle gradlew settings.gradle package.json", "Java with Gradle"),
        ("build.gradle.kts gradlew", "Kotlin with Gradle"),
        ("Shop.csproj Program.cs package.json", ".NET"),
        ("go.mod main.go package.json", "Go"),
        ("go.mod cmd internal requirements.txt", "Go"),
        ("deno.json deno.lock main.ts", "Deno"),
        ("bun.lock package.json index.ts", "Bun"),
        ("Package.swift Sources", "Swift"),
        ("shard.yml src", "Crystal"),
        ("build.sbt project", "Scala"),
        ("project.clj src", "Clojure"),
    ] {
        assert_eq!(of(names, ""), expected, "{names}");
    }
}

#[test]
fn a_stray_file_of_another_language_changes_nothing() {
    for (names, expected) in [
        ("package.json package-lock.json Gemfile", "Node.js"),
        ("package.json package-lock.json index.php", "Node.js"),
        ("package.json package-lock.json App.sln", "Node.js"),
        ("package.json package-lock.json composer.json", "Node.js"),
        ("package.json package-lock.json deno.json", "Node.js"),
        ("package.json package-lock.json bun.lockb", "Node.js"),
        ("package.json package-lock.json Dockerfile Makefile", "Node.js"),
        ("package.json yarn.lock build.gradle", "Node.js"),
        ("requirements.txt Gemfile go.mod Dockerfile", "Python"),
        ("requirements.txt Makefile CMakeLists.txt", "Python"),
        ("Cargo.toml Cargo.lock Dockerfile Makefile", "Rust"),
        ("index.html style.css Dockerfile", "static site"),
    ] {
        assert_eq!(of(names, ""), expected, "{names}");
    }
}

#[test]
fn alone_a_weak_sign_is_enough() {
    for (names, expected) in [
        ("Gemfile app.rb", "Ruby"),
        ("Gemfile _config.yml index.html", "Ruby"),
        ("index.php index.html", "PHP"),
        ("go.mod server.go", "Go"),
        ("App.sln src", ".NET"),
        ("shop.cabal app", "Haskell"),
        ("cpanfile app.pl", "Perl"),
        ("Dockerfile src", "an image made by a Dockerfile"),
        ("Makefile main.c", "C or C++"),
    ] {
        assert_eq!(of(names, ""), expected, "{names}");
    }
    assert_eq!(of("README.md docs", ""), "xii does not recognise how to build this");
}

#[test]
fn a_build_command_is_an_answer_to_all_of_them() {
    for names in ["go.mod main.go", "Dockerfile", "Gemfile config.ru"] {
        assert_eq!(of(names, "[build]\ncommand = \"make\"\n"), "[build] command", "{names}");
    }
}

#[test]
fn every_recipe_is_a_xii_toml_that_is_understood_and_a_procfile() {
    for (language, ..) in RECIPES {
        assert!(SIGNS.iter().any(|(.., of)| *of == language), "{language} has no sign");
        let advice = advice(language);
        let (before, after) = advice.split_once("and in a Procfile what runs:").unwrap();
        let toml: Vec<&str> = before.lines().filter(|line| line.starts_with("    ")).collect();
        let texts = ManifestTexts {
            xii_toml: Some(toml.join("\n")),
            procfile: Some(after.trim().to_string()),
            ..ManifestTexts::default()
        };
        let manifests = Manifests::parse(&texts).unwrap();
        assert!(manifests.settings.build.command.is_some(), "{language}");
    }
}
