# SPDX-License-Identifier: MIT
"""Of bench/setup.sh: python3 setup_test.py"""

import os
import shutil
import subprocess
import tempfile
import unittest

BENCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench")


class Setup(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.root = scratch.name
        for name in ("setup.sh", "cuda-wheels.txt", "charts/requirements.txt", "speed/requirements.txt"):
            copy = os.path.join(self.root, "bench", name)
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            shutil.copy(os.path.join(BENCH, name), copy)

    def run_shell(self, commands, **environment):
        script = os.path.join(self.root, "try.sh")
        with open(script, "w", encoding="utf-8") as file:
            file.write(f"set -euo pipefail\nsource {self.root}/bench/setup.sh\n{commands}\n")
        return subprocess.run(
            ["bash", script], capture_output=True, text=True, env={**os.environ, **environment}
        )

    def test_without_a_network_a_sentence_says_so_at_once(self):
        # A port that nothing listens to.
        nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_NO_CACHE_DIR": "1"}
        outcome = self.run_shell("setup_charts", **nowhere)
        self.assertEqual(outcome.returncode, 1)
        doing, reason = outcome.stderr.splitlines()
        self.assertIn("installing matplotlib", doing)
        self.assertIn("no network", reason)
        self.assertIn("any Python with matplotlib", reason)
        with open(os.path.join(self.root, "build", "charts.log"), encoding="utf-8") as log:
            self.assertNotIn("Retrying", log.read())

    def test_the_disassembler_beside_nvcc_is_taken(self):
        beside = os.path.join(self.root, "cuda")
        os.makedirs(beside)
        for name in ("nvcc", "ptxas", "cuobjdump", "nvdisasm"):
            with open(os.path.join(beside, name), "w", encoding="utf-8") as file:
                os.chmod(file.fileno(), 0o755)
        nvcc = os.path.join(beside, "nvcc")
        outcome = self.run_shell("setup_disassembler; command -v nvdisasm", CUDACXX=nvcc, PATH="/usr/bin:/bin")
        self.assertEqual((outcome.stdout, outcome.stderr), (os.path.join(beside, "nvdisasm") + "\n", ""))

    def progress(self, commands):
        outcome = self.run_shell(f"{{ {commands}; }} | show_progress 'building it'")
        return outcome.returncode, outcome.stdout, outcome.stderr

    def test_what_is_no_status_passes_and_short_builds_say_nothing(self):
        lines = ("[1/2] Building a", "a.cpp:1: warning: b", "-- c", "ninja: no work to do.")
        ninja = "; ".join(f"echo '{line}'" for line in lines) + "; printf d"
        self.assertEqual(self.progress(ninja), (0, "a.cpp:1: warning: b\nd\n", ""))

    def test_a_failing_build_fails(self):
        self.assertEqual(self.progress("echo 'FAILED: a'; exit 1"), (1, "FAILED: a\n", ""))

    def test_a_line_that_comes_in_pieces_is_one_line(self):
        self.assertEqual(self.progress("printf 'a wa'; sleep 1.5; echo rning")[1], "a warning\n")

    def test_a_long_build_says_how_far_it_is(self):
        ninja = "echo '[3/40] Building a'; sleep 3.2; echo '[4/40] Building b'"
        status, output, errors = self.progress(ninja)
        self.assertEqual((status, output), (0, ""))
        self.assertRegex(errors, r"^try.sh: building it: \[3/40\], [23] s\n$")


if __name__ == "__main__":
    unittest.main()
