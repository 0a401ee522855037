# SPDX-License-Identifier: MIT
"""A trained network and a picture, beside what ONNX Runtime answered (tests/golden/networks)."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest

import foldconv
from conftest import NETWORKS, ROOT
from device_tensor import DeviceTensor

GOLDEN = ROOT / "tests" / "golden" / "networks"
NETWORK, PICTURE = NETWORKS / "efficientnet-lite0.onnx", NETWORKS / "grace_hopper.jpg"

pytestmark = pytest.mark.skipif(not (NETWORK.is_file() and PICTURE.is_file()),
                                reason="no trained networks: bench/networks/setup.sh fetches them")


@pytest.fixture(scope="module")
def plan():
    return foldconv.load(NETWORK).plan(h=224, w=224, input="u8 nhwc", mean=127, scale=1 / 128)


@pytest.fixture(scope="module")
def pixels():
    sys.path.insert(0, str(GOLDEN))
    import picture
    return picture.resized(picture.read_by_pillow(PICTURE), 224)[None]


def test_classifies_as_onnxruntime_does(plan, pixels):
    record = json.loads((GOLDEN / "efficientnet_lite0.json").read_text())
    answer, = (a for a in record["answers"] if a["decoder"] == "libjpeg-turbo" and a["turned"] == 0)
    expected = np.array(answer["logits"])
    begin = time.perf_counter()
    logits = plan(pixels)
    assert logits.shape == (1, 1000)
    assert np.abs(logits[0] - expected).max() <= record["allowed"]["f16"]
    assert np.array_equal(np.argsort(-logits[0])[:3], np.argsort(-expected)[:3]) and logits[0].argmax() == 652
    assert np.array_equal(plan(DeviceTensor(pixels)).numpy(), logits)
    assert time.perf_counter() - begin < 60


def test_the_example():
    begin = time.perf_counter()
    done = subprocess.run([sys.executable, "-B", ROOT / "examples" / "classify.py", PICTURE, NETWORK,
                           ROOT / "bench" / "networks" / "imagenet_classes.txt"],
                          env={**os.environ, "FOLDCONV_EMULATE": "1"}, capture_output=True, text=True, timeout=120)
    assert time.perf_counter() - begin < 60
    assert done.returncode == 0, done.stderr
    lines = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    assert [line[0] for line in lines[:3]] == ["652", "465", "834"] and lines[0][2] == "military uniform"
    assert len(lines) == 5
