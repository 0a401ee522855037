# SPDX-License-Identifier: MIT
"""Of bench/speed, without a compiler: python3 speed_test.py"""

import contextlib
import io
import os
import shutil
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "..", "bench", "speed"))

import comparison  # noqa: E402
import emulated_counts  # noqa: E402
import kernel_table  # noqa: E402
import layer_markdown  # noqa: E402
import layer_table  # noqa: E402
import loop_figures  # noqa: E402
import sass  # noqa: E402
import speed  # noqa: E402
import table_file  # noqa: E402
import toolkit  # noqa: E402

# The main loop of a kernel, as nvdisasm printed it, of sources only what tells a residual's copies.
RECORDED = os.path.join(HERE, "conv_joined_64x64.sass")
# Its path: to the barrier, the first tensor's copies, the weights' copies, the products.
PATH = [(0x44F0, 0x4530), (0x4770, 0x4780), (0x4910, 0x4A30), (0x4A40, 0x4AF0), (0x4B00, 0x4FC0)]


def recorded(change=lambda text: text):
    with open(RECORDED, encoding="utf-8") as file:
        text = change(file.read())
    functions = sass.read_functions(text.splitlines())
    return next(iter(functions.values()))


def code(text):
    """Lines `[label:] [@guard] opcode operands` as a function."""
    lines, address = ["\t.section\t.text.f,\"ax\",@progbits"], 0
    for line in text.strip().splitlines():
        line = line.strip()
        if line.endswith(":"):
            lines.append(line)
        else:
            lines.append(f"        /*{address:04x}*/    {line} ;")
            address += 16
    return sass.read_functions(lines)["f"]


def loops(text):
    return {loop.name: [one.opcode for one in loop.path] for loop in sass.mma_loops(*code(text))}


PRODUCT = "HMMA.16816.F32 R0, R4, R8, R0"


class Recorded(unittest.TestCase):
    def test_the_path_is_that_of_a_slice(self):
        (loop,) = sass.mma_loops(*recorded())
        addresses = [one.address for one in loop.path]
        self.assertEqual(addresses, [at for begin, end in PATH for at in range(begin, end + 1, 16)])

    def test_its_figures(self):
        (loop,) = sass.mma_loops(*recorded())
        figures = loop_figures.figures_of(loop.path, 32)
        expected = {
            "slices": 1,
            "instructions": 115,
            "hmma": 32,
            "ldsm": 16,
            "ldgsts": 8,
            "hmma_behind_last_ldsm": 16,
            "hmma_ready_at_barrier": 0,
            "instructions_to_first_hmma": 71,
            "wavefronts": 16 * 4 + 8 * 4,
            "fma": 32 * 16 * 8 * 16,
        }
        self.assertEqual(figures, expected)

    def test_residuals_are_known_by_their_source(self):
        # With more copies than a slice has they would be the path.
        copy = "LDGSTS.E.BYPASS.LTC128B.128 [R25+0x800], [R18.64], P2"

        def more_copies(text):
            self.assertEqual(text.count(copy), 1)
            return text.replace(copy, " ;\n        /*4730*/ ".join([copy] * 9))

        (loop,) = sass.mma_loops(*recorded(more_copies))
        self.assertEqual(len(loop.path), 115)
        (loop,) = sass.mma_loops(*recorded(lambda text: more_copies(text).replace("output_tile", "x_loader")))
        self.assertNotEqual(len(loop.path), 115)

    def test_planted_instructions_are_counted(self):
        line = "        /*4d40*/                   HMMA"
        for planted, figure, more in [
            ("NOP", "instructions", 1),
            ("LDSM.16.M88.4 R200, [R3]", "wavefronts", 4),
            ("LDS R200, [R3]", "wavefronts", 1),
            ("STS.128 [R3], R200", "wavefronts", 4),
            ("@!PT LDS RZ, [RZ]", "wavefronts", 0),
        ]:
            (loop,) = sass.mma_loops(
                *recorded(lambda text, planted=planted: text.replace(line, f"        /*4d38*/ {planted} ;\n{line}"))
            )
            figures = loop_figures.figures_of(loop.path, 32)
            self.assertEqual(figures["instructions"], 116)
            before = {"instructions": 115, "wavefronts": 96}
            self.assertEqual(figures[figure], before[figure] + more, planted)

    def test_products_that_need_nothing_new_are_ready_at_the_barrier(self):
        # As if the first fragments had been loaded before the barrier.
        first = "HMMA.16816.F32 R52, R72.reuse, R68, R52"

        def loaded_before(text):
            text = text.replace(first, first.replace("R72", "R200").replace("R68", "R204"))
            return text.replace("R48, R72, R70", "R48, R200, R206")

        (loop,) = sass.mma_loops(*recorded(loaded_before))
        self.assertEqual(loop_figures.figures_of(loop.path, 32)["hmma_ready_at_barrier"], 2)


