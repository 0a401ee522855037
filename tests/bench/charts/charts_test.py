# SPDX-License-Identifier: MIT
"""Of bench/charts, without matplotlib: python3 charts_test.py"""

import copy
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest
from contextlib import redirect_stderr

HERE = os.path.dirname(os.path.abspath(__file__))
CHARTS = os.path.join(HERE, "..", "..", "..", "bench", "charts")
sys.path.insert(0, CHARTS)

import chart_data  # noqa: E402
import draw  # noqa: E402
import readme  # noqa: E402
import result_file  # noqa: E402

# Invented figures, of a GPU and of an emulator.
FIXTURE = os.path.join(HERE, "gpu.json")
EMULATED = os.path.join(HERE, "emulated.json")


def fixture():
    with open(FIXTURE, encoding="utf-8") as file:
        return json.load(file)


class Schema(unittest.TestCase):
    def problems(self, change):
        document = copy.deepcopy(fixture())
        change(document)
        return "\n".join(result_file.problems_of(document))

    def test_the_fixture_keeps_to_it(self):
        self.assertEqual(self.problems(lambda document: None), "")
        self.assertEqual(result_file.read(EMULATED).rows[0]["way"], "whole")

    def test_missing_unknown_and_mistyped_fields_are_named(self):
        self.assertIn("header: `device` is missing", self.problems(lambda d: d["header"].pop("device")))
        self.assertIn("`cold_us` is missing", self.problems(lambda d: d["rows"][0].pop("cold_us")))
        self.assertIn("`colour` is not in", self.problems(lambda d: d["rows"][1].update(colour=1)))
        self.assertIn("`images` is True", self.problems(lambda d: d["rows"][1].update(images=True)))
        self.assertIn("`kernel` is null", self.problems(lambda d: d["rows"][1].update(kernel=None)))
        self.assertIn("`planned` is null", self.problems(lambda d: d["rows"][1].update(planned=None)))

    def test_a_way_has_one_of_the_tools_words(self):
        self.assertIn("the ways are planned, ", self.problems(lambda d: d["rows"][1].update(way="fused")))
        # A problem that failed as a whole.
        self.assertEqual(self.problems(lambda d: d["rows"][-1].update(way="")), "")

    def test_other_versions_and_commands_are_refused(self):
        self.assertIn("schema 1", self.problems(lambda d: d["header"].update(schema=1)))
        self.assertIn("validate", self.problems(lambda d: d["header"].update(command="validate")))

    def test_no_time_without_a_right_result(self):
        self.assertIn("no right result", self.problems(lambda d: d["rows"][0].update(right=False)))

    def test_no_time_of_an_emulator(self):
        self.assertIn("emulator", self.problems(lambda d: d["header"].update(emulated=True)))

    def test_rows_of_a_run_that_was_cut_short_are_kept(self):
        with open(FIXTURE, encoding="utf-8") as file:
            text = file.read()
        for length in range(text.index('"separate"'), text.index('"summary"'), 500):
            document, cut_short = result_file.parse(text[:length])
            self.assertTrue(cut_short)
            self.assertGreaterEqual(len(document["rows"]), 1)
        with self.assertRaises(result_file.BadResult):
            result_file.parse("foldconv: no GPU")


class Charts(unittest.TestCase):
    def setUp(self):
        self.result = result_file.read(FIXTURE)

    def test_speedups_are_over_separate_kernels(self):
        entries = chart_data.speedups(self.result, "cold")
        self.assertEqual([entry[0] for entry in entries], ["layer\nmb1", "layer\nmb8"])
        self.assertEqual(entries[0][1:], ("separate", {"planned": 2.0, "direct": 0.25}, "planned"))

    def test_without_such_a_baseline_it_is_the_slowest(self):
        rows = {"planned": {"cold_us": 2.0}, "chain": {"cold_us": 3.0}, "whole": {"cold_us": None}}
        self.assertEqual(chart_data.baseline_of(rows, "cold"), "chain")

    def test_roofline_points(self):
        way, _, intensity, tflops = chart_data.roofline_points(self.result, "cold")[0]
        self.assertEqual((way, intensity), ("planned", 25.0))
        self.assertAlmostEqual(tflops, 20.0)

    def test_bytes_of_an_emulator_are_over_the_compulsory_ones(self):
        moved = chart_data.traffic(result_file.read(EMULATED))
        self.assertEqual(moved[0], ("stage\nmb1", {"whole": 2.0, "chain": 4.0, "separate": 14.0}, "whole"))
        self.assertEqual((moved[1][1]["planned"], moved[1][2]), (1.5, "planned"))

    def test_ways_have_one_order_and_a_colour_of_their_own(self):
        ratios = [{"separate": 1.0}, {"chain": 1.0, "planned": 1.0}]
        self.assertEqual(chart_data.ways_of(ratios), ["planned", "chain", "separate"])
        self.assertEqual(list(draw.COLOURS), list(result_file.WAYS))
        self.assertEqual(len(set(draw.COLOURS.values())), len(result_file.WAYS))


