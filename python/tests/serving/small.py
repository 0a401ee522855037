# SPDX-License-Identifier: MIT
"""What the tests of serving share."""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[3]
SIZE, CLASSES, PICTURES = 32, 10, 200
