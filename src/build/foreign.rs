//! What is something else: said by name, with the way to build it all the same.
//!
//! A file proves more or less. `artisan` beside composer.json is Laravel, whatever package.json
//! says; a `Gemfile` beside a locked package.json is a tool of a Node app; and a Dockerfile
//! says nothing where anything else does.

use super::tree::Tree;
use crate::app::Failure;

/// How sure a sign makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sure {
    /// Before any language that xii knows.
    Certainly,
    /// Where nothing but a static site is recognised.
    Probably,
    /// Where nothing is recognised.
    AtLast,
}

/// Names at the root that are all there (`*` begins an ending, `!` one that is not there) →
/// how sure that makes → which language.
const SIGNS: [(&[&str], Sure, &str); 52] = [
    (&["Gemfile", "config.ru"], Sure::Certainly, RUBY),
    (&["Gemfile", "Rakefile", "config"], Sure::Certainly, RUBY),
    (&["Gemfile"], Sure::Probably, RUBY),
    (&["config.ru"], Sure::Probably, RUBY),
    (&["*.gemspec"], Sure::Probably, RUBY),
    (&["composer.json", "artisan"], Sure::Certainly, PHP),
    (&["composer.json", "composer.lock"], Sure::Certainly, PHP),
    (&["wp-load.php"], Sure::Certainly, PHP),
    (&["composer.json"], Sure::Probably, PHP),
    (&["index.php"], Sure::Probably, PHP),
    (&["go.mod", "main.go"], Sure::Certainly, GO),
    (&["go.mod", "cmd"], Sure::Certainly, GO),
    (&["go.mod", "vendor"], Sure::Certainly, GO),
    (&["go.mod"], Sure::Probably, GO),
    (&["pom.xml"], Sure::Certainly, MAVEN),
    (&["mvnw"], Sure::Probably, MAVEN),
    (&["build.gradle.kts", "gradlew"], Sure::Certainly, KOTLIN),
    (&["build.gradle.kts"], Sure::Probably, KOTLIN),
    (&["build.gradle", "gradlew"], Sure::Certainly, GRADLE),
    (&["build.gradle"], Sure::Probably, GRADLE),
    (&["build.sbt"], Sure::Certainly, SCALA),
    (&["project.clj"], Sure::Certainly, CLOJURE),
    (&["deps.edn"], Sure::Probably, CLOJURE),
    (&["*.csproj"], Sure::Certainly, DOTNET),
    (&["*.fsproj"], Sure::Certainly, DOTNET),
    (&["global.json", "*.sln"], Sure::Certainly, DOTNET),
    (&["*.sln"], Sure::Probably, DOTNET),
    (&["mix.exs"], Sure::Certainly, ELIXIR),
    (&["rebar.config"], Sure::Certainly, ERLANG),
    (&["gleam.toml"], Sure::Certainly, "Gleam"),
    (&["deno.lock", "!package.json"], Sure::Certainly, DENO),
    (&["deno.json", "!package.json"], Sure::Certainly, DENO),
    (&["deno.jsonc", "!package.json"], Sure::Certainly, DENO),
    (&["deno.json"], Sure::Probably, DENO),
    (&["bun.lock", "!package-lock.json", "!yarn.lock", "!pnpm-lock.yaml"], Sure::Certainly, BUN),
    (&["bun.lockb", "!package-lock.json", "!yarn.lock", "!pnpm-lock.yaml"], Sure::Certainly, BUN),
    (&["Package.swift"], Sure::Certainly, SWIFT),
    (&["stack.yaml", "*.cabal"], Sure::Certainly, HASKELL),
    (&["stack.yaml", "package.yaml"], Sure::Certainly, HASKELL),
    (&["*.cabal"], Sure::Probably, HASKELL),
    (&["shard.yml"], Sure::Certainly, CRYSTAL),
    (&["pubspec.yaml"], Sure::Probably, "Dart"),
    (&["build.zig"], Sure::Probably, "Zig"),
    (&["dune-project"], Sure::Probably, "OCaml"),
    (&["*.nimble"], Sure::Probably, "Nim"),
    (&["cpanfile"], Sure::Probably, PERL),
    (&["Project.toml", "Manifest.toml"], Sure::Probably, "Julia"),
    (&["renv.lock"], Sure::Probably, "R"),
    (&["CMakeLists.txt"], Sure::AtLast, MAKE),
    (&["Makefile"], Sure::AtLast, MAKE),
    (&["Dockerfile"], Sure::AtLast, DOCKERFILE),
    (&["Containerfile"], Sure::AtLast, DOCKERFILE),
];

