//! `xii ps`

use crate::cli::target::{path, target};
use crate::cli::ui::{BAD, BOLD, DIM, ago, bytes, paint, table};
use crate::cli::{Invocation, Outcome};
use crate::server::api::{InstanceStatus, Processes};
use jiff::Timestamp;

pub async fn run(to: &Invocation) -> Outcome {
    let client = to.client()?;
    let deploy = target(to, &client).await?;
    let processes: Processes = client.get(&path(&deploy, "/ps")).await?;
    to.ui.show(&processes, |processes| text(processes, Timestamp::now(), to.ui.width()));
    Ok(0)
}

pub fn text(processes: &Processes, now: Timestamp, width: Option<u16>) -> String {
    let mut text = format!(
        "{}  {}\n",
        paint(BOLD, &processes.deploy.to_string()),
        paint(DIM, &format!("isolation {}", processes.isolation)),
    );
    for (process_type, wanted) in &processes.formation {
        let command = processes.commands.get(process_type).map(String::as_str).unwrap_or_default();
        text += &format!("  {process_type} ×{wanted}  {}\n", paint(DIM, command));
    }
    for not in &processes.not_started {
        let wait = not.retry_at.duration_since(now).as_secs().max(0);
        text += &format!("\n{} is not started, next try in {wait}s: ", paint(BAD, &not.name));
        text += &format!("{}\n", not.failure);
        if let Some(next) = &not.failure.next {
            text += &format!("  {} {next}\n", paint(DIM, "next:"));
        }
    }
    if processes.instances.is_empty() {
        return text + "\nnothing runs\n";
    }
    let mut instances: Vec<&InstanceStatus> = processes.instances.iter().collect();
    instances.sort_by_key(|instance| place(instance));
    let rows = instances.into_iter().map(|instance| row(instance, now)).collect();
    let headings = ["INSTANCE", "STATE", "SINCE", "RELEASE", "RESTARTS", "MEMORY", "REQUESTS"];
    text + "\n" + &table(&headings, rows, width)
}

/// `web.2` before `web.10`, the older of two before the newer.
fn place(instance: &InstanceStatus) -> (String, u32, u64) {
    let (process_type, index) = instance.name.rsplit_once('.').unwrap_or((&instance.name, ""));
    (process_type.to_string(), index.parse().unwrap_or(0), instance.keeper)
}

fn row(instance: &InstanceStatus, now: Timestamp) -> Vec<String> {
    let state = match &instance.detail {
        Some(detail) => format!("{}, {detail}", instance.state),
        None => instance.state.clone(),
    };
    vec![
        instance.name.clone(),
        state,
        ago(instance.since, now),
        instance.release.to_string(),
        instance.restarts.to_string(),
        instance.memory_bytes.map(bytes).unwrap_or_default(),
        instance.in_flight.to_string(),
    ]
}
