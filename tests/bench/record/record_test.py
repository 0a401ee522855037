# SPDX-License-Identifier: MIT
"""Of bench/record.sh, with programs that only say what they were asked: python3 record_test.py"""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
BENCH = os.path.join(HERE, "..", "..", "..", "bench")
sys.path.insert(0, os.path.join(BENCH, "charts"))

import result_file  # noqa: E402

FIRST = ["smoke", "stages", "cudnn", "layers", "counters", "tests"]
SECOND = ["probes", "sanitizer", "record_cudnn", "stages_128"]
HOPPER = ["hopper_probes", "hopper_conv", "hopper_sanitizer", "hopper_timing", "hopper_bench"]

# Appends a line "PROGRAM ARGUMENTS" to $CALLS, and takes whatever is to be read.
SAY = '#!/bin/sh\necho "$(basename "$0") $*" >>"$CALLS"\ncat >/dev/null\n'

ROW = (
    '{"name":"a","descriptor":"a","right":true,"kernel":"k","launches":1,'
    '"mma_instructions":123,"dram_bytes":456}'
)
FOLDCONV = (
    SAY
    + f"""# conv_sm90 conv_sm80I_ConvLoaderE3E conv_rows_sm80I block_tail_sm80I block_whole_sm80I
[ "$1" != bench ] || printf '%s\\n' '{{"header": {{}},' '"rows": [' '{ROW}' '],' '"summary": {{}}}}'
case "$1 $*" in ${{FAIL_ON:-nothing}}) exit 1 ;; esac
"""
)
# Every pattern selects a test, but those with $SELECTS_NOTHING in them.
TESTS = (
    SAY
    + """case "$*" in
  *--gtest_list_tests*)
    echo Suite.
    case "$*" in *"${SELECTS_NOTHING:-nothing}"*) ;; *) echo '  Test' ;; esac
    ;;
esac
"""
)
LAUNCH = (
    '"0","1","foldconv","127.0.0.1","k<(int)1, x>","1","7","(128, 1, 1)","(98, 1, 1)","0","9.0",'
    '"Command line profiler metrics"'
)
NCU = (
    SAY
    + f"""if [ "$1" = --query-metrics ]; then
  echo 'gpu__time_duration Counter'
  echo 'dram__bytes_read Counter'
  exit
fi
while [ "$1" != --log-file ]; do shift; done
cat >"$2" <<'CSV'
==PROF== Connected to process 1
"ID","Process ID","Process Name"
{LAUNCH},"dram__bytes_read.sum","byte","1,234"
{LAUNCH},"gpu__time_duration.sum","nsecond","5,678"
CSV
"""
)


class Recorder(unittest.TestCase):
    def setUp(self):
        # Scripts have to quote its name.
        scratch = tempfile.TemporaryDirectory(prefix="foldconv a user's $x ")
        self.addCleanup(scratch.cleanup)
        self.folder = scratch.name
        os.mkdir(self.path("tmp"))
        self.calls = self.path("calls")
        self.out = self.path("out")
        open(self.calls, "w").close()
        for name in ("record.sh", "record", "shapes"):
            copy = shutil.copytree if os.path.isdir(os.path.join(BENCH, name)) else shutil.copy
            copy(os.path.join(BENCH, name), self.path(name))
        os.mkdir(self.path("golden"))
        self.program("foldconv", FOLDCONV)
        for name in ("foldconv_tests", "foldconv_sm90_tests", "cuemu_tests"):
            self.program(name, TESTS)
        self.program("foldconv_probe", SAY)
        for name in ("nvidia-smi", "compute-sanitizer"):
            self.program(f"tools/{name}", SAY)
        self.program("tools/ncu", NCU)

    def path(self, name):
        return os.path.join(self.folder, name)

    def program(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), stat.S_IRWXU)

    def edit(self, name, pattern, replacement):
        with open(self.path(name), encoding="utf-8") as file:
            text, count = re.subn(pattern, replacement, file.read(), flags=re.MULTILINE)
        self.assertGreater(count, 0, pattern)
        self.program(name, text)

    def record(self, *arguments, **environment):
        environment = {
            "PATH": self.path("tools") + ":/usr/bin:/bin",
            "HOME": self.path("home"),
            "TMPDIR": self.path("tmp"),
            "CALLS": self.calls,
            **environment,
        }
        environment = {name: value for name, value in environment.items() if value is not None}
        command = [self.path("record.sh"), self.out, *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL
        )

    def read(self, path):
        with open(path, encoding="utf-8") as file:
            return file.read()

    def summary(self, tag="all"):
        with open(os.path.join(self.out, f"summary-{tag}.txt"), encoding="utf-8") as file:
            return {line.split()[0]: line for line in file}

    def called(self, pattern):
        with open(self.calls, encoding="utf-8") as file:
            return [line for line in file if re.search(pattern, line)]

    def archived(self, name, tag="all"):
        with tarfile.open(os.path.join(self.out, f"record-{tag}.tar.gz")) as archive:
            return archive.extractfile(f"./{name}").read().decode()


