//! `xii build --plan` and `--explain`: how a checkout would be built, and why which step would
//! run again, without building it; and what can be done with builds that are there.

use super::deploy::{SourceArgs, resolve, upload};
use super::export::{self, ExportArgs};
use crate::app::Failure;
use crate::build::Explanation;
use crate::cli::target::path;
use crate::cli::{Invocation, Outcome, change};
use crate::server::api::{Changed, How};
use clap::{Args, Subcommand};
use serde_json::Value;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct BuildArgs {
    #[command(subcommand)]
    command: Option<BuildCommand>,
    /// A commit, branch or tag [default: HEAD]
    revision: Option<String>,
    /// Show the plan (builds are made by `deploy`)
    #[arg(long)]
    plan: bool,
    /// Show which steps the next build would run again, and why
    #[arg(long, conflicts_with = "plan")]
    explain: bool,
    #[command(flatten)]
    source: SourceArgs,
}

#[derive(Debug, Subcommand)]
enum BuildCommand {
    /// Write a release's build as an OCI image layout, on its stack and without its config
    Export(ExportArgs),
    /// Build a commit that is built already again, with empty caches: is it the same?
    Verify(VerifyArgs),
}

#[derive(Debug, Args)]
struct VerifyArgs {
    /// A commit, branch or tag [default: HEAD]
    revision: Option<String>,
    #[command(flatten)]
    source: SourceArgs,
}

pub async fn run(args: &BuildArgs, to: &Invocation) -> Outcome {
    match &args.command {
        Some(BuildCommand::Export(args)) => return export::run(args, to).await,
        Some(BuildCommand::Verify(args)) => return verify(args, to).await,
        None => {}
    }
    if args.explain {
        return explain(args, to).await;
    }
    if !args.plan {
        return Err(Failure::usage("builds are made by `xii deploy`").next(
            "xii build --plan shows how it would be built, --explain why a step runs again",
        ));
    }
    let client = to.client()?;
    let source = args.source.open(to, args.revision.as_deref())?;
    let plan: Value = upload(&client, "/v1/build-plan", source, How::default()).await?;
    to.ui.show(&plan, |plan| outline(plan, 0));
    to.ui.say("--json shows the environment and the stack as well");
    Ok(0)
}

async fn explain(args: &BuildArgs, to: &Invocation) -> Outcome {
    let client = to.client()?;
    let source = args.source.open(to, args.revision.as_deref())?;
    let deploy = resolve(to, &client, &source).await?;
    let place = path(&deploy, "/build-explain");
    let lines: Vec<Explanation> = upload(&client, &place, source, How::default()).await?;
    to.ui.show(&lines, |lines| lines.iter().map(|line| format!("{line}\n")).collect());
    Ok(0)
}

async fn verify(args: &VerifyArgs, to: &Invocation) -> Outcome {
    let client = to.client()?;
    let source = args.source.open(to, args.revision.as_deref())?;
    let deploy = resolve(to, &client, &source).await?;
    let place = path(&deploy, "/build-verify");
    let changed: Changed = upload(&client, &place, source, How::default()).await?;
    change::finish(to, &client, &deploy, changed).await
}

/// Long and the same for every build.
const LEFT_OUT: [&str; 2] = ["env", "stack"];

/// JSON as an indented outline; what is empty is left out.
fn outline(value: &Value, depth: usize) -> String {
    match value {
        Value::Object(map) => {
            let shown = map.iter().filter(|(name, _)| !LEFT_OUT.contains(&name.as_str()));
            shown.map(|(name, value)| entry(name, value, depth)).collect()
        }
        Value::Array(list) => list.iter().map(|value| entry("-", value, depth)).collect(),
        other => entry("", other, depth),
    }
}

fn entry(name: &str, value: &Value, depth: usize) -> String {
    let indent = "  ".repeat(depth);
    match value {
        Value::Null | Value::Bool(false) => String::new(),
        Value::Bool(true) => format!("{indent}{name}\n"),
        Value::String(text) => format!("{indent}{name} {text}\n"),
        Value::Number(number) => format!("{indent}{name} {number}\n"),
        Value::Array(words) if name == "argv" => {
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            format!("{indent}{name} {}\n", words.join(" "))
        }
        nested => match outline(nested, depth + 1) {
            empty if empty.is_empty() => empty,
            lines => format!("{indent}{name}\n{lines}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_an_outline() {
        let plan = serde_json::json!({
            "language": "python",
            "env": {"CI": "1"},
            "steps": [{"argv": ["pip", "install"], "may_fail": false}],
            "warnings": [],
        });
        assert_eq!(outline(&plan, 0), "language python\nsteps\n  -\n    argv pip install\n");
    }
}
