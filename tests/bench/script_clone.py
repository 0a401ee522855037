# SPDX-License-Identifier: MIT
"""A fresh clone of the scripts alone, with programs that only say that they were started."""

import os
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDERS = (".ci", "bench", "docs", "python", "tests")
SUFFIXES = (".sh", ".py", ".txt")  # scripts, and what they install
# Each is started for work that takes seconds or more.
PROGRAMS = ("apt-get", "cmake", "ninja", "g++", "nvcc", "python3", "pip")
STUB = """#!/bin/sh
echo "$(basename "$0") $*" >>"$CALLS"
echo "a page of $(basename "$0")'s words"
exit 1
"""


class Clone(unittest.TestCase):
    def setUp(self):
        # Scripts have to quote its name.
        scratch = tempfile.TemporaryDirectory(prefix="a user & (2nd) ü ")
        self.addCleanup(scratch.cleanup)
        self.root = os.path.join(scratch.name, "foldconv")
        self.calls = os.path.join(scratch.name, "calls")
        for folder in FOLDERS:
            shutil.copytree(os.path.join(ROOT, folder), os.path.join(self.root, folder), ignore=self.others)
        for name in PROGRAMS:
            self.program(f"../tools/{name}", STUB)

    @staticmethod
    def others(folder, names):
        def wanted(name):
            path = os.path.join(folder, name)
            return os.path.isdir(path) or name.endswith(SUFFIXES) or path == os.path.join(ROOT, ".ci", "run")

        return [name for name in names if not wanted(name)]

    def program(self, name, text):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
            os.chmod(file.fileno(), 0o755)
        return path

    def run_script(self, *command, **environment):
        tools = os.path.join(self.root, "..", "tools")
        variables = {"PATH": f"{tools}:/usr/bin:/bin", "CALLS": self.calls, "LC_ALL": "C.UTF-8", **environment}
        return subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False, env=variables,
                              stdin=subprocess.DEVNULL)

    def run_shell(self, commands, **environment):
        """With the functions of bench/setup.sh, outside of the clone."""
        script = self.program("../try.sh", f'set -euo pipefail\nsource "$1/bench/setup.sh"\n{commands}\n')
        return self.run_script("bash", script, self.root, **environment)

    def called(self):
        if not os.path.exists(self.calls):
            return []
        with open(self.calls, encoding="utf-8") as file:
            return file.read().splitlines()

    def read(self, name):
        with open(os.path.join(self.root, name), encoding="utf-8") as file:
            return file.read()
