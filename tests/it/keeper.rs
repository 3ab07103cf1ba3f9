//! Keepers with real processes.

use crate::stage::{Stage, skip_without_root};

#[test]
fn an_exit_code_passes_through() {
    if skip_without_root("an_exit_code_passes_through") {
        return;
    }
    let (exit, log) = Stage::shell("id; ls /; ls /root; exit 7").run();
    eprintln!("{log}");
    assert_eq!(exit.code, Some(7), "{log}");
}