const RUBY: &str = "Ruby";
const PHP: &str = "PHP";
const GO: &str = "Go";
const MAVEN: &str = "Java with Maven";
const GRADLE: &str = "Java with Gradle";
const KOTLIN: &str = "Kotlin with Gradle";
const SCALA: &str = "Scala";
const CLOJURE: &str = "Clojure";
const DOTNET: &str = ".NET";
const ELIXIR: &str = "Elixir";
const ERLANG: &str = "Erlang";
const DENO: &str = "Deno";
const BUN: &str = "Bun";
const SWIFT: &str = "Swift";
const HASKELL: &str = "Haskell";
const CRYSTAL: &str = "Crystal";
const PERL: &str = "Perl";
const MAKE: &str = "C or C++";
const DOCKERFILE: &str = "an image made by a Dockerfile";

/// Language → Debian's packages → `[build] command` → the Procfile's `web`. What a build
/// fetches goes into `/cache`, which the next one finds.
const RECIPES: [(&str, &[&str], &str, &str); 15] = [
    (
        RUBY,
        &["ruby-full", "bundler", "build-essential"],
        "bundle config set --local path vendor/bundle && bundle config set --local deployment true && bundle install",
        "bundle exec puma -p $PORT",
    ),
    (
        PHP,
        &["php-cli", "php-mbstring", "php-xml", "composer"],
        "COMPOSER_HOME=/cache/composer composer install --no-dev --no-interaction --optimize-autoloader",
        "php -S 0.0.0.0:$PORT -t public",
    ),
    (
        GO,
        &["golang-go"],
        "GOMODCACHE=/cache/go/mod GOCACHE=/cache/go/build go build -modcacherw -o server .",
        "./server",
    ),
    (
        MAVEN,
        &["default-jdk-headless", "maven"],
        "mvn -B -DskipTests -Dmaven.repo.local=/cache/maven package",
        "java -jar target/*.jar",
    ),
    (
        GRADLE,
        &["default-jdk-headless"],
        "GRADLE_USER_HOME=/cache/gradle ./gradlew --no-daemon build -x test",
        "java -jar build/libs/*.jar",
    ),
    (
        KOTLIN,
        &["default-jdk-headless"],
        "GRADLE_USER_HOME=/cache/gradle ./gradlew --no-daemon build -x test",
        "java -jar build/libs/*.jar",
    ),
    (
        CLOJURE,
        &["default-jdk-headless", "leiningen"],
        "LEIN_HOME=/cache/lein lein uberjar",
        "java -jar target/uberjar/*-standalone.jar",
    ),
    (
        ELIXIR,
        &["elixir", "erlang-dev", "erlang-xmerl", "build-essential", "git"],
        "export MIX_ENV=prod MIX_HOME=/cache/mix HEX_HOME=/cache/hex && mix local.hex --force && mix local.rebar --force && mix deps.get --only prod && mix release",
        "_build/prod/rel/NAME/bin/NAME start",
    ),
    (
        ERLANG,
        &["erlang-base", "erlang-dev", "rebar3"],
        "REBAR_CACHE_DIR=/cache/rebar3 rebar3 as prod release",
        "_build/prod/rel/NAME/bin/NAME foreground",
    ),
    (
        HASKELL,
        &["ghc", "cabal-install"],
        "CABAL_DIR=/cache/cabal cabal update && CABAL_DIR=/cache/cabal cabal install --installdir=bin --install-method=copy",
        "./bin/NAME",
    ),
    (CRYSTAL, &["crystal", "shards"], "shards build --production --release", "./bin/NAME"),
    (
        PERL,
        &["perl", "cpanminus", "build-essential"],
        "cpanm --notest -L local --installdeps .",
        "perl -Ilocal/lib/perl5 app.pl",
    ),
    (SWIFT, &["swiftlang", "libc6-dev"], "swift build -c release", "./.build/release/NAME"),
    (MAKE, &["build-essential", "cmake"], "make", "./NAME"),
    (
        SCALA,
        &["default-jdk-headless"],
        "./sbt -Dsbt.ivy.home=/cache/ivy stage",
        "target/universal/stage/bin/NAME",
    ),
];

