# SPDX-License-Identifier: MIT
"""examples/compile_torch.py, as a user would run it."""

import re
import subprocess
import sys

import pytest

pytest.importorskip("torch.nn", reason="no torch here; python/run.sh --torch installs it")
from conftest import ROOT


def test_the_example():
    done = subprocess.run([sys.executable, "-B", ROOT / "examples" / "compile_torch.py"], capture_output=True, text=True,
                          timeout=300)
    assert done.returncode == 0, done.stderr
    assert "2 residual blocks" in done.stdout
    errors = [float(text) for text in re.findall(r"off by ([0-9.]+)", done.stdout)]
    assert len(errors) == 2 and max(errors) < 0.01