class Readme(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.readme = os.path.join(self.folder.name, "README.md")

    def tearDown(self):
        self.folder.cleanup()

    def write(self, text):
        with open(self.readme, "w", encoding="utf-8") as file:
            file.write(text)

    def read(self):
        with open(self.readme, encoding="utf-8") as file:
            return file.read()

    def run_readme(self, *options, result=FIXTURE):
        command = [sys.executable, os.path.join(CHARTS, "readme.py"), *options, result, self.readme]
        return subprocess.run(command, capture_output=True, text=True)

    def test_only_the_block_is_replaced(self):
        self.write(f"above\n{readme.BEGIN}\nearlier figures\n{readme.END}\nbelow\n")
        self.assertEqual(self.run_readme("--check").returncode, 1)
        self.assertEqual(self.run_readme().returncode, 0)
        text = self.read()
        self.assertTrue(text.startswith(f"above\n{readme.BEGIN}\n"), text)
        self.assertTrue(text.endswith(f"\n{readme.END}\nbelow\n"), text)
        self.assertNotIn("earlier", text)
        self.assertIn(
            "| launches / cold us / share of its floor | planned | separate | direct | separate : planned |",
            text,
        )
        self.assertIn("| layer mb8 | 1 / 40.0 / 0.80 | 3 / 80.0 / 0.40 | 3 / 320.0 / 0.10 | 2.00 |", text)
        self.assertIn("| wrong mb1 | wrong | - | - | - |", text)
        self.assertIn("copy 1000 GB/s, gemm 100 TFLOP/s", text)
        self.assertEqual(self.run_readme("--check").returncode, 0)

    def test_the_planned_one_stands_first_whatever_its_cut(self):
        self.write(f"{readme.BEGIN}\n{readme.END}\n")
        self.assertEqual(self.run_readme(result=EMULATED).returncode, 0)
        text = self.read()
        self.assertIn(
            "| launches / DRAM MB / floor us | cut | planned | chain | separate | separate : planned |",
            text,
        )
        self.assertIn("| stage mb1 | whole | 3 / 2.0 / 2.0 | 3 / 4.0 / 4.0 | 3 / 14.0 / 14.0 | 7.00 |", text)
        self.assertIn("| stage mb8 | mixed | 3 / 12.0 / 12.0 | 3 / 32.0 / 32.0 | 3 / 112.0 / 96.0 | 8.00 |", text)
        self.assertIn("planned: what `plan()` takes; chain: a fused kernel for each convolution; ", text)
        self.assertNotIn("direct:", text)

    def test_the_cut_that_is_taken_is_named_and_explained(self):
        self.write(f"{readme.BEGIN}\n{readme.END}\n")
        self.assertEqual(self.run_readme(result=EMULATED).returncode, 0)
        explained = next(line for line in self.read().splitlines() if line.startswith("Cuts"))
        self.assertIn("whole, a kernel for each block; mixed, ", explained)
        self.assertNotIn("tails", explained)

    def test_layers_have_no_cut(self):
        self.write(f"{readme.BEGIN}\n{readme.END}\n")
        self.assertEqual(self.run_readme().returncode, 0)
        self.assertNotIn("cut", self.read().lower())

    def test_a_readme_without_the_lines_is_an_error(self):
        self.write("nothing\n")
        outcome = self.run_readme()
        self.assertEqual(outcome.returncode, 1)
        self.assertIn("results: begin", outcome.stderr)
        self.assertEqual(self.read(), "nothing\n")


class Errors(unittest.TestCase):
    def test_become_messages(self):
        def fail():
            result_file.read("no_such_file.json")

        with redirect_stderr(io.StringIO()) as stderr, self.assertRaises(SystemExit) as stopped:
            result_file.main_with_messages(fail)
        self.assertEqual(stopped.exception.code, 1)
        self.assertEqual(stderr.getvalue(), "no_such_file.json: No such file or directory\n")


if __name__ == "__main__":
    unittest.main()
