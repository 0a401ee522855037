#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every source file names its licence in its first lines; --fix writes the line where it is missing."""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LINE = "SPDX-License-Identifier: MIT"
SLASHES = {".c", ".cpp", ".hpp", ".cu", ".cuh", ".h", ".inc"}
HASHES = {".py", ".sh", ".cmake"}


def comment_for(name):
    path = pathlib.PurePath(name)
    if path.suffix in SLASHES or name.endswith(".hpp.in"):
        return "//"
    if path.suffix in HASHES or path.name == "CMakeLists.txt" or name == ".ci/run":
        return "#"
    return None


def main():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    missing = []
    for name in listed.split("\0"):
        comment = comment_for(name)
        if comment is None:
            continue
        lines = (ROOT / name).read_text().split("\n")
        if any(LINE in line for line in lines[:3]):
            continue
        missing.append(name)
        if "--fix" in sys.argv[1:]:
            lines.insert(1 if lines[0].startswith("#!") else 0, f"{comment} {LINE}")
            (ROOT / name).write_text("\n".join(lines))
    if "--fix" in sys.argv[1:]:
        return 0
    for name in missing:
        print(f"{name}: no licence line; .ci/spdx.py --fix writes it")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
