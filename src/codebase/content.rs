//! The bytes of a file, from git's objects or from the working tree, streamed.

use super::files::{File, Source};
use super::git::{Git, not_started};
use super::names::shown;
use crate::app::Failure;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

/// Reads from several repositories, each by one `git cat-file --batch`.
pub struct Contents<'a> {
    repositories: &'a [Git],
    open: Vec<Option<Objects>>,
}

impl<'a> Contents<'a> {
    pub fn of(repositories: &'a [Git]) -> Contents<'a> {
        Contents { repositories, open: repositories.iter().map(|_| None).collect() }
    }

    /// Gives the size and the bytes to `take`, which need not read them all.
    pub fn read<T>(
        &mut self,
        file: &File,
        take: impl FnOnce(u64, &mut dyn Read) -> std::io::Result<T>,
    ) -> Result<T, Failure> {
        let failed = |error| cannot_read(&file.path, error);
        match &file.source {
            Source::Disk(path) => {
                let mut opened = std::fs::File::open(path).map_err(failed)?;
                let size = opened.metadata().map_err(failed)?.len();
                take(size, &mut opened).map_err(failed)
            }
            Source::Object { repository, id, .. } => {
                let git = &self.repositories[*repository];
                let objects = match &mut self.open[*repository] {
                    Some(objects) => objects,
                    none => none.insert(Objects::start(git)?),
                };
                objects.read(id, take).map_err(failed)
            }
        }
    }

    pub fn all(&mut self, file: &File) -> Result<Vec<u8>, Failure> {
        if let (true, Source::Disk(path)) = (file.is_link(), &file.source) {
            return read_link(path, &file.path);
        }
        self.read(file, |_, bytes| {
            let mut all = Vec::new();
            bytes.read_to_end(&mut all).map(|_| all)
        })
    }
}

fn read_link(path: &Path, name: &[u8]) -> Result<Vec<u8>, Failure> {
    let target = std::fs::read_link(path).map_err(|error| cannot_read(name, error))?;
    Ok(target.into_os_string().into_vec())
}

fn cannot_read(path: &[u8], error: std::io::Error) -> Failure {
    Failure::platform(format!("cannot read {} of the source", shown(path))).because(error)
}

struct Objects {
    child: Child,
    requests: ChildStdin,
    replies: BufReader<ChildStdout>,
}

impl Objects {
    fn start(git: &Git) -> Result<Objects, Failure> {
        let mut command = git.command(["cat-file", "--batch"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(not_started)?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(requests), Some(replies)) => {
                Ok(Objects { child, requests, replies: BufReader::new(replies) })
            }
            _ => Err(Failure::internal("git was started without its pipes")),
        }
    }

    fn read<T>(
        &mut self,
        id: &str,
        take: impl FnOnce(u64, &mut dyn Read) -> std::io::Result<T>,
    ) -> std::io::Result<T> {
        writeln!(self.requests, "{id}")?;
        let mut head = String::new();
        self.replies.read_line(&mut head)?;
        let size = head.trim_end().rsplit(' ').next().and_then(|size| size.parse().ok());
        let Some(size) = size else {
            let problem = format!("git has no object {id} (git fsck may say why)");
            return Err(std::io::Error::new(std::io::ErrorKind::NotFound, problem));
        };
        let mut content = (&mut self.replies).take(size);
        let taken = take(size, &mut content)?;
        std::io::copy(&mut content, &mut std::io::sink())?;
        if content.limit() > 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        self.replies.read_exact(&mut [0])?;
        Ok(taken)
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        // It may be in the middle of a blob that nobody wants any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
