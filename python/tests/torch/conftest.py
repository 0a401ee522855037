# SPDX-License-Identifier: MIT
"""The emulator has to be there before torch loads a CUDA runtime of its own."""

import foldconv  # noqa: F401
