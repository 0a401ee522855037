# SPDX-License-Identifier: MIT
"""Draws the fixtures' charts with any matplotlib there is: draw_test.py [PYTHON...]

Exit code 77, with the reason, where none of these interpreters has one.
"""

import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
DRAW = os.path.join(HERE, "..", "..", "..", "bench", "charts", "draw.py")
CHARTS = {
    "gpu.json": ["speedup_cold", "speedup_warm", "roofline_cold", "roofline_warm"],
    "emulated.json": ["speedup_floor", "traffic"],
}


def has_matplotlib(python):
    if not os.path.exists(python):
        return False
    return subprocess.run([python, "-c", "import matplotlib"], capture_output=True).returncode == 0


def main():
    python = next(filter(has_matplotlib, [sys.executable, *sys.argv[1:]]), None)
    if python is None:
        print("skipped: no matplotlib here; bench/charts/run.sh installs one into build/charts")
        return 77
    for result, charts in CHARTS.items():
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([python, DRAW, os.path.join(HERE, result), folder], check=True)
            expected = sorted(f"{chart}.{kind}" for chart in charts for kind in ("png", "svg"))
            if sorted(os.listdir(folder)) != expected:
                print(f"{result}: {sorted(os.listdir(folder))}, not {expected}")
                return 1
            for chart in expected:
                size = os.path.getsize(os.path.join(folder, chart))
                if size < 2000:
                    print(f"{chart} has {size} bytes only")
                    return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
