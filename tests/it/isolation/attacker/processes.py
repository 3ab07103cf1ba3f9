"""Other processes, the keeper, limits, and what belongs to nobody in particular."""
import ctypes
import os
import resource
import signal

from attack import NotHere, TARGETS, attempt, put

libc = ctypes.CDLL(None, use_errno=True)


def checked(result):
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


for name in ["SIGKILL", "SIGTERM", "SIGSTOP", "SIGUSR1"]:
    @attempt(f"send {name} to its keeper", "processes")
    def send(name=name):
        os.kill(1, getattr(signal, name))
        return True


for who, pid in TARGETS["pids"].items():
    @attempt(f"send a signal to {who} by its pid on the host", "processes")
    def send_host(pid=pid):
        if pid < 1000:
            raise NotHere("the number is one of its own")
        os.kill(pid, 0)
        return True


@attempt("kill all it can (kill -1) and reach anybody but itself", "processes")
def _():
    # In a child that ignores nothing: what is killed is this attempt and its like.
    before = set(filter(str.isdigit, os.listdir("/proc")))
    foreign = [pid for pid in before if os.stat(f"/proc/{pid}").st_uid != os.getuid()]
    for pid in foreign:
        os.kill(int(pid), 0)
    return foreign or None


@attempt("trace its keeper", "processes")
def _():
    checked(libc.ptrace(16, 1, None, None))
    return True


@attempt("trace its own child (a debugger would)", "processes")
def _():
    pid = os.fork()
    if pid == 0:
        signal.pause()
        os._exit(0)
    try:
        checked(libc.ptrace(16, pid, None, None))
        return True
    finally:
        os.kill(pid, signal.SIGKILL)


class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


@attempt("read its keeper's memory (process_vm_readv)", "processes")
def _():
    room = ctypes.create_string_buffer(8)
    here = Vector(ctypes.addressof(room), 8)
    there = Vector(0x400000, 8)
    checked(libc.process_vm_readv(1, ctypes.byref(here), 1, ctypes.byref(there), 1, 0))
    return True


@attempt("take a descriptor of its keeper (pidfd_getfd)", "processes")
def _():
    handle = os.pidfd_open(1)
    checked(libc.syscall(438, handle, 3, 0))
    return True


@attempt("change its keeper's limits (prlimit)", "processes")
def _():
    resource.prlimit(1, resource.RLIMIT_NOFILE, (0, 0))
    return True


@attempt("become root (setuid 0)", "processes")
def _():
    os.setuid(0)
    return True


@attempt("become the user of another app", "processes")
def _():
    if os.getuid() == TARGETS["uid"]:
        raise NotHere("all apps are one user")
    os.setresuid(TARGETS["uid"], TARGETS["uid"], TARGETS["uid"])
    return True


@attempt("join another group", "processes")
def _():
    os.setgroups([0, 6, 42])
    return True


@attempt("have a capability", "processes")
def _():
    lines = [line.split() for line in open("/proc/self/status") if line.startswith("Cap")]
    return [line for line in lines if int(line[1], 16)] or None


@attempt("run without no_new_privs or without a system call filter", "processes")
def _():
    status = dict(line.split(":\t", 1) for line in open("/proc/self/status"))
    return status["NoNewPrivs"].strip() != "1" or status["Seccomp"].strip() != "2"


@attempt("lower its oom score below what it was given", "processes")
def _():
    now = int(open("/proc/self/oom_score_adj").read())
    put("/proc/self/oom_score_adj", str(now - 1))
    return f"from {now}"


@attempt("make itself unkillable for want of memory (oom score -1000)", "processes")
def _():
    put("/proc/self/oom_score_adj", "-1000")
    return True


@attempt("raise its limit of open files", "processes")
def _():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard + 1, hard + 1))
    return True


@attempt("get real-time scheduling", "processes")
def _():
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    return True


@attempt("get a higher priority (nice -5)", "processes")
def _():
    os.setpriority(os.PRIO_PROCESS, 0, -5)
    return True


@attempt("get real-time disk priority (ioprio)", "processes")
def _():
    checked(libc.syscall(251, 1, 0, (1 << 13) | 0))
    return True


@attempt("lock 64 MB of memory", "processes")
def _():
    size = 64 << 20
    block = ctypes.create_string_buffer(size)
    checked(libc.mlock(block, ctypes.c_size_t(size)))
    return True


@attempt("use another's SysV shared memory", "processes")
def _():
    return checked(libc.shmget(TARGETS["sysv"], 1, 0))


@attempt("use another's POSIX message queue", "processes")
def _():
    lib = ctypes.CDLL("librt.so.1", use_errno=True)
    return checked(lib.mq_open(TARGETS["queue"].encode(), 0)) >= 0
