//! Root asks for everything: a machine that lacks a piece is refused, with the piece named.

use crate::world::{Said, World};
use std::process::Command;

/// `xii up` where nft cannot be run: something else is mounted over it, for `up` alone.
fn up_without_nft(world: &World, isolation: &str) -> Option<Said> {
    let nft = ["/usr/sbin/nft", "/sbin/nft"].into_iter().find(|p| std::path::Path::new(p).exists());
    let script = format!("mount --bind /dev/null {} || exit 99; exec \"$0\" up", nft?);
    let words = ["--mount", "sh", "-c", &script, env!("CARGO_BIN_EXE_xii")];
    let like = world.command(world.folder(), &[]);
    let mut command = Command::new("unshare");
    command.args(words).env_clear().current_dir(world.folder());
    let variables = like.get_envs().filter_map(|(name, value)| Some((name, value?)));
    command.envs(variables).env("XII_ISOLATION", isolation);
    let said = Said::from(command.output().ok()?);
    (said.code != 99 && !said.err.starts_with("unshare")).then_some(said)
}

#[test]
fn root_is_refused_by_a_machine_without_a_firewall_and_told_what_to_install() {
    let world = World::without_server();
    let Some(said) = up_without_nft(&world, "full") else {
        eprintln!("SKIP root_is_refused_by_a_machine_without_a_firewall: nft cannot be hidden");
        return;
    };
    let words = ["isolation is not full", "nft", "apt-get install nftables", "best-effort"];
    let _ = said.refused(1, &words);
    let _ = up_without_nft(&world, "best-effort").unwrap().ok();
    let said = world.xii(&["doctor"]);
    assert!(said.out.contains("apt-get install nftables"), "{}", said.out);
    assert_eq!(world.health()["isolation"], "namespaces, without a firewall");
    world.leave();
}
