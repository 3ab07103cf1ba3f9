//! A home's block of user ids and ports. Several homes share one host, so blocks are claimed
//! in a folder of the host under its lock, and remembered in the ledger over a reboot.

use super::files::{io, make_dir, read_optional, write_file};
use super::{Home, Ledger};
use crate::app::Failure;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The one home with the large block.
const SYSTEM_HOME: &str = "/var/lib/xii";
const SYSTEM: &str = "system";
const BLOCKS: u32 = 20;
/// Root's homes have the blocks before this one, homes without root those from it on: they
/// cannot see each other's claims, and root's firewall closes the ports of root's blocks.
const FIRST_ROOTLESS: u32 = 16;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    pub uids: Range<u32>,
    pub ports: Range<u16>,
}

/// Who has a block.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Holder {
    home: PathBuf,
    id: String,
}

impl Block {
    /// The home's block: the one it had, or else a free one of the host's.
    pub fn claim(
        registry: &Path,
        home: &Home,
        ledger: &Ledger,
        is_root: bool,
    ) -> Result<Block, Failure> {
        make_dir(registry, 0o755)?;
        let _lock = lock(registry)?;
        let name = match ledger.block_name()? {
            Some(name) => reclaim(registry, home, name)?,
            None if home.dir() == Path::new(SYSTEM_HOME) => {
                reclaim(registry, home, SYSTEM.to_string())?
            }
            None => first_free(registry, home, is_root)?,
        };
        let block = Block::named(&name).ok_or_else(|| {
            Failure::platform(format!("the ledger names a block {name:?} that does not exist"))
        })?;
        let ours = Holder { home: home.dir().to_path_buf(), id: home.id().to_string() };
        // A claim that stands needs no room: the folder may be full.
        if holder(registry, &name)?.as_ref() != Some(&ours) {
            let text = serde_json::to_string(&ours)
                .map_err(|error| Failure::internal("cannot write down a block").because(error))?;
            write_file(registry, &name, &text, 0o644)?;
        }
        ledger.set_block_name(&name)?;
        Ok(block)
    }

    fn named(name: &str) -> Option<Block> {
        if name == SYSTEM {
            return Some(Block { uids: 70_000..90_000, ports: 20_000..28_000 });
        }
        let index = name.parse::<u32>().ok().filter(|index| *index < BLOCKS)?;
        let uid = 90_000 + 500 * index;
        let port = 28_000 + 100 * u16::try_from(index).ok()?;
        Some(Block { uids: uid..uid + 500, ports: port..port + 100 })
    }
}

fn reclaim(registry: &Path, home: &Home, name: String) -> Result<String, Failure> {
    match holder(registry, &name)? {
        Some(other) if other.home != home.dir() || other.id != home.id().as_str() => {
            Err(Failure::platform(format!(
                "the user ids and ports of {} are in use by the xii home {}",
                home.dir().display(),
                other.home.display()
            ))
            .why("it claimed them while this home was not running")
            .next(format!(
                "stop that home and remove {} if it is no longer needed, or remove {}",
                other.home.display(),
                registry.join(&name).display()
            )))
        }
        _ => Ok(name),
    }
}

fn first_free(registry: &Path, home: &Home, is_root: bool) -> Result<String, Failure> {
    let mut holders = Vec::new();
    let mut free = None;
    let ours = if is_root { 0..FIRST_ROOTLESS } else { FIRST_ROOTLESS..BLOCKS };
    let count = ours.len();
    for index in ours {
        let name = index.to_string();
        match holder(registry, &name)? {
            // A claim whose ledger row was lost in a crash is still ours.
            Some(other) if other.home == home.dir() => return Ok(name),
            Some(other) => holders.push(other.home.display().to_string()),
            None if free.is_none() => free = Some(name),
            None => {}
        }
    }
    free.ok_or_else(|| {
        Failure::platform(format!("all {count} blocks of user ids and ports are taken"))
            .why(format!("they belong to {}", holders.join(", ")))
            .next("remove a home that is no longer needed; its block is free at once")
    })
}

/// Who has the block, if that home still exists.
fn holder(registry: &Path, name: &str) -> Result<Option<Holder>, Failure> {
    let path = registry.join(name);
    let Some(text) = read_optional(&path)? else { return Ok(None) };
    let holder: Holder = serde_json::from_str(&text).map_err(|error| {
        Failure::platform(format!("{} does not name a home", path.display()))
            .because(error)
            .next("remove the file if no other xii home runs on this host")
    })?;
    let exists = match fs::read_to_string(holder.home.join("id")) {
        Ok(id) => id.trim() == holder.id,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => true,
        Err(_) => false,
    };
    Ok(exists.then_some(holder))
}

fn lock(registry: &Path) -> Result<File, Failure> {
    let path = registry.join("lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o644)
        .open(&path)
        .map_err(|error| io("cannot open", &path, error))?;
    file.lock().map_err(|error| io("cannot lock", &path, error))?;
    Ok(file)
}
