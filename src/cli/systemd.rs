//! Where packaging has put the server under systemd, `xii up` asks systemd for it: a second one
//! beside the unit would stand in its way.

use super::settings::Settings;
use crate::app::Failure;
use crate::sandbox::process::run_tool;
use std::path::Path;

const UNIT: &str = "xii-server.service";
/// There only where systemd is the init.
const BOOTED: &str = "/run/systemd/system";

/// Starts the server by its unit and waits until it serves. False where there is no unit for it.
pub fn start(settings: &Settings, root: bool) -> Result<bool, Failure> {
    let is_the_systems = root && !settings.home_was_chosen && Path::new(BOOTED).is_dir();
    if !is_the_systems || !systemctl(&["is-enabled", "--quiet", UNIT]).is_ok_and(|end| end.0) {
        return Ok(false);
    }
    let failed = || Failure::platform(format!("systemd did not start {UNIT}"));
    match systemctl(&["start", UNIT]) {
        Ok((true, _)) => Ok(true),
        Ok((false, said)) => Err(failed().why(said).next(format!("journalctl -u {UNIT} says why"))),
        Err(error) => Err(failed().because(error)),
    }
}

fn systemctl(words: &[&str]) -> std::io::Result<(bool, String)> {
    let output = run_tool("systemctl", words, b"")?;
    Ok((output.status.success(), String::from_utf8_lossy(&output.stderr).trim().to_string()))
}
