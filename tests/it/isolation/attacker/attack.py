"""An app that wants out. Tries one thing after the other and prints for each what came of it:

    ATTEMPT|what it tried|refused, possible or n/a|the kernel's word

Usage: attack.py CONTEXT GROUP… The things to reach are in targets.json beside it. Each attempt
runs in a child of its own, so that one that is killed for it does not end the others."""
import errno
import json
import os
import signal
import sys
import traceback

TARGETS = json.load(open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "targets.json")))
CONTEXT = sys.argv[1] if len(sys.argv) > 1 else ""
PATIENCE = 20
ATTEMPTS = []


class NotHere(Exception):
    """What it would be tried on does not exist here."""


def attempt(what, group):
    """The function returns what it got hold of, or nothing; an OSError is a refusal."""
    def keep(function):
        ATTEMPTS.append((group, what, function))
        return function
    return keep


def put(path, text):
    """A write whose refusal is seen at once."""
    file = os.open(path, os.O_WRONLY)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)


def judge(function):
    try:
        got = function()
    except NotHere as why:
        return "n/a", str(why)
    except OSError as error:
        return "refused", errno.errorcode.get(error.errno, type(error).__name__)
    except ValueError as error:
        # What Python says for EPERM of setrlimit.
        return ("refused", "EPERM") if "not allowed to raise" in str(error) else ("broken", str(error))
    except MemoryError:
        return "refused", "MemoryError"
    except BaseException:
        return "broken", traceback.format_exc().strip().splitlines()[-1]
    if got is None or got is False:
        return "refused", "found nothing"
    return "possible", "" if got is True else str(got)


def in_a_child(function, group):
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        signal.alarm(PATIENCE)
        if group == "bombs":
            # Where memory runs out, it is this child that goes.
            open("/proc/self/oom_score_adj", "w").write("1000")
        os.write(write, "|".join(judge(function)).replace("\n", " ")[:300].encode())
        os._exit(0)
    os.close(write)
    said = b""
    while True:
        part = os.read(read, 4096)
        if not part:
            break
        said += part
    os.close(read)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        return ("broken|no end" if name == "SIGALRM" else f"refused|{name}")
    return said.decode() or "broken|no answer"


def run(groups):
    for group, what, function in ATTEMPTS:
        if group in groups:
            print(f"ATTEMPT|{what}|{in_a_child(function, group)}", flush=True)


if __name__ == "__main__":
    sys.modules["attack"] = sys.modules["__main__"]
    import bombs, files, kernel, network, processes  # noqa: F401,E401
    run(sys.argv[2:])
    if CONTEXT == "web":
        import victim
        victim.serve()
