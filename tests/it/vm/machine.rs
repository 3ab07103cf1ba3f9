//! A virtual machine that is switched on and off, and the hand that the tests have in it.

use super::image::{Image, folder, image, run};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// An emulated machine beside other work is slow.
pub const PATIENCE: Duration = Duration::from_secs(300);

pub struct Machine {
    image: Image,
    /// This run's own disk and console.
    folder: tempfile::TempDir,
    on: Option<On>,
    orders: u64,
}

struct On {
    qemu: Child,
    write: UnixStream,
    read: BufReader<UnixStream>,
}

/// How a script ended, and all it printed.
pub struct Ran {
    pub code: i64,
    pub said: String,
}

/// What visitors met meanwhile.
pub struct Met {
    pub answered: u64,
    pub failed: u64,
    pub longest: f64,
    pub why: String,
}

impl Machine {
    /// Switched on, with nothing of xii's but a folder with the binary and this checkout's files.
    pub fn new() -> Machine {
        let image = image();
        let folder = tempfile::Builder::new().prefix("run-").tempdir_in(folder()).unwrap();
        let disk = folder.path().join("disk");
        run(Command::new("cp").arg("--sparse=always").args([&image.disk, &disk]));
        pack(folder.path());
        let mut machine = Machine { image, folder, on: None, orders: 0 };
        machine.switch_on();
        machine.ok("mkdir -p load && tar -C load -xf /dev/vdb");
        machine
    }

    /// For whoever reads about a failure.
    pub fn last_words(&mut self) -> String {
        let script = "journalctl -b --no-pager -n 60; xii ps -a crowd; xii logs -a crowd -n 40";
        let said = if self.on.is_some() { self.sh(script).said } else { String::new() };
        let console = std::fs::read(self.folder.path().join("console")).unwrap_or_default();
        let console =
            String::from_utf8_lossy(&console[console.len().saturating_sub(2000)..]).into_owned();
        format!("{console}\n{said}")
    }

    pub fn switch_on(&mut self) {
        // Relative, as the path of a socket must be short.
        let mut command = Command::new("qemu-system-x86_64");
        command.args("-machine q35 -cpu max -smp 2 -m 1536 -nodefaults -display none".split(' '));
        command.args(["-accel", "tcg,thread=multi", "-append"]);
        command.arg("root=/dev/vda rw console=ttyS0 quiet net.ifnames=0");
        command.arg("-kernel").arg(&self.image.kernel).arg("-initrd").arg(&self.image.initrd);
        command.args(["-drive", "if=virtio,format=raw,file=disk"]);
        command.args(["-drive", "if=virtio,format=raw,file=load.tar,readonly=on"]);
        command.args(["-chardev", "socket,id=hand,path=hand,server=on,wait=on"]);
        command.args(["-device", "virtio-serial"]);
        command.args(["-device", "virtserialport,chardev=hand,name=xii"]);
        command.args(["-nic", "user,model=virtio-net-pci", "-serial", "file:console"]);
        let qemu = command.current_dir(self.folder.path()).stdin(Stdio::null()).spawn();
        let qemu = qemu.unwrap_or_else(|error| panic!("qemu-system-x86_64: {error}"));
        let hand = self.folder.path().join("hand");
        let write = within("qemu listens", || UnixStream::connect(&hand).ok());
        let read = BufReader::new(write.try_clone().unwrap());
        self.on = Some(On { qemu, write, read });
        self.booted("");
    }

    /// Waits for a boot that is not the one of this id; what was asked before it is lost.
    fn booted(&mut self, before: &str) {
        within("the machine is up", || {
            let boot = self.ask("cat /proc/sys/kernel/random/boot_id", Duration::from_secs(2));
            boot.filter(|ran| ran.code == 0 && ran.said.trim() != before)
        });
        // `degraded` has an end, too.
        let _ = self.sh("systemctl is-system-running --wait");
    }

    /// Pulls the plug.
    pub fn cut_power(&mut self) {
        let mut on = self.on.take().unwrap();
        on.qemu.kill().unwrap();
        on.qemu.wait().unwrap();
        let _ = std::fs::remove_file(self.folder.path().join("hand"));
    }