class Loops(unittest.TestCase):
    def test_nested_loops_are_counted_apart(self):
        found = loops(f"""
            MOV R1, R2
            .L_x_1:
            BAR.SYNC 0x0
            .L_x_2:
            LDSM.16.M88.4 R4, [R1]
            {PRODUCT}
            @P0 BRA `(.L_x_2)
            {PRODUCT}
            .L_x_3:
            IADD3 R1, R1, 1, RZ
            @P2 BRA `(.L_x_3)
            @P1 BRA `(.L_x_1)
            EXIT
        """)
        self.assertEqual(list(found), ["1", "1.1"])
        self.assertEqual(found["1.1"], ["LDSM.16.M88.4", "HMMA.16816.F32", "BRA"])
        self.assertEqual(found["1"], ["BAR.SYNC", "HMMA.16816.F32", "IADD3", "BRA", "BRA"])

    def test_a_loop_whose_products_are_all_in_loops_inside_is_none(self):
        found = loops(f"""
            .L_x_1:
            MOV R1, R2
            .L_x_2:
            {PRODUCT}
            @P0 BRA `(.L_x_2)
            BRA `(.L_x_1)
        """)
        self.assertEqual(list(found), ["1.1"])

    def test_jumps_by_call_and_by_bsync(self):
        found = loops(f"""
            .L_x_1:
            {PRODUCT}
            BSSY B0, `(.L_x_3)
            @P0 BRA `(.L_x_2)
            LDGSTS.E.128 [R1], [R2.64]
            BSYNC B0
            .L_x_2:
            NOP
            BSYNC B0
            .L_x_3:
            @P1 CALL.REL.NOINC `(.L_x_4)
            CALL.REL.NOINC `($activation)
            BRA `(.L_x_1)
            .L_x_4:
            EXIT
        """)
        self.assertEqual(
            found["1"],
            ["HMMA.16816.F32", "BSSY", "BRA", "LDGSTS.E.128", "BSYNC", "CALL.REL.NOINC", "CALL.REL.NOINC", "BRA"],
        )

    def test_of_ways_that_copy_alike_the_shortest_counts(self):
        found = loops(f"""
            .L_x_1:
            @P0 BRA `(.L_x_2)
            LDGSTS.E.128 [R1], [R2.64]
            NOP
            NOP
            BRA `(.L_x_3)
            .L_x_2:
            LDGSTS.E.128 [R1], [R2.64]
            .L_x_3:
            {PRODUCT}
            @P1 BRA `(.L_x_1)
            EXIT
        """)
        self.assertNotIn("NOP", found["1"])
        self.assertIn("LDGSTS.E.128", found["1"])

    def test_a_pass_that_waits_and_loads_ahead_counts_more_than_the_last_one(self):
        found = loops(f"""
            .L_x_1:
            {PRODUCT}
            @P0 BRA `(.L_x_2)
            BAR.SYNC 0x0
            LDSM.16.M88.4 R4, [R1]
            .L_x_2:
            @P1 BRA `(.L_x_1)
            EXIT
        """)
        self.assertEqual(found["1"], ["HMMA.16816.F32", "BRA", "BAR.SYNC", "LDSM.16.M88.4", "BRA"])

    def test_copies_count_by_their_bytes(self):
        narrow, wide = code("LDGSTS.E.64 [R1], [R2.64]\nSTS.128 [R1], R4")[0]
        self.assertEqual((narrow.shared_bytes_written(), narrow.wavefronts()), (256, 2))
        self.assertEqual((wide.shared_bytes_written(), wide.wavefronts()), (512, 4))

    def test_what_is_not_understood_is_named(self):
        for text, words in [
            (f".L_x_1:\n{PRODUCT}\nBRX R2 -0x10", "indirect branch, BRX at 0x10"),
            (f".L_x_1:\n{PRODUCT}\nBRA `(.L_x_9)", "a jump to .L_x_9"),
            (f".L_x_1:\n{PRODUCT}\nBSYNC B3", "BSYNC B3 without a BSSY at 0x10"),
            (f".L_x_1:\n{PRODUCT}\nBRA 0x0", "a branch without a label"),
        ]:
            with self.assertRaisesRegex(sass.NotUnderstood, words):
                loops(text)
        (loop,) = sass.mma_loops(*code(".L_x_1:\nHMMA.99999.F32 R0, R4, R8, R0\nBRA `(.L_x_1)"))
        with self.assertRaisesRegex(sass.NotUnderstood, "unknown shape, HMMA.99999.F32"):
            loop_figures.figures_of(loop.path, 0)

    def test_a_function_without_code_or_loops_has_none(self):
        self.assertEqual(loops("EXIT"), {})
        self.assertEqual(sass.mma_loops([], {}), [])


