"""System calls that no app needs. Refused means: by the filter or for want of a privilege, before
the kernel looks at what was asked; any other answer counts as reached."""
import ctypes
import errno
import mmap
import platform
import struct

from attack import NotHere, attempt

libc = ctypes.CDLL(None, use_errno=True)
REFUSALS = (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT)


def call(number, *arguments):
    if platform.machine() != "x86_64":
        raise NotHere("numbers are those of x86-64")
    given = [ctypes.c_char_p(a) if isinstance(a, bytes) else ctypes.c_long(a) for a in arguments]
    result = libc.syscall(ctypes.c_long(number), *given)
    if result != -1:
        return f"returned {result}"
    number = ctypes.get_errno()
    if number in REFUSALS:
        raise OSError(number, "")
    return errno.errorcode.get(number, number)


ATTRIBUTES = struct.pack("<QQQQQQQQ", 0x10000000, 0, 0, 0, 17, 0, 0, 0)
TIMEX = b"\0" * 208
CALLS = {
    "mount a file system": (165, b"none", b"/tmp", b"tmpfs", 0, 0),
    "mount a cgroup file system": (165, b"none", b"/tmp", b"cgroup2", 0, 0),
    "mount the host's /proc again": (165, b"proc", b"/tmp", b"proc", 0, 0),
    "mount a disk": (165, b"/dev/vda", b"/tmp", b"ext4", 0, 0),
    "remount its root writable": (165, b"none", b"/", b"", 32, 0),
    "bind a folder elsewhere": (165, b"/usr", b"/tmp", b"", 4096, 0),
    "make mounts shared": (165, b"none", b"/", b"", 1 << 20, 0),
    "unmount /proc": (166, b"/proc", 2),
    "unmount /etc/resolv.conf": (166, b"/etc/resolv.conf", 2),
    "pivot_root": (155, b"/tmp", b"/tmp"),
    "chroot": (161, b"/tmp"),
    "fsopen": (430, b"tmpfs", 0),
    "fsconfig": (431, 0, 0, 0, 0, 0),
    "fsmount": (432, 0, 0, 0),
    "fspick": (433, -100, b"/", 0),
    "open_tree (a clone)": (428, -100, b"/", 1),
    "open_tree_attr (a clone)": (467, -100, b"/", 1, 0, 0),
    "move_mount": (429, -100, b"/tmp", -100, b"/usr", 0),
    "mount_setattr": (442, -100, b"/", 0, b"\0" * 32, 32),
    "setns": (308, 0, 0),
    "ask for a user namespace (unshare)": (272, 0x10000000),
    "ask for a mount namespace (unshare)": (272, 0x00020000),
    "ask for a network namespace (unshare)": (272, 0x40000000),
    "ask for a PID namespace (unshare)": (272, 0x20000000),
    "ask for a cgroup namespace (unshare)": (272, 0x02000000),
    "ask for an IPC namespace (unshare)": (272, 0x08000000),
    "ask for a UTS namespace (unshare)": (272, 0x04000000),
    "ask for a time namespace (unshare)": (272, 0x00000080),
    "ask for a user namespace (clone)": (56, 0x10000000 | 17, 0, 0, 0, 0),
    "ask for a user namespace (clone3)": (435, ATTRIBUTES, 64),
    "keyctl: read the session keyring": (250, 0, -3, 0),
    "keyctl: join another session's keyring": (250, 1, b"_ses"),
    "add_key": (248, b"user", b"xii", b"x", 1, -3),
    "request_key": (249, b"user", b"xii", 0, -3),
    "bpf": (321, 5, b"\0" * 128, 128),
    "perf_event_open": (298, b"\0" * 128, 0, -1, -1, 0),
    "userfaultfd": (323, 1),
    "io_uring_setup": (425, 1, b"\0" * 128),
    "io_uring_enter": (426, 0, 1, 0, 0, 0, 0),
    "io_uring_register": (427, 0, 0, 0, 0),
    "kexec_load": (246, 0, 0, 0, 0),
    "kexec_file_load": (320, 0, 0, 0, b"", 0),
    "load a module": (175, b"x", 1, b""),
    "load a module from a file": (313, 0, b"", 0),
    "remove a module": (176, b"nft_ct", 0),
    "reboot": (169, 0xfee1dead, 672274793, 0, 0),
    "settimeofday": (164, b"\0" * 16, 0),
    "clock_settime": (227, 0, b"\0" * 16),
    "adjtimex": (159, b"\x01" + TIMEX[1:]),
    "clock_adjtime": (305, 0, b"\x01" + TIMEX[1:]),
    "sethostname": (170, b"xii", 3),
    "setdomainname": (171, b"xii", 3),
    "swapon": (167, b"/tmp", 0),
    "swapoff": (168, b"/tmp"),
    "quotactl": (179, 0, 0, 0, 0),
    "quotactl_fd": (443, 0, 0, 0, 0),
    "open_by_handle_at": (304, -100, b"\x08" + b"\0" * 15, 0),
    "acct": (163, b"/tmp"),
    "syslog (the kernel's messages)": (103, 3, b"\0" * 16, 16),
    "iopl": (172, 3),
    "ioperm": (173, 0, 1, 1),
    "modify_ldt": (154, 0, b"\0" * 16, 16),
    "personality (addresses by the old layout)": (135, 0x0200000),
    "personality (readable means executable)": (135, 0x0400000),
    "kcmp": (312, 1, 1, 0, 0, 0),
    "vhangup": (153,),
    "lookup_dcookie": (212, 0, b"\0" * 64, 64),
    "uselib": (134, b"/tmp"),
    "fanotify_init": (300, 0, 0),
    "fanotify_init (of a whole file system)": (300, 0x200, 0),
    "migrate its keeper's memory (migrate_pages)": (256, 1, 64, b"\1" + b"\0" * 7, b"\1" + b"\0" * 7),
    "push a character into a terminal (TIOCSTI)": (16, 0, 0x5412, b"x"),
    "paste into the console (TIOCLINUX)": (16, 0, 0x541C, b"\x03"),
    "a call by its x32 number": (0x40000000 + 39,),
    "mount by its x32 number": (0x40000000 + 165, b"none", b"/tmp", b"tmpfs", 0, 0),
}

for what, words in CALLS.items():
    @attempt(what, "kernel")
    def make(words=words):
        return call(*words)


def machine_code(code):
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    return ctypes.CFUNCTYPE(ctypes.c_int)(address)()


def int_0x80(number, first=0):
    if platform.machine() != "x86_64":
        raise NotHere("only x86-64 has it")
    # push rbx; mov eax, number; mov ebx, first; int 0x80; pop rbx; ret
    code = b"\x53\xb8" + struct.pack("<I", number) + b"\xbb" + struct.pack("<I", first)
    result = machine_code(code + b"\xcd\x80\x5b\xc3")
    if -4096 < result < 0:
        raise OSError(-result, "")
    return f"returned {result}"


@attempt("a call of i386 (int 0x80): getpid", "kernel")
def _():
    return int_0x80(20)


@attempt("a call of i386 (int 0x80): unshare", "kernel")
def _():
    return int_0x80(310, 0x10000000)


