# SPDX-License-Identifier: MIT
"""examples/compile_torch.py, in this process: torch takes seconds to import."""

import re
import runpy

import pytest

pytest.importorskip("torch.nn", reason="no torch here; python/run.sh --torch installs it")
import torch
from conftest import ROOT


def test_the_example(capsys):
    torch._dynamo.reset()
    runpy.run_path(str(ROOT / "examples" / "compile_torch.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert "2 residual blocks" in printed
    errors = [float(text) for text in re.findall(r"off by ([0-9.]+)", printed)]
    assert len(errors) == 2 and max(errors) < 0.01