class Order(Recorder):
    def test_is_that_of_value_in_three_commands(self):
        listed = self.record("--list").stdout
        self.assertEqual([line.split()[0] for line in listed.splitlines()], FIRST + SECOND + HOPPER)
        for tag, parts in (("first", FIRST), ("second", SECOND), ("hopper", HOPPER)):
            outcome = self.record("--part", tag)
            self.assertEqual(outcome.returncode, 0, outcome.stdout + outcome.stderr)
            self.assertEqual(list(self.summary(tag)), parts)
            for line in self.summary(tag).values():
                self.assertRegex(line, r" s  ok$", line)

    def test_everything_is_the_first_two(self):
        self.record()
        self.assertEqual(list(self.summary()), FIRST + SECOND)

    def test_no_home_is_needed(self):
        outcome = self.record("--only", "smoke", HOME=None)
        self.assertEqual(outcome.returncode, 0, outcome.stderr)
        self.assertEqual(outcome.stderr, "")

    def test_help_is_no_mistake(self):
        for asked in ("--help", "-h"):
            outcome = self.record(asked)
            self.assertEqual((outcome.returncode, outcome.stderr), (0, ""))
            self.assertTrue(outcome.stdout.startswith("Records what one GPU has to say"), outcome.stdout)
            self.assertIn("record.sh --pack DIR", outcome.stdout)
        outcome = self.record("--dry-rnu")
        self.assertEqual((outcome.returncode, outcome.stdout), (2, ""))
        self.assertTrue(outcome.stderr.startswith("record.sh: there is no option --dry-rnu\n"), outcome.stderr)
        self.assertEqual(self.called(""), [])

    def test_names_of_parts_choose_them(self):
        self.assertEqual(self.record("--only", "tests,smoke").returncode, 0)
        self.assertEqual(list(self.summary("only")), ["smoke", "tests"])
        outcome = self.record("--only", "tests,benches")
        self.assertEqual(outcome.returncode, 2)
        self.assertIn("there is no part benches", outcome.stderr)

    def test_parts_alone_are_set_up_as_in_the_whole_run(self):
        environment = 'env | grep "^FOLDCONV\\|^LD_LIB\\|^PATH" >>"$CALLS"'
        self.program("foldconv_probe", f"#!/bin/sh\n{environment}\n")
        seen = []
        for arguments in (["--part", "second"], ["--only", "probes"]):
            open(self.calls, "w").close()
            self.assertEqual(self.record(*arguments).returncode, 0)
            with open(self.calls, encoding="utf-8") as file:
                variables = [line for line in file if "=" in line.split()[0]]
            seen.append({re.sub(r"[^:=]*/tmp/[^:]*/libraries", "", line) for line in variables})
        self.assertEqual(seen[0], seen[1])
        self.assertTrue(any(line.startswith("FOLDCONV_GOLDEN_FOLDER=") for line in seen[0]), seen)


class Limits(Recorder):
    def test_of_a_command_may_not_sum_up_to_more_than_it_has(self):
        self.edit("record.sh", r"^(tests +first +)\d+", r"\g<1>200")
        outcome = self.record("--part", "second")
        self.assertEqual(outcome.returncode, 2)
        self.assertRegex(outcome.stderr, r"limits of the first command sum up to \d+ s; it has 420 s")
        self.assertFalse(os.path.exists(self.out))

    def test_a_late_part_ends_with_all_it_started_and_the_next_ones_run(self):
        # The tool's own limit is longer: what it started must end with the part.
        self.edit("record.sh", r"^(layers +first +)\d+", r"\g<1>1")
        late = 'case "$*" in *resnet50\\ *) echo $$ >"$CALLS.pid"; exec sleep 30 ;; esac\n'
        self.program("foldconv", FOLDCONV + late)
        self.assertEqual(self.record("--only", "layers,tests").returncode, 1)
        summary = self.summary("only")
        self.assertIn("time limit of 1 s; what was finished is kept", summary["layers"])
        self.assertRegex(summary["tests"], "ok$")
        with open(os.path.join(self.out, "layers.json"), encoding="utf-8") as file:
            self.assertIn(ROW, file.read())
        with open(self.calls + ".pid", encoding="utf-8") as file:
            pid = int(file.read())
        time.sleep(0.2)
        with self.assertRaises(ProcessLookupError):
            os.kill(pid, 0)


