"""The release phase: runs once per release, before any of its processes starts."""

import sys

import book


def main():
    if not book.attached():
        print("migrate: no database attached, nothing to do")
        return
    try:
        book.migrate()
    except book.Unreachable as error:
        sys.exit(f"migrate: the database does not answer: {type(error).__name__}")
    print("migrate: the table is there")


if __name__ == "__main__":
    main()
