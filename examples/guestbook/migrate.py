"""The release phase: runs once per release, before any of its processes starts."""

import book

if book.attached():
    book.migrate()
    print("migrate: the table is there")
else:
    print("migrate: no database attached, nothing to do")
