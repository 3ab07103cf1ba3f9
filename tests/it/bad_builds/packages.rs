//! Dependencies that cannot be had as they were declared. The registry is the test's own, so
//! nothing here depends on anybody's network.

use super::registry::Registry;
use super::{refused, serving};
use crate::world::{Checkout, World};

/// Of nine.whl.
const HASH: &str = "abc9cb6e84cf1fd3130e5f9472936d355119baa72dbe8a427656e094ac55a87a";

/// The app becomes a Python app with these requirements.
fn requires(app: &Checkout<'_>, registry: &Registry, requirements: &str) {
    let settings = format!(
        "[build]\ntimeout = \"5m\"\nenv = {{ PIP_INDEX_URL = \"{}\", PIP_RETRIES = \"0\" }}\n",
        registry.index()
    );
    app.commit(&[("requirements.txt", requirements), ("xii.toml", &settings)]);
}

#[test]
fn a_package_that_is_not_as_declared_or_breaks_off_is_no_release_and_no_cache() {
    let test = "a_package_that_is_not_as_declared_or_breaks_off_is_no_release_and_no_cache";
    let world = World::new();
    let (app, registry) = (serving(&world), Registry::start());
    let good = format!("nine==1.0 --hash=sha256:{HASH}\n");
    requires(&app, &registry, &good);
    let first = app.xii(&["deploy"]);
    if first.code != 0 && first.err.contains("no usable Python") {
        eprintln!("SKIP {test}: {}", first.err);
        return world.leave();
    }
    let _ = first.ok();
    assert_eq!(registry.downloads(), 1);
    requires(&app, &registry, &format!("nine==1.0 --hash=sha256:{}\n", "0".repeat(64)));
    refused(&world, &app, 3, &["DO NOT MATCH THE HASHES", "lock again"]);
    requires(&app, &registry, "no-such-package==1.0\n");
    refused(&world, &app, 3, &["no-such-package", "check the name"]);
    registry.break_off();
    // Another line, so that the layer of the first deploy is not taken.
    let before = registry.downloads();
    requires(&app, &registry, &format!("# again\n{good}"));
    let _ = world.xii(&["status"]).ok();
    std::fs::remove_dir_all(world.home().join("cache/shop/tools")).unwrap();
    refused(&world, &app, 3, &["try again"]);
    assert!(registry.downloads() > before, "the download was begun");
    drop(registry);
    let nobody = Registry::start();
    let index = nobody.index();
    drop(nobody);
    let settings =
        format!("[build]\nenv = {{ PIP_INDEX_URL = \"{index}\", PIP_RETRIES = \"1\" }}\n");
    app.commit(&[("xii.toml", &settings), ("requirements.txt", &format!("# once more\n{good}"))]);
    refused(&world, &app, 3, &["cannot reach the package registry"]);
    world.leave();
}
