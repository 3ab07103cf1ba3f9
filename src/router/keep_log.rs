//! The routers' access lines on their way to the apps' logs.

use super::serve::READY;
use crate::app::DeployRef;
use crate::logs::{Writer, WriterSpec};
use jiff::Timestamp;
use std::cell::RefCell;
use std::collections::HashMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;

const LABEL: &str = "xii[router]";

/// One writer per deploy, opened with its first line.
pub struct Relay {
    logs_dir: PathBuf,
    keeper: u64,
    writers: RefCell<HashMap<Vec<u8>, Writer>>,
    written: Notify,
}

impl Relay {
    pub fn start(logs_dir: PathBuf) -> Rc<Self> {
        let relay = Rc::new(Relay {
            logs_dir,
            keeper: Timestamp::now().as_millisecond().unsigned_abs(),
            writers: RefCell::default(),
            written: Notify::new(),
        });
        tokio::task::spawn_local(relay.clone().tick());
        relay
    }

    /// Whole lines `APP/DEPLOY\t<text>`, written together. True when the router said among
    /// them that it is ready.
    pub fn lines(&self, lines: &[u8]) -> bool {
        let mut ready = false;
        let mut texts: HashMap<&[u8], Vec<u8>> = HashMap::new();
        for line in lines.split(|byte| *byte == b'\n') {
            ready |= line == READY.as_bytes();
            if let Some(tab) = line.iter().position(|byte| *byte == b'\t') {
                let text = texts.entry(&line[..tab]).or_default();
                text.extend_from_slice(&line[tab + 1..]);
                text.push(b'\n');
            }
        }
        texts.iter().for_each(|(name, text)| self.append(name, &String::from_utf8_lossy(text)));
        ready
    }

    /// Text for nobody goes to the platform's own log, our stdout.
    fn append(&self, name: &[u8], text: &str) {
        let mut writers = self.writers.borrow_mut();
        if !writers.contains_key(name)
            && let Some(writer) = self.open(name)
        {
            writers.insert(name.to_vec(), writer);
        }
        match writers.get_mut(name) {
            Some(writer) => {
                writer.line(LABEL, text, Timestamp::now());
                self.written.notify_one();
            }
            // Nobody may be reading it.
            None => drop(write!(std::io::stdout(), "{text}")),
        }
    }

    fn open(&self, name: &[u8]) -> Option<Writer> {
        let deploy: DeployRef = std::str::from_utf8(name).ok()?.parse().ok()?;
        let spec = WriterSpec {
            dir: self.logs_dir.join(deploy.app.as_str()).join(deploy.deploy.as_str()),
            label: LABEL.to_string(),
            source: "router".to_string(),
            release: None,
            keeper: self.keeper,
            incarnation: 0,
        };
        Writer::open(spec).ok()
    }

    pub fn finish(&self) {
        let now = Timestamp::now();
        self.writers.take().into_values().for_each(|writer| writer.close(now));
    }

    /// Does what the writers have due: syncing, changing slots.
    async fn tick(self: Rc<Self>) {
        loop {
            let now = Timestamp::now();
            let next = self.writers.borrow().values().filter_map(|w| w.due_in(now)).min();
            match next {
                None => self.written.notified().await,
                Some(left) if !left.is_zero() => {
                    tokio::select! {
                        () = tokio::time::sleep(left.min(Duration::from_secs(3600))) => {}
                        () = self.written.notified() => {}
                    }
                }
                Some(_) => self.writers.borrow_mut().values_mut().for_each(|w| w.tick(now)),
            }
        }
    }
}
