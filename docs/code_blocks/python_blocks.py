# SPDX-License-Identifier: MIT
"""Blocks of Python: those of a page share a namespace, and run in order, on the emulator."""
import ast
import json
import pathlib
import subprocess

from networks import missing_files

RUNNER = pathlib.Path(__file__).resolve().parent / "python_page.py"


def modules_of(blocks):
    """What a page imports, by the first part of each name. Blocks that do not parse fail later, where they run."""
    for block in blocks:
        try:
            tree = ast.parse(block.text)
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module.partition(".")[0]


def parse(block):
    try:
        compile("\n" * (block.line - 1) + block.text, block.page, "exec")
    except SyntaxError as error:
        return f"{block.page}:{error.lineno}: {error.msg}: {(error.text or '').strip()}"
    return ""


class Interpreters:
    """Each with foldconv. Of `OPTIONAL` modules a page needs one may have what another lacks; where none has all of them,
    the page is parsed only."""

    OPTIONAL = {"torch", "ray", "requests"}

    def __init__(self, pythons, scratch, environment):
        self.pythons, self.scratch = pythons, scratch
        self.environment = {**environment, "FOLDCONV_EMULATE": "1"}
        self.environment.pop("LD_LIBRARY_PATH", None)  # the wheel brings its own emulator
        self.notes = []

    def missing(self, python, modules):
        probe = "import importlib.util, sys; print(*[m for m in sys.argv[1:] if importlib.util.find_spec(m) is None])"
        return subprocess.run([python, "-c", probe, *modules], capture_output=True, text=True, check=True,
                              env=self.environment, cwd=self.scratch).stdout.split() if modules else []

    def page(self, blocks):
        """What runs the blocks of a page; None where a module is missing, or a file of bench/networks."""
        files = missing_files("\n".join(block.text for block in blocks), self.environment)
        if files:
            self.notes.append(f"{blocks[0].page}: Python only parsed, no {', '.join(files)} here")
            return None
        wanted = sorted(set(modules_of(blocks)) & self.OPTIONAL)
        for python in self.pythons:
            missing = self.missing(python, wanted)
            if not missing:
                return Page(python, self)
        self.notes.append(f"{blocks[0].page}: Python only parsed, no {', '.join(missing)} here")
        return None


class Page:
    """A process, in which one block after the other runs."""

    def __init__(self, python, interpreters):
        self.log = interpreters.scratch / "python.log"
        with open(self.log, "w") as log:
            self.process = subprocess.Popen([python, RUNNER], env=interpreters.environment, text=True,
                                            cwd=interpreters.scratch, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=log)

    def run(self, block):
        """An error, or "", and what was printed."""
        request = {"page": block.page, "line": block.line, "text": block.text}
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            return f"{block.name}: Python ends with {self.process.wait()}: {self.log.read_text()}", ""
        answer = json.loads(line)
        return answer["error"] and f"{block.name}: {answer['error']}", answer["printed"]

    def close(self):
        self.process.communicate()
