//! Whole plans of Node.js apps.

use crate::app::{Digest, Failure, ManifestTexts, Manifests, ProcessType};
use crate::build::{Kind, Origin, Plan, Stop, Tool, ToolName, Toolchains, Tree, Wish, plan};

fn tree(files: &[(&str, &str)]) -> Tree {
    let names = files.iter().map(|(name, _)| name.split('/').next().unwrap().to_string());
    let texts = files.iter().map(|(name, text)| (name.to_string(), text.to_string()));
    Tree { names: names.collect(), texts: texts.collect(), ..Tree::default() }
}

fn tool(name: ToolName, version: &str, origin: Origin) -> Tool {
    Tool { name, version: version.parse().unwrap(), origin }
}

fn fetched(name: ToolName, version: &str) -> Tool {
    tool(name, version, Origin::Registry { digest: Digest::of(b"x"), made_with: None })
}

fn of_stack(version: &str) -> Tool {
    tool(ToolName::Node, version, Origin::Stack { exe: "/usr/bin/node".into() })
}

fn available() -> Vec<Tool> {
    vec![
        of_stack("20.20.2"),
        tool(ToolName::Python, "3.11.2", Origin::Stack { exe: "/usr/bin/python3.11".into() }),
        fetched(ToolName::Node, "22.1.0"),
        fetched(ToolName::Pnpm, "8.15.9"),
        fetched(ToolName::Pnpm, "10.34.8"),
        fetched(ToolName::Yarn, "1.22.22"),
        fetched(ToolName::Yarn, "4.9.1"),
        fetched(ToolName::Yarn, "3.6.4"),
    ]
}

struct Case<'a> {
    files: Vec<(&'a str, &'a str)>,
    procfile: Option<&'a str>,
    xii_toml: Option<&'a str>,
    tools: Vec<Tool>,
}

impl<'a> Case<'a> {
    fn of(package: &'a str, lock: &'a str, text: &'a str) -> Self {
        let files = vec![("package.json", package), (lock, text)];
        Case { files, procfile: Some("web: node a.js"), xii_toml: None, tools: available() }
    }

    fn plan(&self) -> Result<Plan, Stop> {
        let texts = ManifestTexts {
            procfile: self.procfile.map(String::from),
            xii_toml: self.xii_toml.map(String::from),
            ..ManifestTexts::default()
        };
        let toolchains = Toolchains { tools: self.tools.clone(), ..Toolchains::default() };
        plan(&tree(&self.files), &Manifests::parse(&texts).unwrap(), &toolchains)
    }

    fn made(&self) -> Plan {
        self.plan().unwrap()
    }

    fn failed(&self) -> Failure {
        match self.plan().unwrap_err() {
            Stop::Failed(failure) => failure,
            other => panic!("{other:?}"),
        }
    }

    fn needs(&self) -> Wish {
        match self.plan().unwrap_err() {
            Stop::Needs(wish) => wish,
            other => panic!("{other:?}"),
        }
    }
}

fn steps(plan: &Plan) -> Vec<String> {
    let steps = plan.stages.iter().flat_map(|stage| &stage.steps);
    let own = steps.filter(|step| step.argv[0] != "sh" || step.argv[2].starts_with("make"));
    own.map(|step| step.argv.join(" ")).collect()
}

