//! The app that is visited: quick enough for many requests, and no friend of idle connections.

use crate::world::{Checkout, World};

/// A Procfile whose processes know which code they are.
pub fn procfile(code: u64) -> String {
    let beat = "while :; do sleep 1 & wait $!; done";
    format!("web: CODE={code} exec node app.js\nworker: CODE={code} sh -c '{beat}'\n")
}

pub fn deployed<'a>(world: &'a World, name: &str, code: u64) -> Checkout<'a> {
    let files = [
        ("Procfile", procfile(code)),
        ("app.js", include_str!("app.js").to_string()),
        ("xii.toml", "[build]\ncommand = \"true\"\n".to_string()),
    ];
    let files: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let checkout = world.checkout(name, &files);
    let _ = checkout.xii(&["deploy"]).ok();
    checkout
}