class Smoke(Recorder):
    def test_a_failure_is_run_under_memcheck_and_nothing_else_is_run(self):
        outcome = self.record(FAIL_ON="validate*")
        self.assertEqual(outcome.returncode, 1)
        self.assertEqual(list(self.summary()), ["smoke", "memcheck", "stopped"])
        checked = self.called("^compute-sanitizer")
        self.assertEqual(len(checked), 1)
        self.assertIn("--tool memcheck", checked[0])
        (validated,) = self.called("^foldconv validate")
        self.assertEqual(checked[0].split("validate")[1], validated.split("validate")[1])

    def test_takes_three_layers_two_blocks_and_a_graph_of_cudnn(self):
        self.record("--only", "smoke")
        (layers,) = self.called("^foldconv validate")
        self.assertEqual((layers.count("--block"), len(layers.split())), (2, 2 + 3 + 2 * 2))
        self.assertEqual(len(self.called("^foldconv bench.*--impl cudnn ")), 1)

    def test_without_cudnn_its_parts_are_left_out(self):
        parts = "smoke,stages,cudnn,record_cudnn"
        self.assertEqual(self.record("--only", parts, FAIL_ON="bench*cudnn*").returncode, 0)
        summary = self.summary("only")
        for part in ("cudnn", "record_cudnn"):
            self.assertIn("skipped: cuDNN's graph of a small layer failed", summary[part])
        self.assertRegex(summary["stages"], "ok$")


class Parts(Recorder):
    def test_a_filter_that_selects_nothing_fails(self):
        outcome = self.record("--only", "sanitizer", SELECTS_NOTHING="ConvTileEdges.")
        self.assertEqual(outcome.returncode, 1)
        self.assertIn("FAILED", self.summary("only")["sanitizer"])
        log = self.archived("logs/sanitizer.log", "only")
        self.assertIn("ConvTileEdges.KBlocks*f16_64x64* selects no test", log)

    def test_each_block_has_a_process_of_cudnn_and_all_are_one_result_file(self):
        self.record("--only", "cudnn")
        self.assertEqual(len(self.called("--block mb32_.*--impl .*cudnn")), 8)
        with open(os.path.join(self.out, "cudnn.json"), encoding="utf-8") as file:
            document, cut_short = result_file.parse(file.read())
        self.assertFalse(cut_short)
        self.assertEqual(document["rows"], [json.loads(ROW)] * 8)

    def test_counters_of_seven_kernels_stand_beside_the_emulators(self):
        self.record("--only", "counters")
        with open(os.path.join(self.out, "counters.txt"), encoding="utf-8") as file:
            text = file.read()
        self.assertEqual(len(re.findall(r"DRAM bytes read +1234 byte +456 with writes", text)), 7, text)
        self.assertEqual(len(re.findall(r"time +5678 nsecond", text)), 7, text)
        profiled = self.called("^ncu --clock-control none")
        self.assertEqual(len(profiled), 7)
        # ncu stops at a name that the GPU does not know.
        self.assertIn("gpu__time_duration.sum,dram__bytes_read.sum,launch__grid_size", profiled[0])
        self.assertNotIn("lts__", profiled[0])

    def test_a_kernel_of_another_name_is_a_failure(self):
        self.edit("foldconv", "block_tail_sm80I", "block_head_sm90I")
        self.assertEqual(self.record("--only", "counters").returncode, 1)
        self.assertIn("block_tail: no kernel is called", self.archived("logs/counters.log", "only"))


