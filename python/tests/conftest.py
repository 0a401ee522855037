# SPDX-License-Identifier: MIT
"""Two emulated devices, and what the tests share."""

import os
import pathlib
import sys

os.environ.setdefault("FOLDCONV_EMULATE", "1")
os.environ["CUEMU_DEVICES"] = "2"  # read at the emulator's first call

import numpy as np
import pytest

import foldconv

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import models

ROOT = pathlib.Path(__file__).resolve().parents[2]
NETWORKS = pathlib.Path(os.environ.get("FOLDCONV_NETWORKS") or ROOT / "build" / "networks")


@pytest.fixture(scope="session")
def residual_model():
    return models.residual_model(np.random.default_rng(1))


@pytest.fixture(scope="session")
def residual_net(residual_model):
    return foldconv.load(residual_model.proto)


@pytest.fixture(scope="session")
def conv_plan():
    """x[n, h, w, 8] -> y[n, h, w, 8], n up to 4, f16: one launch."""
    w = np.random.default_rng(2).standard_normal((8, 8, 3, 3)).astype(np.float32)
    return foldconv.Conv(w).plan(4, 5, 7, padding=1, activation="relu")


@pytest.fixture
def conv_input():
    return np.random.default_rng(3).standard_normal((4, 5, 7, 8)).astype(np.float16)
