"""An app with things that others would like: an answer, datagrams, sockets, memory, a secret."""
import ctypes
import os
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"victim"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class OverV6(ThreadingHTTPServer):
    address_family = socket.AF_INET6

    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        super().server_bind()


def serve():
    ThreadingHTTPServer.request_queue_size = 128
    ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()


def echo(address, family):
    server = socket.socket(family, socket.SOCK_DGRAM)
    server.bind((address, int(os.environ["PORT"])))
    while True:
        data, who = server.recvfrom(2000)
        server.sendto(data, who)


def belongings(tag):
    libc = ctypes.CDLL(None, use_errno=True)
    open("/tmp/" + tag, "w").write("secret")
    open("/dev/shm/" + tag, "w").write("secret")
    abstract = socket.socket(socket.AF_UNIX)
    abstract.bind("\0" + tag)
    abstract.listen(8)
    libc.shmget(int(os.environ.get("SYSV", "4711")), ctypes.c_size_t(4096), 0o1666)
    ctypes.CDLL("librt.so.1").mq_open(("/" + tag).encode(), 0o100 | 2, 0o666, None)
    return abstract


if __name__ == "__main__":
    kept = belongings(sys.argv[1])
    threading.Thread(target=echo, args=("0.0.0.0", socket.AF_INET), daemon=True).start()
    if socket.has_ipv6:
        over_v6 = OverV6(("::1", int(os.environ["PORT"])), Handler)
        threading.Thread(target=over_v6.serve_forever, daemon=True).start()
        threading.Thread(target=echo, args=("::1", socket.AF_INET6), daemon=True).start()
    serve()