    pub fn reboot(&mut self) {
        let before = self.ok("cat /proc/sys/kernel/random/boot_id");
        self.ok("systemctl reboot");
        self.booted(before.trim());
    }

    /// Runs a script as root, in /root.
    pub fn sh(&mut self, script: &str) -> Ran {
        self.ask(script, PATIENCE).unwrap_or_else(|| panic!("no answer to {script:?}"))
    }

    /// As [`Machine::sh`], for what takes many minutes.
    pub fn patiently(&mut self, script: &str) -> Ran {
        self.ask(script, 5 * PATIENCE).unwrap_or_else(|| panic!("no answer to {script:?}"))
    }

    /// It must succeed; what it printed.
    #[track_caller]
    pub fn ok(&mut self, script: &str) -> String {
        let ran = self.sh(script);
        assert_eq!(ran.code, 0, "{script}\n{}", ran.said);
        ran.said
    }

    /// Asks again and again until it succeeds.
    #[track_caller]
    pub fn until(&mut self, script: &str) -> String {
        let ran = self.sh(&format!(
            "for i in $(seq 400); do said=$( {script} ) && echo \"$said\" && exit 0; sleep 0.3; done
             echo \"$said\"; exit 1"
        ));
        assert_eq!(ran.code, 0, "never: {script}\n{}", ran.said);
        ran.said
    }

    /// Does something while visitors ask the app `crowd`.
    pub fn under_load(&mut self, what: impl FnOnce(&mut Machine)) -> Met {
        self.ok(
            "touch going; rm -f met; (setsid python3 load/vm/load.py crowd.localhost going met \
                 >load.log 2>&1 &)",
        );
        self.until("test -s asked");
        let done = catch_unwind(AssertUnwindSafe(|| what(self)));
        self.ok("rm going asked");
        let met: Value = serde_json::from_str(&self.until("cat met")).unwrap();
        if let Err(why) = done {
            resume_unwind(why);
        }
        let number = |name: &str| met[name].as_u64().unwrap();
        Met {
            answered: number("answered"),
            failed: number("failed"),
            longest: met["longest"].as_f64().unwrap(),
            why: met["why"].to_string(),
        }
    }

    fn ask(&mut self, script: &str, patience: Duration) -> Option<Ran> {
        self.orders += 1;
        let on = self.on.as_mut().expect("it is on");
        let order = json!({"id": self.orders, "run": script, "patience": patience.as_secs()});
        writeln!(on.write, "{order}").ok()?;
        let until = Instant::now() + patience + Duration::from_secs(10);
        loop {
            let left = until.checked_duration_since(Instant::now())?;
            on.write.set_read_timeout(Some(left.max(Duration::from_millis(1)))).unwrap();
            let mut line = String::new();
            // Half a line before the time is over is lost with the patience.
            on.read.read_line(&mut line).ok().filter(|count| *count > 0)?;
            let Ok(said) = serde_json::from_str::<Value>(&line) else { continue };
            if said["id"] == self.orders {
                let text = said["said"].as_str().unwrap_or_default().to_string();
                return Some(Ran { code: said["code"].as_i64().unwrap_or(-1), said: text });
            }
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if self.on.is_some() {
            self.cut_power();
        }
    }
}

/// What the machine is given: as a disk, because that needs no network.
fn pack(folder: &Path) {
    let binary =
        std::env::var_os("XII_TEST_BINARY").map_or(env!("CARGO_BIN_EXE_xii").into(), PathBuf::from);
    let source = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tar = Command::new("tar");
    tar.arg("-cf").arg(folder.join("load.tar"));
    tar.arg("-C").arg(source).args(["examples", "packaging"]);
    tar.arg("-C").arg(source.join("tests/it")).arg("vm");
    let binary = std::fs::canonicalize(binary).unwrap();
    tar.arg("-C").arg(binary.parent().unwrap()).arg(binary.file_name().unwrap());
    // What this machine trusts, that one trusts.
    tar.args(["-C", "/etc/ssl/certs", "ca-certificates.crt"]);
    run(&mut tar);
}

#[track_caller]
fn within<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(done) = attempt() {
            return done;
        }
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