fn engines(node: &str) -> String {
    format!(r#"{{"engines": {{"node": "{node}"}}, "dependencies": {{"a": "1"}}}}"#)
}

const NPM: &str = "package-lock.json";
const PLAIN: &str = r#"{"dependencies": {"a": "1"}}"#;

#[test]
fn the_declared_version_decides_then_the_stack_then_what_was_fetched() {
    for (node, version) in [
        (">=18", "20.20.2"),
        ("20.x", "20.20.2"),
        ("22.x", "22.1.0"),
        ("^20 || ^22", "20.20.2"),
        ("22.1.0", "22.1.0"),
        ("v22.1.0", "22.1.0"),
        ("*", "20.20.2"),
    ] {
        let package = engines(node);
        let plan = Case::of(&package, NPM, "{}").made();
        assert_eq!(plan.tool(Some(ToolName::Node)).unwrap().version.to_string(), version, "{node}");
        let exact = node.trim_start_matches('v') == "22.1.0";
        assert_eq!(plan.warnings.is_empty(), exact, "{node}: {:?}", plan.warnings);
    }
    let plan = Case::of(PLAIN, NPM, "{}").made();
    assert_eq!(plan.title(), "Node.js 20.20.2");
    assert!(plan.warnings[0].contains("`\"engines\": { \"node\": \"20.20.2\" }` in package.json"));
}

#[test]
fn version_files_come_after_package_json() {
    for (file, text, version) in [
        (".nvmrc", "v22\n", "22.1.0"),
        (".nvmrc", "lts/jod", "22.1.0"),
        (".node-version", "# x\n22.1.0\n", "22.1.0"),
    ] {
        let mut case = Case::of(PLAIN, NPM, "{}");
        case.files.push((file, text));
        let plan = case.made();
        assert_eq!(plan.tool(Some(ToolName::Node)).unwrap().version.to_string(), version, "{text}");
        let package = engines("20.x");
        case.files[0].1 = &package;
        assert_eq!(case.made().title(), "Node.js 20.20.2");
    }
    let mut case = Case::of(PLAIN, NPM, "{}");
    case.files.push((".nvmrc", "\nnonsense here\n"));
    let failure = case.failed();
    assert_eq!(failure.exit_code(), 2);
    assert!(failure.message.contains(".nvmrc:2:1"), "{failure}");
}

#[test]
fn a_version_that_is_not_here_is_wished_for() {
    let package = engines("24.x");
    let wish = Case::of(&package, NPM, "{}").needs();
    assert_eq!(wish.to_string(), "Node.js 24.x (package.json: engines.node)");
    let mut case = Case::of(PLAIN, NPM, "{}");
    case.tools = vec![fetched(ToolName::Node, "22.1.0")];
    assert_eq!(case.needs().to_string(), "Node.js 24.x", "the default");
    let named = r#"{"packageManager": "pnpm@9.1.0+sha512.aa"}"#;
    let wish = Case::of(named, "pnpm-lock.yaml", "").needs();
    assert_eq!(wish.to_string(), "pnpm 9.1.0 (package.json: packageManager)");
    let npm = r#"{"engines": {"node": "20.x", "npm": "9.x"}}"#;
    assert_eq!(Case::of(npm, NPM, "{}").needs().to_string(), "npm 9.x (package.json: engines.npm)");
}

#[test]
fn each_manager_installs_what_its_lock_names_and_nothing_else() {
    for (lock, text, argv) in [
        (NPM, "{}", "npm ci --omit=dev"),
        ("npm-shrinkwrap.json", "{}", "npm ci --omit=dev"),
        ("pnpm-lock.yaml", "lockfileVersion: '9.0'", "pnpm install --frozen-lockfile --prod"),
        ("pnpm-lock.yaml", "lockfileVersion: '6.0'", "pnpm install --frozen-lockfile --prod"),
        (
            "yarn.lock",
            "# yarn lockfile v1",
            "yarn install --frozen-lockfile --ignore-engines --non-interactive --production=true",
        ),
    ] {
        assert_eq!(steps(&Case::of(PLAIN, lock, text).made()), [argv]);
    }
}

#[test]
fn with_a_build_script_what_development_needs_is_there_for_it_and_gone_after() {
    let package = r#"{"scripts": {"build": "vite build"}, "dependencies": {"a": "1"}}"#;
    let build = |program: &str| format!("env -u CI {program} run build");
    for (lock, text, program, install, prune) in [
        (NPM, "{}", "npm", "npm ci --include=dev", "npm prune --omit=dev --ignore-scripts"),
        (
            "pnpm-lock.yaml",
            "lockfileVersion: '9.0'",
            "pnpm",
            "pnpm install --frozen-lockfile --prod=false",
            "pnpm prune --prod --ignore-scripts",
        ),
        (
            "yarn.lock",
            "__metadata:\n  version: 8",
            "yarn",
            "yarn install --immutable",
            "yarn workspaces focus --all --production",
        ),
    ] {
        let plan = Case::of(package, lock, text).made();
        assert_eq!(steps(&plan), [install.to_string(), build(program), prune.to_string()]);
    }
    let plan = Case::of(package, "yarn.lock", "__metadata:\n  version: 6").made();
    assert_eq!(steps(&plan).len(), 2, "Yarn 3 cannot prune");
    assert!(plan.warnings.iter().any(|text| text.contains("it stays in the build")));
}

#[test]
fn herokus_scripts_run_in_herokus_order() {
    let package = r#"{"scripts": {"build": "x", "heroku-prebuild": "x", "heroku-postbuild": "x",
        "heroku-cleanup": "x"}, "dependencies": {"a": "1"}}"#;
    let plan = Case::of(package, NPM, "{}").made();
    assert_eq!(
        steps(&plan),
        [
            "env -u CI npm run heroku-prebuild",
            "npm ci --include=dev",
            "env -u CI npm run heroku-postbuild",
            "npm prune --omit=dev --ignore-scripts",
            "env -u CI npm run heroku-cleanup",
        ]
    );
}

