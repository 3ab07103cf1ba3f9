"""Files, devices, sockets on disk, and what /proc says of others."""
import glob
import os
import socket
import stat
import subprocess

from attack import CONTEXT, NotHere, TARGETS, attempt, put


def each_path(name, path):
    @attempt(f"look at {name}", "files")
    def look():
        os.stat(path)
        return path


def each_socket(name, path):
    @attempt(f"connect to {name}", "files")
    def connect():
        kinds = [socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_DGRAM]
        for kind in kinds:
            try:
                socket.socket(socket.AF_UNIX, kind).connect(path)
                return path
            except OSError as error:
                last = error
        raise last


for name, path in TARGETS["paths"].items():
    each_path(name, path)
for name, path in TARGETS["sockets"].items():
    each_socket(name, path)


@attempt("read /etc/shadow", "files")
def _():
    return open("/etc/shadow").read()


WRITTEN = ["/", "/usr/bin", "/etc", "/opt", "/dev", "/proc/sys/kernel"]
WRITTEN += ["/app"] if CONTEXT != "build" else []


def each_folder(folder):
    @attempt(f"make a file in {folder}", "files")
    def write():
        open(os.path.join(folder, "xii-was-here"), "w").close()
        return True


for folder in WRITTEN:
    each_folder(folder)


def writable(path):
    def write():
        open(path, "r+b" if os.path.isfile(path) else "wb").close()
        return True
    return write


for path in ["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe",
             "/proc/sys/kernel/hostname", "/proc/sys/vm/drop_caches", "/proc/sysrq-trigger",
             "/proc/sys/net/ipv4/ip_forward", "/proc/1/oom_score_adj", "/etc/passwd", "/etc/resolv.conf", "/usr/bin/env"]:
    attempt(f"open {path} to write", "files")(writable(path))


for path in ["/proc/self/uid_map", "/proc/self/gid_map"]:
    @attempt(f"map root to itself in {path}", "files")
    def remap(path=path):
        put(path, "0 0 1")
        return True


@attempt("overwrite the program of xii that serves static files", "files")
def _():
    if not os.path.exists("/opt/xii/bin/xii"):
        raise NotHere("not mounted here")
    return writable("/opt/xii/bin/xii")()


for path in ["/proc/kcore", "/proc/kmsg", "/proc/1/mem", "/proc/1/environ", "/proc/1/maps"]:
    @attempt(f"read {path}", "files")
    def read(path=path):
        return open(path, "rb").read(1) is not None

for path in ["/proc/1/root", "/proc/1/cwd", "/proc/1/fd", "/proc/1/ns/mnt"]:
    @attempt(f"look into {path}", "files")
    def look(path=path):
        return os.stat(path) and (os.readlink(path) if os.path.islink(path) else os.listdir(path))


@attempt("learn kernel addresses from /proc/kallsyms", "files")
def _():
    addresses = {line.split()[0] for line in open("/proc/kallsyms").readlines()[:100]}
    return any(int(address, 16) for address in addresses)


@attempt("see processes of others in /proc", "files")
def _():
    mine, found = os.getuid(), []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if os.stat(f"/proc/{pid}").st_uid != mine:
            found.append(pid)
    return found or None


@attempt("find a process of another app by its pid on the host", "files")
def _():
    for pid in TARGETS["pids"].values():
        if os.path.exists(f"/proc/{pid}/status") and int(pid) > 1000:
            return pid


@attempt("find another app's secret in any environment", "files")
def _():
    for path in glob.glob("/proc/*/environ"):
        try:
            if TARGETS["secret"] in open(path).read():
                return path
        except OSError:
            pass


@attempt("find a variable of the server or of its caller", "files")
def _():
    theirs = ("LEAKED", "XII_HOME", "XII_HTTP", "XII_ISOLATION", "XII_SERVER", "XDG_RUNTIME_DIR",
              "SSH_")
    return [name for name in os.environ if name.startswith(theirs)] or None


@attempt("find a descriptor it was not given", "files")
def _():
    open_ones = set(os.listdir("/proc/self/fd"))
    extra = []
    # The child's pipe and the listing itself are ours.
    for number in open_ones - {"0", "1", "2"}:
        try:
            target = os.readlink(f"/proc/self/fd/{number}")
        except OSError:
            continue
        if not target.startswith(("pipe:", f"/proc/{os.getpid()}/fd")):
            extra.append(target)
    return extra or None


