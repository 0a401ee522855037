# SPDX-License-Identifier: MIT
"""Blocks of shell: every command of ours must exist with the options that it is given; cheap ones run (commands.py)."""
import json
import os
import pathlib
import re
import shlex
import subprocess

from blocks import ROOT
from commands import RULES, RUN, SHOWN
from networks import missing_files

SEPARATORS = {"&&", "||", ";", "|", "&"}
REDIRECTIONS = {">", ">>", "<", "2>"}
ASSIGNMENT = re.compile(r"(\w+)=")
OPTION = re.compile(r"--?[A-Za-z][\w-]*")
FILE = re.compile(r"\.(onnx|safetensors|jpg|npy|rgb)$")
DESCRIPTOR = re.compile(r"(mb\d+_?|ic\d+|g\d+_?ic)\w*")


class Command:
    def __init__(self, block, words):
        self.block = block
        self.variables = []
        while words and ASSIGNMENT.match(words[0]):
            self.variables.append(ASSIGNMENT.match(words[0]).group(1))
            words = words[1:]
        self.words = words
        self.rule = next((rule for rule in RULES if rule.takes(words)), None)

    def __str__(self):
        return shlex.join(self.words)

    @property
    def tool_words(self):
        """The tool's arguments, if it is the tool."""
        if self.words[0] in ("foldconv", "bench/run.sh"):
            return [word for word in self.words[1:] if word != "--emulate"]
        return None


def typed_lines(block):
    """What a reader types: of a console block the lines behind a prompt."""
    text = block.text.replace("\\\n", " ")
    lines = text.split("\n")
    if block.language == "console":
        return [line[2:] for line in lines if line.startswith("$ ")]
    return lines


def commands_of(block):
    for line in typed_lines(block):
        lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|")
        lexer.whitespace_split = True
        words, skip = [], False
        for word in [*lexer, ";"]:
            if word in SEPARATORS:
                if words:
                    yield Command(block, words)
                words = []
            elif skip or word in REDIRECTIONS:
                skip = not skip
            else:
                words.append(word)


