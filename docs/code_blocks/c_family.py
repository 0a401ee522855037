# SPDX-License-Identifier: MIT
"""Blocks of C++ and C: whole programs are linked and run; fragments become functions of one translation unit a language,
which is compiled.

A fragment uses names that it does not declare: preludes/common.hpp has those that many use; preludes/PAGE.hpp (PAGE: the
page's path with dashes) those of one page, as declarations that may stand in a function.
"""
import dataclasses
import pathlib
import re
import shlex
import subprocess

PRELUDES = pathlib.Path(__file__).resolve().parent / "preludes"
WARNINGS = ["-Wall", "-Wextra", "-Wno-unused-variable", "-Wno-unused-but-set-variable", "-Werror"]


@dataclasses.dataclass
class Language:
    name: str
    header: str
    package: str  # pkg-config's
    compiler: list
    function: str  # around a fragment
    end: str


LANGUAGES = [
    Language("cpp", "hpp", "foldconv", ["c++", "-std=c++20"],
             "namespace block_{n} {{\nusing namespace foldconv;\nOutcome block();\nOutcome block() {{\n",
             "return {};\n}\n}\n"),
    Language("c", "h", "foldconv_c", ["cc", "-std=c99"], "int block_{n}(void);\nint block_{n}(void) {{\n",
             "return 0;\n}\n"),
]

# Where a page's own commands look for its program; programs of other pages are run as they are.
PROGRAMS = {
    "docs/tutorial/cpp.md": "build/try/out/classify",
    "docs/tutorial/c.md": "build/try/out/classify",
}

PROGRAM = re.compile(r"^int main\(", re.MULTILINE)
INCLUDE = re.compile(r"^\s*#\s*include\b")


def is_program(block):
    return PROGRAM.search(block.text) is not None


def flat_name(block):
    return block.page.removesuffix(".md").replace("/", "-")


def parts_of(block, number, language):
    """The includes of a fragment, and the rest of it as a function."""
    lines = block.text.split("\n")
    includes = [line for line in lines if INCLUDE.match(line)]
    body = "\n".join("" if INCLUDE.match(line) else line for line in lines)
    prelude = PRELUDES / f"{flat_name(block)}.{language.header}"
    declared = f'#include "{prelude}"\n' if prelude.exists() else ""
    # Braces: a block may declare what its prelude does.
    function = language.function.format(n=number) + declared + f'{{\n#line {block.line} "{block.page}"\n{body}\n}}\n'
    return includes, function + language.end


class MissingPackage(Exception):
    pass


class Compiler:
    def __init__(self, prefix, scratch, environment):
        self.prefix = prefix
        self.environment = {**environment, "PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig"),
                            "LD_LIBRARY_PATH": f"{prefix / 'lib'}:{environment.get('LD_LIBRARY_PATH', '')}"}
        self.scratch = scratch
        self.folder = scratch / "c_family"
        self.folder.mkdir(parents=True, exist_ok=True)

    def run(self, command, **settings):
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False, **settings)

    def flags(self, package, *what):
        # It escapes each byte of a letter that is none of ASCII.
        done = self.run(["pkg-config", *what, package], errors="surrogateescape")
        if done.returncode != 0:
            raise MissingPackage(f"{package} is not installed in {self.prefix}: {done.stderr}")
        return shlex.split(done.stdout)

    def compile(self, language, source, options):
        done = self.run([*language.compiler, *WARNINGS, str(source), *options])
        return done.stderr if done.returncode != 0 else ""

    def check_fragments(self, blocks, language):
        parts = [parts_of(block, number, language) for number, block in enumerate(blocks)]
        source = self.folder / f"fragments.{language.name}"
        includes = dict.fromkeys(line for block_includes, _ in parts for line in block_includes)
        common = PRELUDES / f"common.{language.header}"
        source.write_text("\n".join([*includes, f'#include "{common}"', *(function for _, function in parts)]))
        errors = self.compile(language, source, [*self.flags(language.package, "--cflags"), "-fsyntax-only"])
        return [errors] if errors else []

    def check_program(self, block, language):
        source = self.folder / f"{flat_name(block)}-{block.line}.{language.name}"
        source.write_text(f'#line {block.line} "{block.page}"\n{block.text}')
        program = self.scratch / PROGRAMS.get(block.page, f"build/programs/{source.stem}")
        program.parent.mkdir(parents=True, exist_ok=True)
        libraries = self.flags(language.package, "--cflags", "--libs")
        if "foldconv/onnx.hpp" in block.text:
            libraries = [f"-L{self.prefix / 'lib'}", "-lfoldconv_onnx", *libraries]
        elif "cuda_runtime_api.h" in block.text:  # whose folder the C library's package does not name: foldconv.h needs none
            libraries += self.flags("foldconv", "--cflags")
        errors = self.compile(language, source, ["-o", program, *libraries])
        if errors or block.page in PROGRAMS:
            return [errors] if errors else []
        done = self.run([program], cwd=self.scratch, timeout=120)
        if done.returncode != 0:
            return [f"{block.name}: the program ends with {done.returncode}: {done.stdout}{done.stderr}"]
        return []

    def check_programs(self, blocks):
        errors = []
        for language in LANGUAGES:
            for block in blocks:
                if block.language == language.name and is_program(block):
                    errors += self.without_exceptions(self.check_program, block, language)
        return errors

    def check_all_fragments(self, blocks):
        errors = []
        for language in LANGUAGES:
            fragments = [block for block in blocks if block.language == language.name and not is_program(block)]
            if fragments:
                errors += self.without_exceptions(self.check_fragments, fragments, language)
        return errors

    @staticmethod
    def without_exceptions(check, what, language):
        try:
            return check(what, language)
        except MissingPackage as error:
            return [f"{language.name}: {error}"]
