# SPDX-License-Identifier: MIT
"""The trained networks and the picture that blocks read; without a network to fetch them by, they are not there."""
import os
import pathlib
import re

from blocks import ROOT

NAMES = re.findall(r"^\| `([\w.-]+)` \|", (ROOT / "bench/networks/README.md").read_text(), re.MULTILINE)


def missing_files(text, environment):
    """Those that `text` names and that are not there."""
    folder = pathlib.Path(environment["FOLDCONV_NETWORKS"])
    return [name for name in NAMES if re.search(rf"(?<![\w.-]){re.escape(name)}\b", text) and not (folder / name).is_file()]
