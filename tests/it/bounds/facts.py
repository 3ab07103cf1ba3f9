"""Answers with what it finds around itself, as JSON; /touch leaves files behind first."""
import json
import os
import pwd
import ssl
import socket
import zoneinfo
from http.server import BaseHTTPRequestHandler, HTTPServer


def facts():
    return {
        "env": dict(os.environ),
        "cwd": os.getcwd(),
        "user": pwd.getpwuid(os.getuid()).pw_name,
        "uid": os.getuid(),
        "tmp": sorted(os.listdir("/tmp")),
        "scratch": sorted(os.listdir("/app/log")),
        "authorities": len(ssl.create_default_context().get_ca_certs()),
        "localhost": socket.gethostbyname("localhost"),
        "resolv": os.path.exists("/etc/resolv.conf"),
        "zone": str(zoneinfo.ZoneInfo("Europe/Berlin")),
        "pids": len([name for name in os.listdir("/proc") if name.isdigit()]),
    }


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/touch":
            for folder in ["/tmp", "/app/log"]:
                open(folder + "/mark", "w").close()
        body = json.dumps(facts()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


HTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