class Shell:
    def __init__(self, prefix, scratch, environment):
        self.prefix, self.scratch = prefix, scratch
        self.environment = {**environment,
                            "LD_LIBRARY_PATH": f"{prefix / 'lib'}:{environment.get('LD_LIBRARY_PATH', '')}"}
        self.done = {}
        self.counts = {"run": 0, "parsed": 0}
        self.not_run = set()  # names of blocks with a command that lacks a file of bench/networks
        self.notes = []

    def execute(self, words):
        """Runs a command; the tool once: pages show the same outputs."""
        if words[0] != "foldconv" or "--output" in words:
            return self.execute_anew(words)
        if tuple(words) not in self.done:
            self.done[tuple(words)] = self.execute_anew(words)
        return self.done[tuple(words)]

    def execute_anew(self, words):
        return subprocess.run(words, cwd=self.scratch, env=self.environment, capture_output=True, text=True,
                              check=False, timeout=120)

    def tool_help(self, command):
        done = self.execute(["foldconv", *command, "--help"])
        return done.stdout if done.returncode == 0 else None

    def check_tool(self, words):
        """The command, its options, lists of shapes and descriptors exist."""
        command = tuple(words[:1]) if words and not words[0].startswith("-") else ()
        text = self.tool_help(command)
        if text is None:
            return f"the tool has no command {' '.join(command)}"
        known = set(OPTION.findall(text))
        rest = words[len(command):]
        for place, word in enumerate(rest):
            before = rest[place - 1] if place else ""
            if word.startswith("-"):
                if word.partition("=")[0] not in known:
                    return f"the tool's {' '.join(command)} has no option {word}"
            elif before == "--batch":
                if not (ROOT / "bench/shapes" / f"{word}.txt").exists() and not (ROOT / word).exists():
                    return f"there is no shape list {word}"
            elif before in ("", *words[:1]) or before == "--block":
                if before == "--block" or DESCRIPTOR.match(word):
                    done = self.execute(["foldconv", "explain", *(["--block"] if before == "--block" else []), word])
                    if done.returncode != 0:
                        return f"the tool does not take {word}: {done.stderr}"
        return ""

    def check_script(self, words):
        """The file exists, and knows the options."""
        path = ROOT / words[0].replace("DIR/", "bench/")
        if not os.access(path, os.X_OK):
            return f"no {words[0]} that can be run"
        known = path.read_text()
        if '"$@"' in known:  # hands them on
            known += "".join(script.read_text() for script in path.parent.glob("*.py"))
        if words[0] == "tests/run.sh":
            known += self.execute(["ctest", "--help"]).stdout
        for word in words[1:]:
            if word.startswith("-") and word.partition("=")[0] not in known:
                return f"{words[0]} has no option {word}"
        return ""

    def check_cmake(self, words):
        presets = json.loads((ROOT / "CMakePresets.json").read_text())
        kind = {"ctest": "testPresets"}.get(words[0], "buildPresets" if "--build" in words else "configurePresets")
        known = {preset["name"] for preset in presets[kind] if not preset.get("hidden")}
        lists = subprocess.run(["git", "grep", "-hoE", r"COMPONENT [a-z_]+", "--", "*CMakeLists.txt", "*.cmake"], cwd=ROOT,
                               capture_output=True, text=True, check=False).stdout
        components = {line.split()[1] for line in lists.splitlines()}
        for option, value in zip(words, words[1:]):
            if option == "--preset" and value not in known:
                return f"there is no preset {value}"
            if option == "--component" and value not in components:
                return f"there is no component {value}"
        for word in words:
            name = re.match(r"-D(FOLDCONV_\w+)", word)
            if name and name.group(1) not in self.sources_with(name.group(1)):
                return f"no CMake list knows {name.group(1)}"
        return ""

    @staticmethod
    def sources_with(word):
        return subprocess.run(["git", "grep", "-hoFw", word, "--", ":!*.md"], cwd=ROOT, capture_output=True, text=True,
                              check=False).stdout

    def check_command(self, command):
        """What is wrong, or ""."""
        for variable in command.variables:
            if variable not in self.sources_with(variable):
                return f"nothing reads {variable}"
        words = command.words
        if command.tool_words is not None:
            return self.check_tool(command.tool_words)
        if words[0] in ("cmake", "ctest"):
            return self.check_cmake(words)
        if words[0].startswith("PREFIX/") and not (self.prefix / words[0].removeprefix("PREFIX/")).exists():
            return f"what is installed has no {words[0]}"
        if words[0].startswith("DIR/") or (ROOT / words[0]).is_file() or re.match(r"[\w.]+/[\w./]+$", words[0]):
            return "" if words[0].startswith("PREFIX/") else self.check_script(words)
        if words[0] in ("python", "python3") and words[1].endswith(".py") and not (ROOT / words[1]).exists():
            return f"there is no {words[1]}"
        return ""

    def check(self, block, is_shown):
        """Errors of a block, and what its commands that ran printed, or None. `is_shown`: an output follows."""
        syntax = subprocess.run(["bash", "-n"], input="\n".join(typed_lines(block)), capture_output=True, text=True,
                                check=False)
        if syntax.returncode != 0:
            return [f"{block.name}: no shell: {syntax.stderr}"], None
        errors, printed = [], None
        for command in commands_of(block):
            if command.rule is None:
                errors.append(f"{block.name}: no rule for {command}; add one to docs/code_blocks/commands.py")
                continue
            wrong = self.check_command(command)
            if wrong:
                errors.append(f"{block.name}: {command}: {wrong}")
            elif missing := self.missing(command, is_shown):
                self.not_run.add(block.name)
                self.notes.append(f"{block.name}: {command} not run, no {', '.join(missing)} here")
                self.counts["parsed"] += 1
            elif self.is_run(command, is_shown):
                done = self.run(command)
                printed = (printed or "") + done.stdout
                self.counts["run"] += 1
                if done.returncode != 0:
                    errors.append(f"{block.name}: {command} ends with {done.returncode}: {done.stderr}")
            else:
                self.counts["parsed"] += 1
        return errors, printed

    def is_wanted(self, command, is_shown):
        return command.rule.how == RUN or (command.rule.how == SHOWN and is_shown)

    def missing(self, command, is_shown):
        """Files of bench/networks for whose want a command does not run that should."""
        if not self.is_wanted(command, is_shown):
            return []
        return missing_files(f"{command} {command.rule.files}", self.environment)

    def is_run(self, command, is_shown):
        return self.is_wanted(command, is_shown) and self.files_there(command)

    def run(self, command):
        return self.execute(command.words if command.tool_words is None else ["foldconv", *command.tool_words])

    def files_there(self, command):
        """Whether the files that it reads are there: a reader's own are not."""
        folders = [self.scratch, pathlib.Path(self.environment["FOLDCONV_NETWORKS"])]
        before = [None, *command.words]
        return all(any((folder / word).exists() for folder in folders)
                   for word, option in zip(command.words, before) if FILE.search(word) and option != "--output")