class Figures(unittest.TestCase):
    def test_a_loop_unrolled_twice_counts_for_each_slice(self):
        part = f"BAR.SYNC 0x0\nLDSM.16.M88.4 R4, [R1]\n{PRODUCT}\n{PRODUCT}\n"
        (loop,) = sass.mma_loops(*code(".L_x_1:\n" + part * 2 + "@P0 BRA `(.L_x_1)\nEXIT"))
        figures = loop_figures.figures_of(loop.path, 2)
        self.assertEqual((figures["slices"], figures["instructions"], figures["hmma"]), (2, 4.5, 2))
        self.assertEqual((figures["wavefronts"], figures["hmma_behind_last_ldsm"]), (4, 2))
        # As a pass, where the products do not tell.
        self.assertEqual(loop_figures.figures_of(loop.path, 3)["slices"], 1)

    def test_occupancy(self):
        a100, h100 = kernel_table.GPUS
        # Of the CUDA occupancy calculator.
        self.assertEqual(a100.ctas_per_sm(256, 128, 65536), 2)
        self.assertEqual(a100.ctas_per_sm(256, 129, 65536), 1)
        self.assertEqual(h100.ctas_per_sm(128, 168, 73728), 3)
        self.assertEqual(h100.ctas_per_sm(128, 169, 73728), 2)
        self.assertEqual((a100.ctas_per_sm(128, 96, 81920), a100.ctas_per_sm(128, 96, 83200)), (2, 1))
        self.assertEqual(a100.ctas_per_sm(32, 16, 0), 32)

    def test_symbols(self):
        self.assertEqual(
            kernel_table.key_of(
                "_ZN8foldconv9conv_sm80INS_5tiles8k256x128ELNS_10ConvLoaderE1E13__nv_bfloat16EEvNS_10ConvParamsE"
            ),
            ("conv_sm80", "k256x128", 1, "bf16"),
        )
        self.assertEqual(
            kernel_table.key_of("_ZN8foldconv15block_tail_sm80INS_5tiles12k64x256_tailE6__halfEEvNS_10TailParamsE"),
            ("block_tail_sm80", "k64x256_tail", -1, "f16"),
        )
        self.assertIsNone(kernel_table.key_of("_ZN8foldconv11direct_convI6__halfEEvNS_12DirectParamsE"))

    def test_loops_of_two_architectures_are_paired_by_their_products(self):
        def figures(*products):
            return [(name, {"hmma": count}) for name, count in products]

        pairs = kernel_table.paired(
            {80: figures(("1", 504), ("1.1", 16), ("1.2", 112)), 90: figures(("1.1", 16), ("1.2", 168), ("1.3", 112))}
        )
        self.assertEqual(
            [(name, list(found)) for name, found in pairs],
            [("1", [80]), ("1.1", [80, 90]), ("1.2", [80, 90]), ("1.2 of sm_90", [90])],
        )


