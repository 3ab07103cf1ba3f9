"""Runs what the host says, one JSON line each: {"id", "run", "patience"} -> {"id", "code", "said"}.

On a virtio port, so that it needs neither network nor keys, and works while both are broken.
"""
import json
import os
import subprocess
import threading

PORT = "/dev/virtio-ports/xii"
writing = threading.Lock()
port = os.open(PORT, os.O_RDWR)


def answer(message):
    data = (json.dumps(message) + "\n").encode()
    with writing:
        while data:
            data = data[os.write(port, data):]


def run(order):
    with subprocess.Popen(
        ["bash", "-c", order["run"]],
        cwd="/root",
        env={"PATH": os.environ["PATH"], "HOME": "/root", "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        try:
            said, _ = process.communicate(timeout=order["patience"])
            code = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            said, _ = process.communicate()
            code = 124
    answer({"id": order["id"], "code": code, "said": said.decode(errors="replace")})


answer({"id": 0, "code": 0, "said": open("/proc/sys/kernel/random/boot_id").read().strip()})
pending = b""
while True:
    pending += os.read(port, 65536)
    *lines, pending = pending.split(b"\n")
    for line in lines:
        threading.Thread(target=run, args=[json.loads(line)]).start()
