//! Config: releases of values, which are seen by the processes they are for and by nobody else.

use crate::world::{Checkout, World};

const SECRET: &str = "hunter2-very-secret";

#[test]
fn several_keys_make_one_release_and_setting_what_is_set_makes_none() {
    let world = World::new();
    let app = world.deployed("shop");
    let _ = app.xii(&["config", "set", "A=1", "B=2", "C=3"]).ok();
    assert_eq!((app.release(), app.body("/env/B").as_str()), (2, "2"));
    let _ = app.xii(&["config", "set", "A=1", "B=2"]).ok().says(&["already"]);
    assert_eq!(app.release(), 2);
    let _ = app.xii(&["config", "unset", "A", "C"]).ok();
    assert_eq!((app.release(), app.body("/env/A").as_str()), (3, "(unset)"));
    assert_eq!(app.xii(&["config", "get", "B"]).ok().out, "2\n");
    let _ = app.xii(&["config", "get", "A"]).refused(1, &["has no A"]);
    let _ = app.xii(&["config", "unset", "BB"]).refused(2, &["BB is not set", "did you mean B"]);
    odd_values_arrive_as_they_are(&app);
    world.leave();
}

fn odd_values_arrive_as_they_are(app: &Checkout<'_>) {
    let odd = "a \"b\" 'c' $HOME `d` \\ \n second line =\tü";
    let _ = app.xii(&["config", "set", &format!("ODD={odd}"), "EMPTY="]).ok();
    assert_eq!(app.body("/env/ODD"), odd);
    assert_eq!(app.body("/env/EMPTY"), "");
    let shell = app.xii(&["config", "-s"]).ok().out;
    let file = format!("{shell}export ODD EMPTY; printf %s \"$ODD\"");
    let read = std::process::Command::new("sh").args(["-c", &file]).output().unwrap();
    assert_eq!(String::from_utf8(read.stdout).unwrap(), odd);

    let dotenv = b"# a file\nONE=1\nTWO=\"2\\n3\"\n";
    let before = app.release();
    let _ = app.xii_fed(&["config", "import", "-"], dotenv).ok();
    assert_eq!(app.body("/env/TWO"), "2\n3");
    assert_eq!(app.release(), before + 1);
    let said = app.xii_fed(&["config", "import", "-"], b"ONE=1\nno line hunter2\nX-Y=hunter2\n");
    let said = said.refused(2, &["2", "3"]);
    assert!(!said.err.contains("hunter2"), "{}", said.err);
    assert_eq!(app.release(), before + 1);
}

#[test]
fn config_before_the_first_build_makes_a_release_that_starts_nothing() {
    let world = World::new();
    let app = world.checkout("shop", crate::world::WEB);
    let _ = app.xii(&["create"]).ok();
    let _ = app.xii(&["config", "set", "A=1", "-a", "shop"]).ok().says(&["nothing is started"]);
    let releases = world.xii(&["releases", "-a", "shop", "--json"]).ok().json();
    assert_eq!((&releases[0]["number"], &releases[0]["build"]), (&1.into(), &().into()));
    assert!(world.ps("shop").is_empty());
    let _ = app.xii(&["scale", "web=2", "-a", "shop"]).refused(2, &["no code yet"]);
    let _ = app.xii(&["run", "-a", "shop", "env"]).refused(2, &["no code yet"]);
    let _ = app.xii(&["restart", "-a", "shop"]).refused(2, &["no code yet"]);
    let _ = app.xii(&["deploy", "-a", "shop"]).ok();
    assert_eq!(app.body("/env/A"), "1");
    assert_eq!(app.body("/"), "v2 web.1");
    world.leave();
}

#[test]
fn a_value_is_seen_by_its_processes_and_nowhere_else() {
    let world = World::new();
    let app = world.deployed("shop");
    let set = format!("TOKEN={SECRET}");
    let mut said = vec![app.xii_fed(&["config", "import", "-"], set.as_bytes()).ok()];
    assert_eq!(app.body("/env/TOKEN"), SECRET);
    said.push(app.xii(&["config", "set", &format!("{set}2"), "PORT=1"]).refused(2, &["PORT"]));
    said.push(app.xii(&["config", "set", &format!("1X={SECRET}")]).refused(2, &["1X"]));
    said.push(app.xii(&["config", "set", &format!("XII_A={SECRET}")]).refused(2, &["XII_A"]));
    said.push(app.xii(&["config", "set", &format!("{set}2"), "--plan"]).ok());
    for read in [&["config"][..], &["releases"], &["releases", "diff", "v1", "v2"], &["info"]] {
        said.push(app.xii(read).ok());
        said.push(app.xii(&[read, &["--json"]].concat()).ok());
    }
    for said in said {
        assert!(!said.out.contains(SECRET) && !said.err.contains(SECRET), "{said:?}");
    }
    assert!(!world.log("shop").contains(SECRET));
    nowhere_on_the_disk_or_in_an_argv(&world);
    world.leave();
}

fn nowhere_on_the_disk_or_in_an_argv(world: &World) {
    let found = std::process::Command::new("grep")
        .args(["-rl", SECRET])
        .arg(world.home())
        .arg(format!("/run/xii/{}", world.home_id()))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(found.stdout).unwrap(), "", "found in these files");
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let argv = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let argv = String::from_utf8_lossy(&argv);
        assert!(!argv.contains(SECRET), "{argv}");
    }
}

#[test]
fn without_restart_the_old_release_runs_on_until_a_restart() {
    let world = World::new();
    let app = world.deployed("shop");
    let _ = app.xii(&["config", "set", "A=1", "--no-restart"]).ok().says(&["xii restart"]);
    let _ = app.xii(&["config", "set", "B=2", "--no-restart"]).ok();
    assert_eq!(app.release(), 3);
    assert_eq!((app.body("/").as_str(), app.body("/env/A").as_str()), ("v1 web.1", "(unset)"));
    let pid = world.ps("shop")[0]["pid"].clone();

    // Neither a new server nor another order rolls them.
    world.kill_server();
    world.up();
    let _ = app.xii(&["scale", "web=2"]).ok();
    let instances = world.ps("shop");
    let all_old = instances.iter().all(|instance| instance["release"] == 1);
    assert!(all_old && instances.len() == 2, "{instances:?}");
    assert!(instances.iter().any(|instance| instance["pid"] == pid));

    // A one-off has the current release; a restart brings it to everything.
    assert_eq!(app.xii(&["run", "printenv", "B"]).ok().out, "2\n");
    let _ = app.xii(&["restart", "--plan"]).ok().says(&["start web.1 on v3"]);
    let _ = app.xii(&["restart"]).ok();
    assert!(world.ps("shop").iter().all(|instance| instance["release"] == 3));
    assert_eq!(app.body("/env/B"), "2");
    world.leave();
}