class Hopper(Recorder):
    def test_the_device_is_asked_before_anything_else_and_twice(self):
        self.record("--part", "hopper")
        with open(self.calls, encoding="utf-8") as file:
            asked = [line for line in file if not line.startswith("nvidia-smi")]
        self.assertRegex(asked[0], r"^foldconv_probe .*--out .*/out/hopper_probes.json")
        self.assertEqual(len(self.called(r"^foldconv_probe .*--against .*/out/hopper_probes.json")), 1)
        self.assertEqual(len(self.called(r"^foldconv_probe .*--only timing_ ")), 3)

    def test_both_families_and_cudnn_have_a_file_each(self):
        row = ROW.replace('"kernel"', '"x":1,"kernel"')
        self.edit("foldconv", re.escape(ROW), row)
        self.record("--only", "hopper_bench")
        for way in ("sm90", "sm80", "cudnn"):
            with open(os.path.join(self.out, f"hopper_{way}.json"), encoding="utf-8") as file:
                document, _ = result_file.parse(file.read())
            self.assertEqual(document["rows"], [json.loads(row)], way)
        (old, new) = [self.called(f"--instructions {family}") for family in ("sm80", "sm90")]
        self.assertEqual((len(old), len(new)), (2, 2))  # layers, stages
        for a, b in zip(old, new):
            self.assertEqual(a.split("--instructions")[0], b.split("--instructions")[0])

    def test_the_layers_are_all_but_the_stem(self):
        show = 'for f in "$@"; do [ ! -f "$f" ] || cat "$f" >>"$CALLS.layers"; done'
        self.edit("foldconv", r"^cat >/dev/null$", show)
        self.record("--only", "hopper_bench")
        layers = re.findall(r"(?m)^mb1_ic(\d+)oc", self.read(self.calls + ".layers"))
        with open(os.path.join(BENCH, "shapes", "resnet50.txt"), encoding="utf-8") as file:
            listed = re.findall(r"(?m)^mb1_ic(\d+)oc", file.read())
        self.assertEqual(layers, 3 * [c for c in listed if c != "3"])
        self.assertIn("3", listed)

    def test_a_failing_family_costs_no_other(self):
        outcome = self.record("--only", "hopper_bench", FAIL_ON="bench*sm90*")
        self.assertEqual(outcome.returncode, 1)
        self.assertEqual(len(self.called("--instructions sm80")), 2)
        self.assertEqual(len(self.called("--impl cudnn,cudnn-separate")), 1)

    def test_where_cudnn_fails_it_is_left_out(self):
        self.assertEqual(self.record("--only", "hopper_bench", FAIL_ON="bench*cudnn*").returncode, 0)
        self.assertFalse(os.path.exists(os.path.join(self.out, "hopper_cudnn.json")))

    def test_a_build_without_its_kernels_has_probes_only(self):
        self.edit("foldconv", "conv_sm90", "conv_sm70")
        self.assertEqual(self.record("--part", "hopper").returncode, 0)
        for part, line in self.summary("hopper").items():
            skipped = "skipped: this build has no kernels of the sm_90 family" in line
            self.assertEqual(skipped, part in ("hopper_conv", "hopper_sanitizer", "hopper_bench"), line)

    def test_a_build_with_its_kernels_must_have_their_tests(self):
        self.assertEqual(self.record("--part", "hopper", SELECTS_NOTHING="Sm90Convs").returncode, 1)
        summary = self.summary("hopper")
        for part in ("hopper_conv", "hopper_sanitizer"):
            self.assertIn("FAILED", summary[part])
        self.assertRegex(summary["hopper_timing"], "ok$")

    def test_few_files_lie_beside_the_archive(self):
        self.record("--part", "hopper")
        self.assertLessEqual(len(os.listdir(self.out)), 10, os.listdir(self.out))


class Machine(Recorder):
    def library(self, folder, name):
        os.makedirs(self.path(folder), exist_ok=True)
        open(self.path(f"{folder}/{name}"), "w").close()

    def test_libraries_of_python_are_found_and_no_others_of_their_folders(self):
        packages = "lib/python3.12/site-packages/nvidia"
        self.library(f"home/miniconda3/envs/a/{packages}/cudnn/lib", "libcudnn.so.9")
        self.library(f"venv/{packages}/cu13/lib", "libcublasLt.so.13")
        self.library("conda/lib", "libcudnn_graph.so.9")
        self.library("conda/lib", "libstdc++.so.6")
        os.mkdir(self.path("conda/conda-meta"))
        active = {"VIRTUAL_ENV": self.path("venv"), "CONDA_PREFIX": self.path("conda")}
        self.record("--only", "smoke", **active)
        found = self.archived("logs/libraries.log", "only")
        for name in ("libcudnn.so.9", "libcublasLt.so.13", "libcudnn_graph.so.9"):
            self.assertRegex(found, rf"(?m)^{re.escape(name)} -> {re.escape(self.folder)}")
        self.assertNotIn("libstdc++", found)

    def test_clocks_are_logged(self):
        self.record("--only", "smoke")
        self.assertEqual(len(self.called("^nvidia-smi --query-gpu=timestamp,clocks.sm")), 1)
        self.archived("logs/clocks.csv", "only")

    def test_all_is_in_one_archive_and_few_files_lie_beside_it(self):
        self.record("--part", "first")
        beside = os.listdir(self.out)
        self.assertLessEqual(len(beside), 8, beside)
        for name in set(beside) - {"record-first.tar.gz"}:
            with open(os.path.join(self.out, name), encoding="utf-8") as file:
                self.assertEqual(self.archived(name, "first"), file.read())


if __name__ == "__main__":
    unittest.main()
