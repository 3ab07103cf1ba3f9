"""The web process of the tests. What it does is asked for by path:
/            release and instance
/env/NAME    a variable
/slow/MS     answers after that long
/exit/CODE   ends the process
"""
import os
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        verb, _, rest = self.path.strip("/").partition("/")
        if verb == "env":
            text = os.environ.get(rest, "(unset)")
        elif verb == "slow":
            time.sleep(int(rest) / 1000)
            text = "slow " + os.environ["XII_RELEASE"]
        elif verb == "exit":
            os._exit(int(rest))
        else:
            text = os.environ["XII_RELEASE"] + " " + os.environ["XII_INSTANCE"]
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 256


server = Server(("0.0.0.0", int(os.environ["PORT"])), Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
print("listening", flush=True)
server.serve_forever()
print("bye", flush=True)
os._exit(0)
