"""The worker of the tests: says that it is alive until it is told to go."""
import signal
import threading

stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
count = 0
while not stop.wait(0.2):
    count += 1
    print("beat", count, flush=True)
print("worker says bye", flush=True)
