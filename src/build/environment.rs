//! The environment of a build: the same words on every machine, so that the same source
//! gives the same bytes. Nothing of the server's own environment, no config, no secrets.

use super::tool::Tool;
use std::collections::BTreeMap;

/// Where the app lies while it is built and while it runs.
pub const APP: &str = "/app";
/// The app's caches while it is built.
pub const CACHE: &str = "/cache";
pub const HOME: &str = "/tmp/home";
/// The CA bundle of a sandbox's `/etc`.
const CA_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Each tool asks for the bundle by its own name.
const CA_NAMES: [&str; 7] = [
    "SSL_CERT_FILE",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "GIT_SSL_CAINFO",
    "CARGO_HTTP_CAINFO",
];

const CONSTANTS: [(&str, &str); 14] = [
    ("HOME", HOME),
    ("LANG", "C.UTF-8"),
    ("TZ", "UTC"),
    ("TMPDIR", "/tmp"),
    ("XDG_CACHE_HOME", "/cache/xdg"),
    ("PIP_CACHE_DIR", "/cache/pip"),
    ("npm_config_cache", "/cache/npm"),
    ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
    ("PIP_NO_INPUT", "1"),
    ("PIP_ROOT_USER_ACTION", "ignore"),
    ("PYTHONUNBUFFERED", "1"),
    // Bytecode is written once, at the end, with hashes in place of times.
    ("PYTHONDONTWRITEBYTECODE", "1"),
    // The order of a frozen set is part of bytecode.
    ("PYTHONHASHSEED", "0"),
    ("CI", "1"),
];

/// `SOURCE_DATE_EPOCH` is added when the build runs: the same tree in another commit is the
/// same build.
pub fn of_a_build(tools: &[Tool]) -> BTreeMap<String, String> {
    let constants = CONSTANTS.iter().copied();
    let bundles = CA_NAMES.iter().map(|name| (*name, CA_BUNDLE));
    let mut env: BTreeMap<String, String> =
        constants.chain(bundles).map(|(name, value)| (name.into(), value.into())).collect();
    let mounts = tools.iter().filter_map(Tool::mount);
    let folders: Vec<String> = mounts.map(|mount| mount.display().to_string()).collect();
    env.insert("PATH".into(), path(&folders));
    env
}

/// The PATH of a build and of what is run from it; `toolchains` are their mount points.
pub fn path(toolchains: &[String]) -> String {
    let own = [format!("{APP}/.venv/bin"), format!("{APP}/node_modules/.bin")];
    let mounted = toolchains.iter().map(|mount| format!("{mount}/bin"));
    let stack = ["/usr/bin".to_string(), "/bin".to_string()];
    own.into_iter().chain(mounted).chain(stack).collect::<Vec<_>>().join(":")
}
