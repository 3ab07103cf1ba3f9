//! `xii build --plan`: how a checkout would be built, without building it.

use super::deploy::{SourceArgs, upload};
use crate::app::Failure;
use crate::cli::{Invocation, Outcome};
use crate::server::api::How;
use clap::Args;

#[derive(Debug, Args)]
pub struct BuildArgs {
    /// A commit, branch or tag [default: HEAD]
    revision: Option<String>,
    /// Show the plan (builds are made by `deploy`)
    #[arg(long)]
    plan: bool,
    #[command(flatten)]
    source: SourceArgs,
}

pub async fn run(args: &BuildArgs, to: &Invocation) -> Outcome {
    if !args.plan {
        return Err(Failure::usage("builds are made by `xii deploy`")
            .next("xii build --plan shows how it would be built"));
    }
    let client = to.client()?;
    let source = args.source.open(to, args.revision.as_deref())?;
    let plan: serde_json::Value = upload(&client, "/v1/build-plan", source, How::default()).await?;
    to.ui.show(&plan, |plan| outline(plan, 0));
    Ok(0)
}

/// JSON as an indented outline.
fn outline(value: &serde_json::Value, depth: usize) -> String {
    use serde_json::Value;
    let indent = "  ".repeat(depth);
    let entry = |name: &str, value: &Value| match value {
        Value::Object(_) | Value::Array(_) => {
            format!("{indent}{name}\n{}", outline(value, depth + 1))
        }
        Value::String(text) => format!("{indent}{name} {text}\n"),
        Value::Null => String::new(),
        other => format!("{indent}{name} {other}\n"),
    };
    match value {
        Value::Object(map) => map.iter().map(|(name, value)| entry(name, value)).collect(),
        Value::Array(list) => list.iter().map(|value| entry("-", value)).collect(),
        other => entry("", other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_an_outline() {
        let plan = serde_json::json!({"language": "python", "steps": [{"run": "pip install"}]});
        assert_eq!(outline(&plan, 0), "language python\nsteps\n  -\n    run pip install\n");
    }
}
