"""Do the stamps of each writer ascend, as written in the files: stamps.py LOGS [WORD [NOW]].

A power cut may leave zeros where data was on its way to the disk. What comes after them in the
file of such a writer is not counted. Prints how many were read, and the time that the newest
line with WORD names itself; lines from after NOW, of a stepped clock or of the next boot, are passed over.
"""
import collections
import pathlib
import sys

logs, word, now = (sys.argv[1:] + ["tick", "inf"][len(sys.argv) - 2 :])[:3]
writers = collections.defaultdict(list)
for part in pathlib.Path(logs).glob("*/*/*/*.log"):
    writers[part.parent.parent, part.name].append(part)
lines, newest, cut = 0, 0.0, 0
for (_, name), parts in writers.items():
    last = ""
    for part in sorted(parts):
        whole, zeros, _ = part.read_text(errors="replace").partition("\0")
        cut += bool(zeros)
        *texts, unfinished = whole.split("\n")
        for line in texts:
            lines += 1
            stamp, _, rest = line.partition(" ")
            assert len(stamp) == 32 and stamp[10] == "T", f"{part}: {line!r}"
            assert stamp >= last, f"{part}: {stamp} after {last}"
            last = stamp
            words = rest.split()
            if word in words and float(words[-1]) <= float(now) + 2:
                newest = max(newest, float(words[-1]))
print(len(writers), "writers", lines, "lines", cut, "cut", newest)