@attempt("leave through a descriptor that is a folder", "files")
def _():
    for number in ["0", "1", "2"]:
        if stat.S_ISDIR(os.stat(f"/proc/self/fd/{number}").st_mode):
            return number


@attempt("read another app's file in /tmp", "files")
def _():
    return open(TARGETS["tmp_file"]).read()


@attempt("read another app's POSIX shared memory", "files")
def _():
    return open("/dev/shm/" + TARGETS["shm"]).read()


@attempt("follow a link of its own out of /tmp", "files")
def _():
    path = f"/tmp/link-{os.getpid()}"
    os.symlink(TARGETS["paths"]["the ledger"], path)
    return open(path, "rb").read(1)


@attempt("hard-link a file of the system into /tmp", "files")
def _():
    os.link("/usr/bin/env", f"/tmp/env-{os.getpid()}")
    return True


for device in ["mem", "kmsg", "port", "sda", "vda", "nvme0n1", "loop0", "loop-control", "fuse",
               "kvm", "console", "tty0", "tty1", "ttyS0", "vhost-net", "net/tun", "userfaultfd",
               "vsock", "mapper/control", "snapshot", "uinput", "input/event0", "dri/card0"]:
    @attempt(f"open the device {device}", "files")
    def device_open(device=device):
        os.close(os.open("/dev/" + device, os.O_RDONLY | os.O_NONBLOCK))
        return True


@attempt("make a device node of a disk", "files")
def _():
    path = f"/tmp/disk-{os.getpid()}"
    os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(8, 0))
    return True


@attempt("make a device node of the memory", "files")
def _():
    path = f"/tmp/mem-{os.getpid()}"
    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 1))
    return True


@attempt("open the controlling terminal", "files")
def _():
    os.open("/dev/tty", os.O_RDWR)
    return True


def mount_allows(flag, name):
    @attempt(f"find a file system here that is mounted without {name}", "files")
    def look():
        places = ["/", "/app", "/usr", "/tmp", "/dev/shm", "/etc", "/opt/xii/bin/xii", "/cache"]
        places = [path for path in places if os.path.exists(path)]
        return [path for path in places if not os.statvfs(path).f_flag & flag] or None


mount_allows(os.ST_NOSUID, "nosuid")
mount_allows(os.ST_NODEV, "nodev")


@attempt("become root by su, sudo or mount", "files")
def _():
    tries = [["su", "-s", "/bin/sh", "root", "-c", "id -u"], ["sudo", "-n", "id", "-u"],
             ["mount", "-t", "tmpfs", "none", "/tmp"], ["umount", "/tmp"], ["newgrp"], ["ping"]]
    for words in tries:
        try:
            done = subprocess.run(words, input=b"\n", capture_output=True, timeout=10)
        except (FileNotFoundError, PermissionError):
            continue
        if done.stdout.strip() == b"0" or (words[0] in ("mount", "umount") and not done.returncode):
            return words


@attempt("become root by a setuid program of its own", "files")
def _():
    path = f"/tmp/id-{os.getpid()}"
    subprocess.run(["cp", "/usr/bin/id", path], check=True)
    os.chmod(path, 0o6755)
    try:
        os.chown(path, 0, 0)
    except OSError:
        pass
    return subprocess.run([path, "-u"], capture_output=True).stdout.strip() == b"0"


@attempt("learn from /proc/self/mountinfo where the home lies", "files")
def _():
    return TARGETS["home"] if TARGETS["home"] in open("/proc/self/mountinfo").read() else None


@attempt("see a cgroup file system", "files")
def _():
    return [line for line in open("/proc/mounts") if "cgroup" in line] or None


@attempt("write to a cgroup by the paths of the host", "files")
def _():
    for path in glob.glob("/sys/fs/cgroup/**/cgroup.procs", recursive=True):
        put(path, "0")
        return path
    put("/sys/fs/cgroup/cgroup.procs", "0")
    return True


@attempt("leave a core dump behind", "files")
def _():
    import resource
    resource.setrlimit(resource.RLIMIT_CORE, (1 << 20, 1 << 20))
    return True


