# SPDX-License-Identifier: MIT
"""Commands of shell blocks: what is run, what is only parsed, and why."""
import dataclasses
import re

# How a command is treated. The first rule that matches its words decides; a command without a rule is an error.
RUN = "run"
SHOWN = "run where an output follows"
PARSE = "parse"


@dataclasses.dataclass
class Rule:
    pattern: str  # of the command's words, joined by spaces
    how: str
    reason: str
    files: str = ""  # what it reads of bench/networks without being told to

    def takes(self, words):
        return re.match(self.pattern, " ".join(words)) is not None


TOOL = r"(bench/run\.sh|foldconv)"
RULES = [
    Rule(TOOL + r" (--version|--help|completion\b)", RUN, "at once"),
    Rule(TOOL + r" explain ", RUN, "plans only, which takes no second"),
    Rule(TOOL + r" inspect ", RUN, "reads a file"),
    Rule(TOOL + r" classify$", RUN, "five seconds", "efficientnet-lite0.onnx grace_hopper.jpg"),
    Rule(TOOL + r" classify ", PARSE, "a picture or a network of the reader's"),
    Rule(TOOL + r" run ", RUN, "one run, where its files are there"),
    Rule(TOOL + r" validate --network efficientnet", SHOWN, "ten seconds", "grace_hopper.jpg"),
    Rule(TOOL + r" validate ", PARSE, "minutes on the emulator; the test suite runs them"),
    Rule(TOOL + r" bench --network ", SHOWN, "plans only"),
    Rule(TOOL + r" bench ", PARSE, "minutes on the emulator; the test suite runs them"),
    Rule(TOOL + r" record-cudnn ", PARSE, "needs a GPU and cuDNN"),
    Rule(r"bench/run\.sh$", PARSE, "builds, and takes a minute"),
    Rule(r"(tests|python|docs)/run\.sh( |$)", PARSE, "builds and tests everything"),
    Rule(r"\.ci/run$", PARSE, "builds and tests everything"),
    Rule(r"bench/networks/setup\.sh$", PARSE, "this test's own first step"),
    Rule(r"(bench|DIR)/record\.sh ", PARSE, "needs a release build, or a GPU"),
    Rule(r"bench/speed/run\.sh( |$)", PARSE, "disassembles every kernel; .ci/run does it"),
    Rule(r"bench/charts/\w+\.(sh|py)( |$)", PARSE, "writes committed files; tests of its own"),
    Rule(r"(cmake|ctest) ", PARSE, "builds or tests everything; presets and components are looked up"),
    Rule(r"build/prefix/bin/foldconv-emulate build/try/", RUN, "the page's own program, which c_family.py makes",
         "efficientnet-lite0.onnx"),
    Rule(r"PREFIX/bin/", PARSE, "a program of the reader's"),
    Rule(r"(c\+\+|cc|nvcc) ", PARSE, "a program of the reader's; tests/consumer compiles one by these flags"),
    Rule(r"(python3? -m )?pip install ", PARSE, "python/run.sh installs the wheel"),
    Rule(r"python3? -m venv ", PARSE, "python/run.sh makes one"),
    Rule(r"python3? your_program\.py", PARSE, "a program of the reader's"),
    Rule(r"python3? examples/", PARSE, "the examples have tests of their own"),
    Rule(r"python3? python/bench/", PARSE, "twenty seconds of a core for a figure"),
    Rule(r"(cp|mkdir) ", PARSE, "files of the reader's"),
    Rule(r"docker run ", PARSE, "needs a GPU, and the image"),
    Rule(r"(cd|export|source|\.) ", PARSE, "of the reader's shell"),
    Rule(r"curl ", PARSE, "asks a server that only the tests of serving start"),
    Rule(r"serve run ", PARSE, "starts that server"),
    Rule(r"python3? -c import torch", PARSE, "needs PyTorch, and reads a checkpoint of the reader's"),
    Rule(r"python3? -c ", PARSE, "reads what that server answers"),
]

# Outputs whose command does not stand in the block before them: the page, how the output begins, the command.
OUTPUTS = {
    ("README.md", "picture: grace_hopper.jpg"): "foldconv classify",
}

# Outputs that are not compared: the page, how the output begins, why not.
NOT_COMPARED = {
    ("docs/explanation/cuts.md", "x "): "a drawing",
    ("docs/tutorial/6-serve-it.md", "[652, 465"): "of a server",
    ("docs/tutorial/2-look-at-it.md", 'node "Resize_2"'): "of a file that is not taken, which a reader may have",
}
