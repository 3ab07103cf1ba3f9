use super::super::fingerprint::Fingerprint;
use super::super::plan::{Layer, Step};
use super::super::tool::ToolName;
use super::*;

fn python(version: &str, stamp: &str) -> Tool {
    let origin = Origin::Server { prefix: "/srv/py".into(), stamp: stamp.into() };
    Tool { name: ToolName::Python, version: version.parse().unwrap(), origin }
}

fn stage(name: &str, layer: Option<(&str, bool, &[&str])>) -> Stage {
    let layer = layer.map(|(key, shared, inputs)| Layer {
        path: ".venv".into(),
        key: Digest::of(key.as_bytes()),
        shared,
        inputs: inputs.iter().map(|path| path.to_string()).collect(),
    });
    Stage { name: name.to_string(), steps: vec![Step::new(["pip", name])], layer }
}

fn host(packages: &str) -> Below {
    Below::Host(packages.parse::<Fingerprint>().unwrap())
}

const INPUTS: &[&str] = &["requirements.txt"];

/// A venv, dependencies with this key, bytecode.
fn plan(key: &str) -> Plan {
    let mut plan = Plan::begin(host("libc6 1"));
    plan.tools = vec![python("3.11.2", "1")];
    plan.stages = vec![
        stage("venv of Python", Some(("venv", true, &[]))),
        stage("dependencies: requirements.txt", Some((key, false, INPUTS))),
        stage("bytecode", None),
    ];
    plan
}

fn files(list: &[(&str, &str)]) -> Files {
    list.iter().map(|(path, text)| (path.to_string(), text.to_string())).collect()
}

const TREE: &[(&str, &str)] = &[("app.py", "1"), ("requirements.txt", "1")];

fn lines(new: &Plan, tree: &[(&str, &str)], kept: &[&str]) -> Vec<String> {
    let last = Last::new(plan("one"), files(TREE));
    let kept = kept.iter().map(|key| Digest::of(key.as_bytes())).collect();
    let facts = Facts { files: files(tree), kept, taken: None };
    explain(Some(&last), new, &facts).iter().map(Line::to_string).collect()
}

#[test]
fn a_first_build_and_one_that_is_taken_say_so() {
    let taken = Digest::of(b"x");
    let facts = Facts { taken: Some(taken), ..Facts::default() };
    let line = explain(None, &plan("one"), &facts)[0].to_string();
    assert_eq!(
        line,
        format!("kept  build: nothing changed: the build {} would be taken", taken.short())
    );
    let kept = BTreeSet::from([Digest::of(b"venv")]);
    let facts = Facts { kept, ..Facts::default() };
    let lines: Vec<_> = explain(None, &plan("one"), &facts).iter().map(Line::to_string).collect();
    assert_eq!(
        lines,
        [
            "kept  venv of Python: made once on this server",
            "runs  dependencies: requirements.txt: first build",
            "runs  bytecode: first build",
        ]
    );
}

#[test]
fn a_changed_file_of_the_app_leaves_its_dependencies() {
    let tree = [("app.py", "2"), ("requirements.txt", "1")];
    assert_eq!(
        lines(&plan("one"), &tree, &["venv", "one"]),
        [
            "kept  venv of Python: `dependencies: requirements.txt` holds it",
            "kept  dependencies: requirements.txt: requirements.txt did not change",
            "runs  bytecode: the tree changed: app.py",
        ]
    );
}

#[test]
fn a_changed_list_is_the_reason_by_its_name() {
    let tree = [("app.py", "1"), ("requirements.txt", "2")];
    let lines = lines(&plan("two"), &tree, &["venv", "one"]);
    assert_eq!(lines[1], "runs  dependencies: requirements.txt: requirements.txt changed");
    let gone = [("app.py", "1")];
    assert!(super::tests::lines(&plan("two"), &gone, &[])[1].ends_with("requirements.txt is gone"));
}

#[test]
fn another_tool_stack_or_variable_is_a_reason() {
    let mut new = plan("two");
    new.tools = vec![python("3.11.4", "1")];
    assert_eq!(
        lines(&new, TREE, &[])[1],
        "runs  dependencies: requirements.txt: Python 3.11.2 → 3.11.4"
    );
    new.tools = vec![python("3.11.2", "2")];
    assert!(lines(&new, TREE, &[])[1].ends_with("Python 3.11.2 was installed again"));
    let mut new = plan("two");
    new.stack = host("libc6 2");
    new.env.insert("EXTRA".into(), "1".into());
    assert!(lines(&new, TREE, &[])[1].ends_with("host libc6 1 → 2; the variable EXTRA changed"));
    let mut new = plan("two");
    new.stages[1].steps = vec![Step::new(["pip", "--require-hashes"])];
    assert!(lines(&new, TREE, &[])[1].ends_with("its commands changed"));
}

#[test]
fn another_stack_or_language_is_the_reason_for_everything() {
    let mut new = plan("two");
    let debian = |run: &str| Below::Debian {
        suite: super::super::stack::Suite::Debian12,
        run: Digest::of(run.as_bytes()),
        build: Digest::of(b"build"),
    };
    new.stack = debian("1");
    assert!(lines(&new, TREE, &[])[1].ends_with("the stack host → debian-12"));
    assert_eq!(stack(&debian("1"), &debian("2")), ["the stack debian-12 has other packages"]);
    new.languages = vec![crate::build::Kind::Command];
    assert!(lines(&new, TREE, &[])[2].ends_with("it was , and is [build] command"));
}

#[test]
fn a_layer_that_was_pruned_and_one_above_a_changed_step_say_so() {
    assert!(lines(&plan("one"), TREE, &[])[1].ends_with("what was kept of it is gone"));
    assert!(lines(&plan("two"), TREE, &[])[1].ends_with("a step before it changed"));
    assert!(lines(&plan("one"), TREE, &[])[2].ends_with("it runs in every build"));
}

#[test]
fn of_many_changed_files_a_few_are_named() {
    let many: Vec<(String, &str)> = (0..7).map(|n| (format!("a{n}"), "1")).collect();
    let mut tree: Vec<(&str, &str)> =
        many.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    tree.extend(TREE);
    assert!(
        lines(&plan("one"), &tree, &[])[2].ends_with("the tree changed: a0, a1, a2 … (7 files)")
    );
}

#[test]
fn a_phase_is_headed_by_its_reason() {
    let title = |stage: &str, why: &[&str]| {
        super::title(stage, &why.iter().map(|text| text.to_string()).collect::<Vec<_>>())
    };
    let stage = "dependencies: package-lock.json";
    assert_eq!(title(stage, &[]), stage);
    assert_eq!(title(stage, &["package-lock.json changed"]), format!("{stage} changed"));
    assert_eq!(
        title(stage, &["Node.js 20.1.0 → 22.0.0"]),
        format!("{stage} (Node.js 20.1.0 → 22.0.0)")
    );
}
