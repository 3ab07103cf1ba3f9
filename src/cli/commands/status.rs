//! `xii status`: everything at a glance.

use super::apps::deploys_table;
use crate::cli::ui::{BAD, DIM, GOOD, paint};
use crate::cli::{Invocation, Outcome};
use crate::server::api::{DeployInfo, Doctor, Health};
use jiff::Timestamp;
use serde::Serialize;

#[derive(Serialize)]
struct Status {
    server: Health,
    deploys: Vec<DeployInfo>,
    doctor: Doctor,
}

pub async fn run(to: &Invocation) -> Outcome {
    let client = to.client()?;
    let status = Status {
        server: client.get("/v1/health").await?,
        deploys: client.get("/v1/deploys").await?,
        doctor: client.get("/v1/doctor").await?,
    };
    to.ui.show(&status, |status| text(status, Timestamp::now(), to.ui.width()));
    Ok(0)
}

fn text(status: &Status, now: Timestamp, width: Option<u16>) -> String {
    let server = &status.server;
    let line = |name: &str, text: &str| format!("  {} {text}\n", paint(DIM, &format!("{name:<9}")));
    let mut text =
        format!("{} xii {} is up, pid {}\n", paint(GOOD, "●"), server.version, server.pid);
    text += &line("http", &server.http);
    text += &line("isolation", &server.isolation);
    text += &line("home", &server.home);
    let wrong: Vec<_> = status.doctor.checks.iter().filter(|check| !check.ok).collect();
    for check in &wrong {
        text += &line("doctor", &format!("{} {}", paint(BAD, &check.name), check.found));
    }
    if status.deploys.is_empty() {
        text += "\nno apps yet; `xii deploy` in a checkout makes the first\n";
    } else {
        text += "\n";
        text += &deploys_table(&status.deploys, now, width);
    }
    text
}
