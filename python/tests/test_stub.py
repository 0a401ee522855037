# SPDX-License-Identifier: MIT
"""What type checkers and help() say of the package.

The stub is nanobind's; where this test fails, write it anew from the root of the repository:
    python -m nanobind.stubgen -P -m foldconv._foldconv -o python/foldconv/_foldconv.pyi
and put the licence line back in front.
"""

import inspect
import pathlib
import subprocess
import sys

import foldconv

LICENCE = "# SPDX-License-Identifier: MIT\n"


def test_the_stub_is_the_module_s(tmp_path):
    written = tmp_path / "stub.pyi"
    subprocess.run([sys.executable, "-B", "-m", "nanobind.stubgen", "-q", "-P", "-m", "foldconv._foldconv", "-o", written],
                   check=True)
    stub = pathlib.Path(foldconv.__file__).with_name("_foldconv.pyi").read_text()
    assert stub.startswith(LICENCE)
    assert stub.removeprefix(LICENCE) == written.read_text()
    assert pathlib.Path(foldconv.__file__).with_name("py.typed").is_file()


def test_all_that_is_public_is_documented():
    for name in foldconv.__all__:
        thing = getattr(foldconv, name)
        if not (inspect.isclass(thing) or callable(thing)):
            continue
        assert inspect.getdoc(thing), name
        if inspect.isclass(thing) and not issubclass(thing, tuple):
            for member, value in vars(thing).items():
                if callable(value) and not member.startswith("_"):
                    assert inspect.getdoc(value), f"{name}.{member}"
