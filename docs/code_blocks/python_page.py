# SPDX-License-Identifier: MIT
"""Runs the Python blocks of a page, one after the other, in one namespace; by the interpreter that has foldconv.

Reads a list of {"name", "page", "line", "text"} from its input; writes a line of JSON for each block that ran: what it
printed, and the traceback if it failed, which ends the page.
"""
import contextlib
import io
import json
import linecache
import sys
import traceback


def main():
    out = sys.stdout
    namespace = {"__name__": "__main__"}
    for block in json.load(sys.stdin):
        printed, error = io.StringIO(), ""
        text = "\n" * (block["line"] - 1) + block["text"]
        linecache.cache[block["page"]] = (len(text), None, text.splitlines(True), block["page"])
        with contextlib.redirect_stdout(printed):
            try:
                exec(compile(text, block["page"], "exec"), namespace)
            except BaseException:  # whatever it is, it is the page's mistake
                error = traceback.format_exc()
        print(json.dumps({"printed": printed.getvalue(), "error": error}), file=out, flush=True)
        if error:
            break


if __name__ == "__main__":
    main()
