//! The app that is visited: quick enough for many requests, and no friend of idle connections.

use crate::world::{Checkout, World};

/// A Procfile whose processes know which code they are.
pub fn procfile(code: u64) -> String {
    let web = format!("web: CODE={code} exec node app.js\n");
    let words = "something to say, over and over, so that its log takes some room";
    web + &format!("worker: CODE={code} sh -c 'while :; do echo {words}; sleep 0.02; done'\n")
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
