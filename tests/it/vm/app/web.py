"""Answers who it is, and misbehaves when asked to."""
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VERSION = open("version").read().strip()


def fork_bomb():
    count = 0
    try:
        while count < 5000:
            if os.fork() == 0:
                time.sleep(5)
                os._exit(0)
            count += 1
    except OSError:
        pass
    return count


class Page(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/eat":
            hoard = [bytearray(1 << 20) for _ in range(1024)]
            text = f"ate {len(hoard)} MiB"
        elif self.path == "/fork":
            text = f"forked {fork_bomb()}"
        elif self.path == "/slow":
            time.sleep(3)
            text = "slow"
        elif self.path == "/crash":
            os._exit(7)
        else:
            text = f"{VERSION} {os.environ['DYNO']} {os.environ['XII_RELEASE']} {os.environ.get('WORD', '')}"
        body = (text + "\n").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Page)
server.daemon_threads = True
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
print("serving", VERSION, flush=True)
server.serve_forever()
print("stopped in order", flush=True)
sys.exit(0)
