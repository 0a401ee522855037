# SPDX-License-Identifier: MIT
"""Runs the Python blocks of a page in one namespace; by the interpreter that has foldconv.

Reads a line of JSON for each block, {"page", "line", "text"}, and answers with one: {"printed", "error"}, the latter a
traceback or empty.
"""
import contextlib
import io
import json
import linecache
import os
import sys
import traceback


def run(block, namespace):
    printed, error = io.StringIO(), ""
    text = "\n" * (block["line"] - 1) + block["text"]
    linecache.cache[block["page"]] = (len(text), None, text.splitlines(True), block["page"])
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(text, block["page"], "exec"), namespace)
        except BaseException:  # whatever it is, it is the page's mistake
            error = traceback.format_exc()
    return {"printed": printed.getvalue(), "error": error}


def main():
    # What libraries write to the descriptor is no answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    namespace = {"__name__": "__main__"}
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line), namespace)), file=answers, flush=True)


if __name__ == "__main__":
    main()