class Counts(unittest.TestCase):
    def stand_in(self, counts):
        """For the tool: {what of its problem: messages}"""

        def foldconv(build, *arguments, **environment):
            explained = '{"rows": [{"chosen": false}, {"chosen": true, "shared_bytes": 1234}]}'
            return explained, next((text for words, text in counts.items() if words in arguments[-1]), "")

        real, emulated_counts.foldconv = emulated_counts.foldconv, foldconv
        self.addCleanup(setattr, emulated_counts, "foldconv", real)

    def test_wavefronts_are_what_more_slices_add_for_a_cta(self):
        lines = ["ctas = 2", "ldmatrix.wavefronts = {}", "ldmatrix.ideal_wavefronts = 7", "async_copy.wavefronts = {}"]
        report = "".join(f"cuemu: {line}\n" for line in lines)
        self.stand_in({"ic128": report.format(200, 100), "ic640": report.format(1800, 900)})
        counts, notes = emulated_counts.collect("build", ["conv_1x1_f16_a", "conv_joined_f16_a", "block_tail_f16_a"])
        self.assertEqual(counts, {"conv_1x1_f16_a": {"wavefronts_counted": 150, "shared_bytes": 1234}})
        self.assertEqual(notes, [])

    def test_a_failure_is_told_without_the_counters(self):
        def failing(*command, environment):
            raise toolkit.ToolFailed("foldconv failed:\nthere is no kernel a\ncuemu: launches = 0\ncuemu: a.b = 1\n")

        real, toolkit.run_both = toolkit.run_both, failing
        self.addCleanup(setattr, toolkit, "run_both", real)
        with tempfile.TemporaryDirectory() as build:
            os.makedirs(os.path.join(build, "bench"))
            tool = os.path.join(build, "bench", "foldconv")
            with open(tool, "w", encoding="utf-8") as file:
                os.chmod(file.fileno(), 0o755)
            with self.assertRaises(toolkit.ToolFailed) as raised:
                emulated_counts.foldconv(build)
        self.assertEqual(str(raised.exception), "foldconv failed:\nthere is no kernel a")

    def test_what_cannot_be_counted_is_named(self):
        self.stand_in({"": "cuemu: launches = 1\n"})
        counts, notes = emulated_counts.collect("build", ["conv_1x1_f16_a", "conv_strange_f16_a"])
        self.assertEqual(counts, dict.fromkeys(["conv_1x1_f16_a", "conv_strange_f16_a"], {"shared_bytes": None}))
        self.assertRegex("\n".join(notes), "no problem for the loader strange\n.*conv_1x1_f16_a: not counted")


class Layers(unittest.TestCase):
    def test_fill_is_of_the_fullest_sm(self):
        self.assertAlmostEqual(layer_table.fill_of(196, 132), 196 / 264)
        self.assertEqual((layer_table.fill_of(132, 132), layer_table.fill_of(33, 132)), (1, 0.25))

    def test_rows_are_of_what_is_chosen(self):
        chosen = {"name": "a", "chosen": True, "kernel": "conv_1x1_f16_64x64x64_st4_sm80", "grid": 66, "ctas_per_sm": 3}
        chosen |= {"floor_us": 2.5, "limit": "L2"}
        document = {"header": {"multiprocessors": 132}, "rows": [chosen | {"chosen": False, "kernel": "b"}, chosen]}
        notes = []
        (found,) = layer_table.rows_of(document, "resnet50", "h100", 1, {"a": 4, "c": 1}, notes)
        self.assertEqual((found["kernel"], found["fill"], found["count"]), (chosen["kernel"], 0.5, 4))
        self.assertEqual(layer_markdown.cell(found), "1x1 64x64; 66 (0.50); 2.5 L2")
        self.assertEqual(notes, ["c, n = 1, h100: no plan"])

    def test_the_list_says_how_often_a_layer_is_there(self):
        counts = layer_table.counts_of("resnet50")
        self.assertEqual((len(counts), sum(counts.values())), (23, 53))
        self.assertEqual(sum(layer_table.counts_of("resnet50_blocks").values()), 16)

    def test_sums(self):
        rows = [{"images": 1, "floor_us": 1.5, "count": 2}, {"images": 1, "floor_us": 2, "count": 1}]
        rows.append({"images": 32, "floor_us": 100, "count": 1})
        self.assertEqual(layer_markdown.total(rows, 1, False), "3.5")
        self.assertEqual(layer_markdown.total(rows, 1, True), "5.0")

    def test_names_are_short_and_repeated_ones_stand_once(self):
        for name, short in [
            ("conv_rxs_f16_128x64x64_st3_sm80", "rxs 128x64"),
            ("block_tail_f16_64x256_st3_sm80", "tail 64x256"),
            ("block_whole_f16_28x8_st6_resident_sm80", "whole 28x8 resident"),
            ("other", "other"),
        ]:
            self.assertEqual(layer_markdown.short(name), short)
        self.assertEqual(layer_markdown.folded(list("abcbcdd")), "a, 2 x (b, c), 2 x d")
        self.assertEqual(layer_markdown.folded(["a"]), "a")


def row(**changes):
    made = dict.fromkeys(kernel_table.COLUMNS)
    made.update(kernel="conv_a", loop="1", threads=256, registers_f16_sm80=200, registers_bf16_sm80=200)
    made.update(local_bytes_sm80=0, hmma_sm80=64, instructions_sm80=200, wavefronts=1024, wavefronts_counted=1000)
    return made | changes