#[test]
fn a_build_command_stands_in_place_of_the_build_script() {
    let package = r#"{"scripts": {"build": "x"}, "dependencies": {"a": "1"}}"#;
    let mut case = Case::of(package, NPM, "{}");
    case.xii_toml = Some("[build]\ncommand = \"make site\"\n");
    assert_eq!(
        steps(&case.made()),
        ["npm ci --include=dev", "sh -ec make site", "npm prune --omit=dev --ignore-scripts"]
    );
}

#[test]
fn the_start_command_is_herokus() {
    let web = |package: &str, lock: &str, files: &[&'static str]| {
        let mut case = Case::of(package, lock, "");
        case.procfile = None;
        case.files.extend(files.iter().map(|file| (*file, "")));
        case.plan().map(|plan| plan.commands[&ProcessType::web()].clone())
    };
    let start = r#"{"scripts": {"start": "node a.js"}}"#;
    assert_eq!(web(start, NPM, &["server.js"]).unwrap(), "npm start");
    assert_eq!(web(start, "pnpm-lock.yaml", &[]).unwrap(), "pnpm start");
    assert_eq!(web(start, "yarn.lock", &[]).unwrap(), "yarn start");
    assert_eq!(web("{}", NPM, &["server.js"]).unwrap(), "node server.js");
    let Stop::Failed(failure) = web("{}", NPM, &[]).unwrap_err() else { panic!() };
    assert!(failure.message.contains("no `start` script"), "{failure}");
}

#[test]
fn a_built_site_is_served_by_xii() {
    let package =
        r#"{"scripts": {"build": "next build", "start": "x"}, "dependencies": {"next": "1"}}"#;
    let mut case = Case::of(package, NPM, "{}");
    (case.procfile, case.xii_toml) = (None, Some("[build]\noutput = \"out\"\n"));
    let plan = case.made();
    assert_eq!(plan.commands[&ProcessType::web()], "/opt/xii/bin/xii static-server /app/out");
    let script = &plan.stages[1];
    assert!(script.steps[0].argv[2].contains("/cache/next"), "Next.js has a cache");
}

