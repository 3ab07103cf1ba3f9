//! What the last words of npm, pnpm and Yarn mean.

const OUTDATED: &str =
    "the lock is out of date: install once on your own machine, and commit the lock it writes";
const CHANGED: &str =
    "the package is not the one that was locked: lock again, and find out why it changed";
const ABSENT: &str =
    "the package or that version of it does not exist: check its name, and lock again";
const NO_ENTRY: &str = "the package registry refuses it, and builds see no config: a private package cannot be installed with a secret from .npmrc";
const UNREACHABLE: &str =
    "this server cannot reach the package registry: try again, or look at its network";
const NOT_LISTED: &str = "the build uses a module that is not in package.json, or is there for another platform: add it with your package manager, and commit the lock";
const MEMORY: &str = "Node.js ran out of memory: xii.toml, [build] env = { NODE_OPTIONS = \"--max-old-space-size=3072\" }";
const NATIVE: &str = "a native package is compiled, which takes python3, make and g++: apt install them, or name them in xii.toml: [stack] packages";

/// A sign in the output, and what to do.
pub const HINTS: [(&str, &str); 22] = [
    ("in sync. Please update your lock file", OUTDATED),
    ("ERR_PNPM_OUTDATED_LOCKFILE", OUTDATED),
    ("ERR_PNPM_LOCKFILE_CONFIG_MISMATCH", OUTDATED),
    ("lockfile needs to be updated", OUTDATED),
    ("lockfile would have been modified", OUTDATED),
    ("lockfile would have been created", OUTDATED),
    ("code EINTEGRITY", CHANGED),
    ("ERR_PNPM_TARBALL_INTEGRITY", CHANGED),
    ("Integrity check failed for", CHANGED),
    ("doesn't match the expected checksum", CHANGED),
    ("code E401", NO_ENTRY),
    ("code E403", NO_ENTRY),
    ("Failed to replace env in config", NO_ENTRY),
    ("code E404", ABSENT),
    ("ERR_PNPM_FETCH_404", ABSENT),
    ("code ETARGET", ABSENT),
    ("code ENOTFOUND", UNREACHABLE),
    ("code EAI_AGAIN", UNREACHABLE),
    ("code ECONNREFUSED", UNREACHABLE),
    ("JavaScript heap out of memory", MEMORY),
    ("gyp ERR!", NATIVE),
    ("Cannot find module '", NOT_LISTED),
];