/// The error for a checkout in a language that this version does not know.
pub fn recognise(tree: &Tree, sure: Sure) -> Option<Failure> {
    let (signs, _, language) = SIGNS
        .into_iter()
        .find(|(signs, how_sure, _)| *how_sure == sure && signs.iter().all(|s| holds(tree, s)))?;
    let seen: Vec<&str> = signs.iter().filter_map(|sign| found(tree, sign)).collect();
    let failure = Failure::app(format!(
        "this looks like {language}, which xii cannot build by itself"
    ))
    .why(format!("there is {}; known are Python, Node.js, Rust and static sites", list(&seen)));
    Some(failure.next(advice(language)))
}

fn advice(language: &str) -> String {
    if language == DOCKERFILE {
        return "xii reads no Dockerfile: say in xii.toml what it does, as `[build] command` and `[stack] packages`, and what it starts in a Procfile".to_string();
    }
    let Some((_, packages, command, web)) = RECIPES.iter().find(|(name, ..)| *name == language)
    else {
        return "Debian has no package of it: let a script of yours fetch the tool into /cache and call it, and say so in xii.toml:\n\n    [build]\n    command = \"./build.sh\"\n\nand in a Procfile what runs".to_string();
    };
    let packages = packages.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
    let stack = if language == SWIFT { "debian-13" } else { "debian-12" };
    format!(
        "say in xii.toml how it is built:\n\n    [stack]\n    name = \"{stack}\"\n    packages = [{packages}]\n\n    [build]\n    command = {command:?}\n\nand in a Procfile what runs:\n\n    web: {web}"
    )
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ")
}

pub fn nothing_recognised(tree: &Tree, has_procfile: bool) -> Failure {
    if let Some(failure) = recognise(tree, Sure::AtLast) {
        return failure;
    }
    let failure = Failure::app("xii does not recognise how to build this")
        .why("at the root there is no requirements.txt or Python lock, no package.json (Node.js), no Cargo.toml (Rust), no index.html without a Procfile (static site), and no `[build] command` in xii.toml");
    if tree.names.iter().any(|name| name.ends_with(".py")) {
        return failure.next("for Python without dependencies, commit an empty requirements.txt");
    }
    if has_procfile {
        return failure.next("if there is nothing to build, say so in xii.toml:\n\n    [build]\n    command = \"true\"");
    }
    failure.next("write how it is built into xii.toml, `[build] command = \"…\"`, and what runs into a Procfile, or point `--subdir` at the app")
}

fn holds(tree: &Tree, sign: &str) -> bool {
    match sign.strip_prefix('!') {
        Some(absent) => found(tree, absent).is_none(),
        None => found(tree, sign).is_some(),
    }
}

fn found<'a>(tree: &'a Tree, sign: &'a str) -> Option<&'a str> {
    match sign.strip_prefix('*') {
        Some(ending) => tree.names.iter().find(|name| name.ends_with(ending)).map(String::as_str),
        None => tree.names.get(sign).map(String::as_str),
    }
}

#[cfg(test)]
#[path = "foreign_tests.rs"]
mod tests;
