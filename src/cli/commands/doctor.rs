//! `xii doctor`

use crate::cli::ui::{BAD, DIM, GOOD, paint};
use crate::cli::{Invocation, Outcome};
use crate::server::api::{Doctor, DoctorCheck};

pub async fn run(to: &Invocation) -> Outcome {
    let doctor: Doctor = to.client()?.get("/v1/doctor").await?;
    to.ui.show(&doctor, |doctor| {
        let lines: Vec<_> = doctor.checks.iter().map(check).collect();
        lines.join("\n")
    });
    Ok(u8::from(doctor.checks.iter().any(|check| !check.ok)))
}

fn check(check: &DoctorCheck) -> String {
    let mark = if check.ok { paint(GOOD, "✓") } else { paint(BAD, "✗") };
    let line = format!("{mark} {:<22} {}", check.name, check.found);
    match &check.remedy {
        Some(remedy) if !check.ok => format!("{line}\n  {} {remedy}", paint(DIM, "next:")),
        _ => line,
    }
}
