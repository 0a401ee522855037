#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The five likeliest classes of a picture.

usage: classify.py PICTURE NETWORK.onnx [CLASSES.txt]    needs foldconv and pillow; CLASSES.txt has a name a line

The network takes n 3 224 224 and (pixel - 127) / 128, as EfficientNet-Lite0 does: change SIZE, MEAN and SCALE for others.
"""

import pathlib
import sys

import numpy as np
from PIL import Image

import foldconv

SIZE, MEAN, SCALE = 224, 127.0, 1 / 128


def main(picture, network, classes=None):
    with Image.open(picture) as image:
        pixels = np.asarray(image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BILINEAR))
    net = foldconv.load(network)
    plan = net.plan(n=1, h=SIZE, w=SIZE, input="u8 nhwc", mean=MEAN, scale=SCALE)
    result = plan(pixels[None])
    logits = (result[0] if isinstance(result, tuple) else result)[0]
    names = pathlib.Path(classes).read_text().splitlines() if classes else None
    for index in np.argsort(-logits)[:5]:
        print(f"{index:5}  {logits[index]:8.4f}  {names[index] if names else ''}".rstrip())


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(*sys.argv[1:])
