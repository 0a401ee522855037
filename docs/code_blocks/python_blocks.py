# SPDX-License-Identifier: MIT
"""Blocks of Python: those of a page share a namespace, and run in order, on the emulator."""
import ast
import json
import pathlib
import subprocess

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


class Interpreter:
    """One with foldconv; `optional` modules may be missing from it: pages that need them are parsed only."""

    optional = ("torch", "ray", "requests")

    def __init__(self, python, scratch, environment):
        self.python, self.scratch = python, scratch
        self.environment = {**environment, "FOLDCONV_EMULATE": "1"}
        self.environment.pop("LD_LIBRARY_PATH", None)
        self.notes = []

    def missing(self, modules):
        probe = "import importlib.util, sys; print(*[m for m in sys.argv[1:] if importlib.util.find_spec(m) is None])"
        return subprocess.run([self.python, "-c", probe, *modules], capture_output=True, text=True, check=True,
                              env=self.environment, cwd=self.scratch).stdout.split()

    def parse(self, blocks):
        errors = []
        for block in blocks:
            try:
                compile("\n" * (block.line - 1) + block.text, block.page, "exec")
            except SyntaxError as error:
                errors.append(f"{block.page}:{error.lineno}: {error.msg}: {(error.text or '').strip()}")
        return errors

    def check(self, blocks):
        """Of a page's blocks: errors, and what each printed, by its name."""
        if not blocks:
            return [], {}
        wanted = sorted(set(modules_of(blocks)) & set(self.optional))
        missing = self.missing(wanted) if wanted else []
        if missing:
            self.notes.append(f"{blocks[0].page}: Python only parsed, no {', '.join(missing)} here")
            return self.parse(blocks), {}
        request = [{"page": block.page, "line": block.line, "text": block.text} for block in blocks]
        done = subprocess.run([self.python, RUNNER], input=json.dumps(request), capture_output=True, text=True,
                              check=False, env=self.environment, cwd=self.scratch, timeout=300)
        answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"printed"')]
        errors = []
        if done.returncode != 0:
            errors.append(f"{blocks[0].page}: Python ends with {done.returncode}: {done.stderr[-2000:]}")
        for block, answer in zip(blocks, answers):
            if answer["error"]:
                errors.append(f"{block.name}: {answer['error']}")
        return errors, {block.name: answer["printed"] for block, answer in zip(blocks, answers)}
