"""Visitors who keep asking as long as there is a file: load.py HOST FILE RESULT.

Half of them keep their connections. `asked` appears once each has had an answer.
"""
import http.client
import json
import os
import sys
import threading
import time

host, flag, result = sys.argv[1:]
lock = threading.Lock()
met = {"answered": 0, "failed": 0, "why": [], "longest": 0.0}


def note(why, took):
    with lock:
        met["failed" if why else "answered"] += 1
        if met["answered"] + met["failed"] == 20:
            open("asked", "w").write("yes")
        met["longest"] = max(met["longest"], round(took, 3))
        if why and len(met["why"]) < 5:
            met["why"].append(why)


def visit(keep):
    connection = None
    while os.path.exists(flag):
        began = time.monotonic()
        why = None
        try:
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", 8080, timeout=60)
            connection.request("GET", "/", headers={"Host": host})
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                why = f"{answer.status} {body[:200]!r}"
            if not keep or answer.will_close:
                connection.close()
                connection = None
        except (OSError, http.client.HTTPException) as error:
            why = repr(error)
            connection = None
        note(why, time.monotonic() - began)
        # An emulated processor has other work to do.
        time.sleep(0.05)


visitors = [threading.Thread(target=visit, args=[index % 2 == 0]) for index in range(4)]
for visitor in visitors:
    visitor.start()
for visitor in visitors:
    visitor.join()
with open(result + ".half", "w") as file:
    json.dump(met, file)
os.rename(result + ".half", result)
