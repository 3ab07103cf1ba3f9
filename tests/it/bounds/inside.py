"""Run in an app's sandbox: tries what it must not be able to do. Each argument names
something of the host or of another app; what is within reach is printed."""
import ctypes
import glob
import os
import signal
import socket
import sys

libc = ctypes.CDLL(None, use_errno=True)


def reached(what):
    print("REACHED", what, flush=True)


def attempt(what, work):
    try:
        if work() is not False:
            reached(what)
    except OSError:
        pass


def syscall(what, *args):
    attempt(what, lambda: libc.syscall(*args) == 0)


def unix(path):
    socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).connect(path)


for argument in sys.argv[1:]:
    kind, _, rest = argument.partition("=")
    if kind == "port":
        attempt(argument, lambda: socket.create_connection(("127.0.0.1", int(rest)), 3))
        attempt(argument + " v6", lambda: socket.create_connection(("::1", int(rest)), 3))
    elif kind == "path":
        attempt(argument, lambda: os.stat(rest))
        attempt(argument + " socket", lambda: unix(rest))
    elif kind == "pid":
        attempt(argument + " signal", lambda: os.kill(int(rest), 0))
        attempt(argument + " environ", lambda: open(f"/proc/{rest}/environ").read())
    elif kind == "secret":
        for path in glob.glob("/proc/*/environ"):
            attempt(argument + " in " + path, lambda: rest in open(path).read())

for folder in ["/", "/app", "/usr", "/usr/bin", "/etc", "/opt", "/proc/sys/kernel"]:
    attempt(f"write {folder}", lambda: open(folder + "/xii-test", "w"))
attempt("become root", lambda: os.setuid(0))
attempt("signal the keeper", lambda: os.kill(1, signal.SIGKILL))
attempt("the keeper's memory", lambda: open("/proc/1/mem", "rb"))
attempt("the keeper's environment", lambda: open("/proc/1/environ").read())
syscall("ptrace the keeper", 101, 16, 1, 0, 0)
syscall("mount", 165, b"none", b"/tmp", b"tmpfs", 0, 0)
syscall("unshare a user namespace", 272, 0x10000000)
syscall("unshare mounts", 272, 0x00020000)
pids = [name for name in os.listdir("/proc") if name.isdigit()]
if len(pids) > 4:
    reached(f"processes {pids}")
print("UID", os.getuid())