#[test]
fn what_is_installed_is_kept_while_only_the_lock_decides_it() {
    let key = |package: &str, lock: &str, more: &[(&str, &str)]| {
        let mut case = Case::of(package, NPM, lock);
        case.files.extend(more);
        let stages = case.made().stages;
        let install = stages.into_iter().find(|stage| stage.name.starts_with("dependencies"));
        install.unwrap().layer.map(|layer| layer.key)
    };
    let first = key(PLAIN, "{}", &[]);
    assert!(first.is_some());
    assert_eq!(key(PLAIN, "{}", &[("a.js", "1")]), first, "not the code");
    let described = r#"{"description": "new", "dependencies": {"a": "1"}}"#;
    assert_eq!(key(described, "{}", &[]), first, "not all of package.json");
    assert_ne!(key(PLAIN, "{ }", &[]), first);
    assert_ne!(key(PLAIN, "{}", &[(".npmrc", "x=y")]), first);
    assert_ne!(key(PLAIN, "{}", &[(".nvmrc", "22")]), first);
    for package in [
        r#"{"scripts": {"postinstall": "x"}, "dependencies": {"a": "1"}}"#,
        r#"{"workspaces": ["a"], "dependencies": {"a": "1"}}"#,
        r#"{"dependencies": {"a": "file:a"}}"#,
    ] {
        assert_eq!(key(package, "{}", &[]), None, "{package}");
    }
    assert_eq!(key(PLAIN, r#"{"x": "node_modules/@prisma/client"}"#, &[]), None);
    assert_eq!(key(PLAIN, "{}", &[("node_modules", "")]), None);
}

#[test]
fn the_environment_is_quiet_and_the_apps_own() {
    let plan = Case::of(&engines("22.1.0"), NPM, "{}").made();
    assert_eq!(plan.env["NODE_ENV"], "production");
    assert_eq!(plan.env["npm_package_config_node_gyp_nodedir"], "/opt/xii/node-22.1.0");
    assert!(plan.env["PATH"].contains("/opt/xii/node-22.1.0/bin"));
    assert_eq!(plan.run_env["npm_config_cache"], "/tmp/npm");
    let mut case = Case::of(PLAIN, NPM, "{}");
    case.xii_toml = Some("[build]\nenv = { NODE_ENV = \"test\", NPM_TOKEN = \"t\" }\n");
    case.files.push((".npmrc", "//r/:_authToken=${NPM_TOKEN}\n//q/:_authToken=${OTHER}\n"));
    let plan = case.made();
    assert_eq!(plan.env["NODE_ENV"], "test", "[build] env stands above");
    let about: Vec<_> = plan.warnings.iter().filter(|text| text.contains(".npmrc")).collect();
    assert_eq!(about.len(), 1, "{about:?}");
    assert!(about[0].contains("OTHER"));
}

#[test]
fn yarn_keeps_its_archives_in_the_app_unless_it_unpacks_them() {
    let global = |settings: Option<&'static str>| {
        let mut case = Case::of(PLAIN, "yarn.lock", "__metadata:\n  version: 8");
        case.files.extend(settings.map(|text| (".yarnrc.yml", text)));
        case.made().env["YARN_ENABLE_GLOBAL_CACHE"].clone()
    };
    assert_eq!(global(None), "false");
    assert_eq!(global(Some("nodeLinker: node-modules\n")), "true");
    assert_eq!(global(Some("nodeLinker: pnp\n")), "false");
    let mut case = Case::of(PLAIN, "yarn.lock", "__metadata:\n  version: 6");
    case.files.push((".yarnrc.yml", "yarnPath: .yarn/releases/yarn-3.6.4.cjs\n"));
    assert_eq!(case.made().tool(Some(ToolName::Yarn)).unwrap().version.to_string(), "3.6.4");
}

#[test]
fn a_python_app_with_a_locked_package_json_is_built_after_its_scripts() {
    let package = r#"{"scripts": {"build": "x"}, "devDependencies": {"a": "1"}}"#;
    let mut case = Case::of(package, NPM, "{}");
    case.files.push(("requirements.txt", ""));
    let plan = case.made();
    assert_eq!(plan.languages, [Kind::Node, Kind::Python]);
    assert_eq!(steps(&plan)[..2], ["npm ci --include=dev", "env -u CI npm run build"]);
}

#[test]
fn npm_of_another_version_comes_before_the_one_beside_node() {
    let package = r#"{"engines": {"node": "20.20.2", "npm": "9.x"}, "dependencies": {"a": "1"}}"#;
    let mut case = Case::of(package, NPM, "{}");
    case.tools.push(fetched(ToolName::Npm, "9.9.4"));
    let plan = case.made();
    assert!(plan.env["PATH"].contains("/opt/xii/npm-9.9.4/bin:/usr/bin"), "{}", plan.env["PATH"]);
    let fits = r#"{"engines": {"node": "22.1.0", "npm": ">=10"}, "dependencies": {"a": "1"}}"#;
    assert_eq!(Case::of(fits, NPM, "{}").made().tool(Some(ToolName::Npm)), None);
}
