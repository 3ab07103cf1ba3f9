"""Counts aloud, PACE lines a second, with the time it has itself."""
import itertools
import os
import time

pace = float(os.environ.get("PACE", "5"))
for number in itertools.count():
    print("tick", number, time.time(), flush=True)
    time.sleep(1 / pace)
