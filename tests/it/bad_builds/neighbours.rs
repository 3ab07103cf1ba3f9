//! What a build can reach of the host and of other apps: nothing.

use super::{build_with, is_confined};
use crate::world::{WEB, World};

#[test]
fn a_build_reads_nothing_of_another_app_or_of_the_platform() {
    let test = "a_build_reads_nothing_of_another_app_or_of_the_platform";
    let world = World::new();
    if !is_confined(&world, test) {
        return world.leave();
    }
    let first = world.checkout("first", WEB);
    build_with(&first, "", "echo secret-of-first > /cache/note; echo uid=$(id -u)");
    let said = first.xii(&["deploy"]).ok();
    let first_uid = uid(&said.out, &said.err);
    let _ = first.xii(&["config", "set", "TOKEN=secret-of-first"]).ok();
    let other = world.checkout("other", WEB);
    let tries: Vec<String> = places(&world)
        .into_iter()
        .map(|place| format!("ls -d '{place}' 2>&- && echo REACHED '{place}'"))
        .collect();
    let script = format!(
        "echo uid=$(id -u)\n{}\nenv | grep secret-of && echo REACHED env\n\
         grep -rls secret-of /cache /tmp /etc /opt /run /var /home /root /proc/*/environ \
         && echo REACHED a file\necho done looking",
        tries.join("\n")
    );
    build_with(&other, "", &script);
    let said = other.xii(&["deploy"]).ok().says(&["done looking"]);
    let text = format!("{}{}", said.out, said.err);
    assert!(!text.contains("REACHED"), "{text}");
    assert_ne!(uid(&said.out, &said.err), first_uid, "each app's builds have a user of their own");
    its_cache_goes_with_an_app(&world);
    world.leave();
}

fn uid(out: &str, err: &str) -> String {
    let mut lines = out.lines().chain(err.lines());
    let found = lines.find_map(|line| line.trim().strip_prefix("uid="));
    found.unwrap_or_else(|| panic!("no uid in {out}{err}")).to_string()
}

/// Each is there, so that not to reach it means something.
fn places(world: &World) -> Vec<String> {
    let (home, run) = (world.home(), world.run_dir());
    let mut places = vec![run.join("server.sock"), run.clone(), home.clone()];
    let inside = ["ledger.db", "key", "logs", "builds", "tmp", "cache/first/tools/note"];
    places.extend(inside.map(|at| home.join(at)));
    places.iter().for_each(|place| assert!(place.exists(), "{}", place.display()));
    let mut places: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
    let instance = &world.ps("first")[0]["pid"];
    places.extend([format!("/proc/{instance}"), format!("/proc/{}", world.server_pid())]);
    places
}

fn its_cache_goes_with_an_app(world: &World) {
    let cache = world.home().join("cache/first");
    let mode = std::os::unix::fs::PermissionsExt::mode(&cache.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o700);
    let _ = world.xii(&["apps", "destroy", "first", "--confirm", "first"]).ok();
    assert!(!cache.exists() && world.home().join("cache/other").exists());
}

#[test]
fn a_build_writes_to_its_own_folders_alone() {
    let test = "a_build_writes_to_its_own_folders_alone";
    let world = World::new();
    if !is_confined(&world, test) {
        return world.leave();
    }
    let app = world.checkout("shop", WEB);
    let script = "for at in / /usr /usr/bin /etc /opt /opt/xii /home /root /var /run /dev /sys /proc \
                  /proc/sys/kernel /lib /mnt /srv; do\n\
                  touch $at/xii-was-here 2>&- && echo WROTE $at\ntrue\ndone\n\
                  rm -f /etc/passwd 2>&- || true; [ -e /etc/passwd ] || echo WROTE over passwd\n\
                  mount -t tmpfs none /mnt 2>&- && echo WROTE a mount\n\
                  mknod /tmp/disk b 254 0 2>&- && echo WROTE a device\n\
                  for at in /app /tmp /cache; do touch $at/mine && echo may $at; done; true";
    build_with(&app, "", script);
    let said = app.xii(&["deploy"]).ok().says(&["may /app", "may /tmp", "may /cache"]);
    let text = format!("{}{}", said.out, said.err);
    let wrote: Vec<&str> = text.lines().filter(|line| line.contains("WROTE")).collect();
    assert!(wrote.is_empty(), "{wrote:#?}");
    world.leave();
}
