"""The web process: one page that shows who answered, and a form to leave a line."""

import html
import os
import pathlib
import signal
import string
import sys
import zlib
from http import HTTPStatus
from urllib.parse import parse_qs

import waitress

import book

PAGE = string.Template(pathlib.Path(__file__).with_name("page.html").read_text("utf-8"))
GREETING = os.environ.get("GREETING") or "Leave a line, so that we know you were here."

INSTANCE = os.environ.get("XII_INSTANCE") or os.environ.get("DYNO") or "local"
RELEASE = os.environ.get("XII_RELEASE") or "unreleased"
DEPLOY = "/".join(filter(None, [os.environ.get("XII_APP"), os.environ.get("XII_DEPLOY")])) or "this machine"

MOST_BODY = 8 * 1024
MOST_NAME = 40
MOST_MESSAGE = 280

HEADERS = [
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Instance", INSTANCE),
    ("X-Release", RELEASE),
]


def application(environ, start_response):
    """WSGI: every answer has a length, so that connections stay open."""
    status, content_type, text, more = route(environ)
    body = text.encode()
    headers = [*HEADERS, *more, ("Content-Type", content_type), ("Content-Length", str(len(body)))]
    start_response(f"{status.value} {status.phrase}", headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def route(environ):
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    match path, method:
        case "/", "GET" | "HEAD":
            return show()
        case "/sign", "POST":
            return sign(environ)
        case "/healthz", "GET" | "HEAD":
            return plain(HTTPStatus.OK, "ok\n")
        case "/" | "/healthz", _:
            return plain(HTTPStatus.METHOD_NOT_ALLOWED, "GET or HEAD\n", [("Allow", "GET, HEAD")])
        case "/sign", _:
            return plain(HTTPStatus.METHOD_NOT_ALLOWED, "POST\n", [("Allow", "POST")])
        case _:
            return plain(HTTPStatus.NOT_FOUND, "There is no such page.\n")


def show():
    if not book.attached():
        notice = "no database attached"
        more = "Nothing is kept until DATABASE_URL is set: not in a file, not in memory."
        return page(HTTPStatus.OK, [], notice, more)
    try:
        return page(HTTPStatus.OK, book.latest())
    except book.Unreachable as error:
        return unreachable(error)


def sign(environ):
    length = environ.get("CONTENT_LENGTH") or "0"
    if int(length) > MOST_BODY:
        return plain(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"At most {MOST_BODY} bytes.\n")
    form = parse_qs(environ["wsgi.input"].read(int(length)).decode("utf-8", "replace"))
    name = clean(form, "name")[:MOST_NAME] or "Anonymous"
    message = clean(form, "message")[:MOST_MESSAGE]
    if message and book.attached():
        try:
            book.sign(name, message)
        except book.Unreachable as error:
            return unreachable(error)
        log("a line was left")
    return plain(HTTPStatus.SEE_OTHER, "See /\n", [("Location", "/")])


def clean(form, field):
    """One line without control characters; PostgreSQL's text cannot hold NUL."""
    text = form.get(field, [""])[0]
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def unreachable(error):
    log(f"the database does not answer: {type(error).__name__}")
    more = "Try again in a moment."
    return page(HTTPStatus.SERVICE_UNAVAILABLE, [], "the database does not answer", more)


def plain(status, text, more=()):
    return status, "text/plain; charset=utf-8", text, more


def page(status, entries, notice="", more=""):
    values = {
        "greeting": html.escape(GREETING),
        "instance": html.escape(INSTANCE),
        "release": html.escape(RELEASE),
        "deploy": html.escape(DEPLOY),
        "hue": zlib.crc32(f"{INSTANCE} {RELEASE}".encode()) % 360,
        "disabled": "disabled" if notice else "",
        "notice": notice and f'<p class="notice" role="status"><strong>{notice}</strong> {more}</p>',
        "entries": "".join(map(entry, entries)) or empty(notice),
    }
    return status, "text/html; charset=utf-8", PAGE.substitute(values), ()


def entry(row):
    name, message, time = row
    return (
        f"<li><p>{html.escape(message)}</p><footer><b>{html.escape(name)}</b>"
        f'<time datetime="{time.isoformat()}">{time:%-d %b %Y, %H:%M}</time></footer></li>'
    )


def empty(notice):
    return "" if notice else '<li class="empty">No one has signed yet. Be the first.</li>'


def log(text):
    print(text, flush=True)


def stop(*_):
    # Waitress takes this as the order to finish the requests at hand and return.
    raise SystemExit


def main():
    port = int(os.environ.get("PORT", "5000"))
    server = waitress.create_server(application, host="0.0.0.0", port=port, threads=8, ident=None, max_request_body_size=1 << 20)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    state = "a database" if book.attached() else "no database attached"
    log(f"listening on port {port} as {INSTANCE}, release {RELEASE}, {state}")
    server.run()
    log("stopped")


if __name__ == "__main__":
    sys.exit(main())
