"""A background process: says every few seconds that it is alive, and ends when asked to."""

import os
import signal
import threading

import book

stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
signal.signal(signal.SIGINT, lambda *_: stop.set())


def state():
    if not book.attached():
        return "no database attached"
    try:
        return f"{book.count()} entries"
    except book.Unreachable as error:
        return f"the database does not answer ({type(error).__name__})"


def main():
    seconds = float(os.environ.get("HEARTBEAT_SECONDS", "5"))
    beats = 0
    while True:
        beats += 1
        print(f"heartbeat {beats}: {state()}", flush=True)
        if stop.wait(seconds):
            break
    print(f"stopping after {beats} heartbeats", flush=True)


if __name__ == "__main__":
    main()
