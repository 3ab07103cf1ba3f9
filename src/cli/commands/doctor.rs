//! `xii doctor`

use crate::cli::ui::{BAD, DIM, GOOD, paint};
use crate::cli::{Invocation, Outcome};
use crate::sandbox;
use crate::server::api::{Doctor, DoctorCheck};
use crate::server::isolation_checks;

pub async fn run(to: &Invocation) -> Outcome {
    let doctor = match to.client() {
        Ok(client) => client.get("/v1/doctor").await?,
        Err(_) => without_server(to),
    };
    to.ui.show(&doctor, |doctor| {
        let lines: Vec<_> = doctor.checks.iter().map(check).collect();
        lines.join("\n")
    });
    Ok(u8::from(doctor.checks.iter().any(|check| !check.ok)))
}

/// The machine can be looked at before there is a server.
fn without_server(to: &Invocation) -> Doctor {
    let isolation = sandbox::probe(&to.settings.exe, to.settings.cgroup.as_deref());
    let mut checks = isolation_checks(&isolation);
    checks.push(DoctorCheck {
        name: "server".to_string(),
        ok: false,
        found: "not running".to_string(),
        remedy: Some("xii up".to_string()),
    });
    Doctor { checks }
}

fn check(check: &DoctorCheck) -> String {
    let mark = if check.ok { paint(GOOD, "✓") } else { paint(BAD, "✗") };
    let line = format!("{mark} {:<22} {}", check.name, check.found);
    match &check.remedy {
        Some(remedy) if !check.ok => format!("{line}\n  {} {remedy}", paint(DIM, "next:")),
        _ => line,
    }
}
