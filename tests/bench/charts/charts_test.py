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
import readme  # noqa: E402
import result_file  # noqa: E402

FIXTURE = os.path.join(HERE, "gpu.json")  # invented figures


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

    def test_missing_unknown_and_mistyped_fields_are_named(self):
        self.assertIn("header: `device` is missing", self.problems(lambda d: d["header"].pop("device")))
        self.assertIn("`cold_us` is missing", self.problems(lambda d: d["rows"][0].pop("cold_us")))
        self.assertIn("`colour` is not in", self.problems(lambda d: d["rows"][1].update(colour=1)))
        self.assertIn("`images` is True", self.problems(lambda d: d["rows"][1].update(images=True)))
        self.assertIn("`kernel` is null", self.problems(lambda d: d["rows"][1].update(kernel=None)))

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

    def test_speedups_are_over_the_separate_baseline(self):
        entries = chart_data.speedups(self.result, "cold")
        self.assertEqual([entry[0] for entry in entries], ["layer\nmb1", "layer\nmb8"])
        self.assertEqual(entries[0][1], "separate")
        self.assertEqual(entries[0][2], {"planned": 2.0, "direct": 0.25})
        self.assertEqual(entries[0][3], "planned")

    def test_without_such_a_baseline_it_is_the_slowest(self):
        rows = {"planned": {"cold_us": 2.0}, "chain": {"cold_us": 3.0}, "other": {"cold_us": None}}
        self.assertEqual(chart_data.baseline_name(rows, "cold"), "chain")

    def test_roofline_points(self):
        way, _, intensity, tflops = chart_data.roofline_points(self.result, "cold")[0]
        self.assertEqual((way, intensity), ("planned", 25.0))
        self.assertAlmostEqual(tflops, 20.0)

    def test_every_way_has_a_colour_of_its_own(self):
        self.assertEqual(len(set(chart_data.COLOURS.values())), len(chart_data.COLOURS))
        for row in self.result.rows:
            self.assertIn(row["way"], chart_data.COLOURS)

    def test_traffic_is_counted_over_compulsory(self):
        self.assertEqual(chart_data.traffic(self.result), [])  # a GPU counts nothing
        for row in self.result.rows:
            row["dram_bytes"] = 2 * row["problem_bytes"]
        self.assertEqual(chart_data.traffic(self.result)[0][2]["planned"], 2.0)


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

    def run_readme(self, *options):
        command = [sys.executable, os.path.join(CHARTS, "readme.py"), *options, FIXTURE, self.readme]
        return subprocess.run(command, capture_output=True, text=True)

    def test_only_the_block_is_replaced(self):
        self.write(f"above\n{readme.BEGIN}\nearlier figures\n{readme.END}\nbelow\n")
        self.assertEqual(self.run_readme("--check").returncode, 1)
        self.assertEqual(self.run_readme().returncode, 0)
        text = self.read()
        self.assertTrue(text.startswith(f"above\n{readme.BEGIN}\n"), text)
        self.assertTrue(text.endswith(f"\n{readme.END}\nbelow\n"), text)
        self.assertNotIn("earlier", text)
        self.assertIn("| launches / cold us / share of its floor | planned | separate | direct |", text)
        self.assertIn("| layer mb8 | 1 / 40.0 / 0.80 | 3 / 80.0 / 0.40 | 3 / 320.0 / 0.10 | 2.00 |", text)
        self.assertIn("| wrong mb1 | wrong | - | - | - |", text)
        self.assertIn("copy 1000 GB/s, gemm 100 TFLOP/s", text)
        self.assertEqual(self.run_readme("--check").returncode, 0)

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