class Comparison(unittest.TestCase):
    def failures(self, **changes):
        return comparison.compare([row()], [row(**changes)])[0]

    def test_three_percent_more_is_no_failure(self):
        self.assertEqual(comparison.compare([row()], [row()]), ([], []))
        self.assertEqual(self.failures(instructions_sm80=206, registers_f16_sm80=206, wavefronts=1050), [])

    def test_more_is_a_failure_that_names_kernel_and_figure(self):
        for changes, words in [
            ({"instructions_sm80": 207}, r"conv_a, loop 1: 3.234 instructions for each HMMA, 3.125 .* \(\+3.5 %\)"),
            ({"wavefronts": 1060}, r"conv_a, loop 1: 2.07 shared-memory wavefronts for each HMMA, 2 in the table"),
            ({"registers_f16_sm80": 207}, r"conv_a: 207 registers, 200 in the table"),
            ({"registers_bf16_sm80": 207}, r"conv_a: 207 registers in bf16"),
            ({"local_bytes_sm80": 4}, r"conv_a: 4 bytes of local memory, 0 in the table"),
            ({"registers_f16_sm80": None}, r"conv_a: registers not found, 200 in the table"),
            ({"wavefronts_counted": 1031}, r"conv_a: 1031 shared-memory wavefronts of a slice, as .* counts them"),
            ({"wavefronts_counted": None}, r"conv_a: shared-memory wavefronts .* not found, 1000 in the table"),
            ({"loop": "1.1"}, r"conv_a: its loops with HMMA are 1.1; in the table 1"),
            ({"hmma_sm80": None}, r"conv_a: its loops with HMMA are none; in the table 1"),
        ]:
            (failure,) = self.failures(**changes)
            self.assertRegex(failure, words)

    def test_unrolling_and_larger_warp_tiles_are_not_worse(self):
        self.assertEqual(self.failures(instructions_sm80=400, hmma_sm80=128, wavefronts=2048), [])

    def test_kernels_must_be_in_both(self):
        self.assertEqual(comparison.came_and_went([], [row()]), ["conv_a: compiled, but not in the table"])
        self.assertEqual(comparison.came_and_went([row()], []), ["conv_a: in the table, but not compiled"])
        self.assertEqual(comparison.came_and_went([row()], [row()]), [])
        self.assertEqual(comparison.compare([], [row()]), ([], []))

    def test_less_is_told_and_no_failure(self):
        failures, improvements = comparison.compare([row()], [row(instructions_sm80=180)])
        self.assertEqual(failures, [])
        self.assertRegex(improvements[0], r"conv_a, loop 1: 2.812 instructions .* \(-10.0 %\)")


class Command(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = scratch.name

    def check(self, committed, now, notes=()):
        table_file.write(os.path.join(self.folder, "kernels.csv"), kernel_table.COLUMNS, committed)
        collect, kernel_table.collect = kernel_table.collect, lambda build, architectures: (now, list(notes))
        self.addCleanup(setattr, kernel_table, "collect", collect)
        with contextlib.redirect_stderr(io.StringIO()) as said:
            status = speed.check("build", self.folder)
        return status, said.getvalue()

    def test_check_says_what_to_do(self):
        self.assertEqual(self.check([row()], [row()]), (0, ""))
        status, said = self.check([row()], [row(instructions_sm80=300)], ["conv_b: no loop with HMMA"])
        self.assertEqual(status, 1)
        self.assertIn("conv_b: no loop with HMMA\n", said)
        self.assertIn("worse: conv_a, loop 1: 4.688 instructions", said)
        self.assertIn("run bench/speed/run.sh, and commit bench/results/speed", said)
        status, said = self.check([row()], [row(instructions_sm80=100)])
        self.assertEqual(status, 0)
        self.assertIn("better: conv_a, loop 1", said)
        status, said = self.check([row()], [row(), row(kernel="conv_of_a_new_tile")])
        self.assertEqual(status, 1)
        self.assertIn("conv_of_a_new_tile: compiled, but not in the table\n", said)
        self.assertIn("after a tile is added or removed run bench/speed/run.sh, and commit", said)
        self.assertNotIn("worse", said)

    def test_a_table_read_again_is_the_same(self):
        path = os.path.join(self.folder, "kernels.csv")
        rows = [row(wavefronts=1024.125, loop="1.1"), row(loop="2 of sm_90", hmma_sm80=None)]
        table_file.write(path, kernel_table.COLUMNS, rows)
        self.assertEqual(table_file.read(path), rows)

    def test_the_committed_table_is_made_of_the_committed_figures(self):
        shutil.copytree(speed.RESULTS, self.folder, dirs_exist_ok=True)
        with open(os.path.join(self.folder, "table.md"), encoding="utf-8") as file:
            self.assertEqual(file.read(), speed.write_table(self.folder), speed.REMEDY)


if __name__ == "__main__":
    unittest.main()
