"""A web process with bad manners: the first argument says which, or the path of a request.
"""
import os
import signal
import socket
import sys
import threading
import time

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
kept = []


def hog():
    block = []
    while True:
        block.append(bytearray(b"x") * (1 << 20))


def answer(client):
    head = client.recv(65536).decode(errors="replace")
    path = (head.split(" ") + ["/", "/"])[1]
    if path == "/close":
        pass
    elif path == "/huge":
        client.sendall(b"HTTP/1.1 200 OK\r\nX-Big: " + b"x" * 4_000_000 + b"\r\n\r\n")
    elif path == "/leak":
        kept.append(client)
        return client.sendall(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    elif path == "/hog":
        hog()
    elif path.startswith("/bind/"):
        squat = socket.create_server(("0.0.0.0", int(path[6:])))
        threading.Thread(target=serve, args=[squat]).start()
        client.sendall(OK)
    else:
        client.sendall(OK)
    client.close()


def serve(server):
    while True:
        client, _ = server.accept()
        threading.Thread(target=answer, args=[client]).start()


manner = sys.argv[1]
if manner == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if manner == "forks":
    while True:
        try:
            if os.fork() == 0:
                time.sleep(1000)
        except OSError:
            time.sleep(0.1)
where = "127.0.0.1" if manner == "loopback" else "0.0.0.0"
port = 0 if manner == "elsewhere" else int(os.environ["PORT"])
server = socket.create_server((where, port), backlog=128)
if manner == "mute":
    time.sleep(1000)
serve(server)
