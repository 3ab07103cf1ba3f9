"""More than its share. Possible means: it got more than the bound that is written beside it."""
import ctypes
import mmap
import os
import resource
import signal
import socket
import time

from attack import TARGETS, attempt

MEBIBYTE = 1 << 20


def fill(folder, most):
    path = os.path.join(folder, f"flood-{os.getpid()}")
    file, size = os.open(path, os.O_CREAT | os.O_RDWR), 0
    try:
        while size < most:
            os.posix_fallocate(file, size, 8 * MEBIBYTE)
            size += 8 * MEBIBYTE
        return f"{size // MEBIBYTE} MB"
    finally:
        os.close(file)
        os.unlink(path)


attempt("fill /tmp with more than 300 MB", "bombs")(lambda: fill("/tmp", 300 * MEBIBYTE))
attempt("fill /dev/shm with more than 100 MB", "bombs")(lambda: fill("/dev/shm", 100 * MEBIBYTE))


def inodes(folder, most):
    base = os.path.join(folder, f"inodes-{os.getpid()}")
    os.mkdir(base)
    made = 0
    try:
        while made < most:
            os.mkdir(f"{base}/{made}")
            made += 1
        return f"{made} files"
    finally:
        for number in range(made):
            os.rmdir(f"{base}/{number}")
        os.rmdir(base)


attempt("make more than 100,000 files in /tmp", "bombs")(lambda: inodes("/tmp", 100_000))
attempt("make more than 100,000 files in /dev/shm", "bombs")(lambda: inodes("/dev/shm", 100_000))


@attempt("start more than 1,000 processes", "bombs")
def _():
    children = []
    try:
        while len(children) < 1000:
            pid = os.fork()
            if pid == 0:
                signal.pause()
                os._exit(0)
            children.append(pid)
        return f"{len(children)}"
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        for pid in children:
            os.waitpid(pid, 0)


@attempt("use more than 700 MB of memory", "bombs")
def _():
    block = mmap.mmap(-1, 700 * MEBIBYTE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x8000)
    return f"{len(block) // MEBIBYTE} MB"


@attempt("use more than 700 MB of shared memory (SysV)", "bombs")
def _():
    libc = ctypes.CDLL(None, use_errno=True)
    segment = libc.shmget(0, ctypes.c_size_t(700 * MEBIBYTE), 0o1600)
    if segment == -1:
        raise OSError(ctypes.get_errno(), "")
    libc.shmat.restype = ctypes.c_void_p
    address = libc.shmat(segment, None, 0)
    # It goes with the process that is killed for it.
    libc.shmctl(segment, 0, None)
    for offset in range(0, 700 * MEBIBYTE, 4096):
        ctypes.memset(address + offset, 1, 1)
    return "700 MB"


@attempt("use more than 700 MB in memory files (memfd)", "bombs")
def _():
    file = os.memfd_create("flood")
    os.posix_fallocate(file, 0, 700 * MEBIBYTE)
    return "700 MB"


@attempt("open more than 65,536 files", "bombs")
def _():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    opened = []
    while len(opened) <= 65_536:
        opened.append(os.open("/dev/null", os.O_RDONLY))
    return f"{len(opened)}"


@attempt("open more than 1,000 terminals", "bombs")
def _():
    opened = []
    while len(opened) < 1000:
        opened.append(os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY))
    return f"{len(opened)}"


@attempt("make another wait at the router with 3,000 connections", "bombs")
def _():
    held = []
    address = ("127.0.0.1", TARGETS["router_port"])
    try:
        while len(held) < 3000:
            held.append(socket.create_connection(address, 3))
            held[-1].send(b"GET / HT")
    except OSError:
        pass
    began = time.monotonic()
    client = socket.create_connection(address, 10)
    host = TARGETS["host"].encode()
    client.sendall(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n")
    client.settimeout(10)
    answer = client.recv(100)
    took = time.monotonic() - began
    if not answer.startswith(b"HTTP/1.1 200"):
        return f"{answer[:30]} behind {len(held)}"
    return f"{took:.1f} s behind {len(held)}" if took > 3 else None


