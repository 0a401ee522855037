# SPDX-License-Identifier: MIT
"""Pictures one by one through a plan for one: alone.py NETWORK PICTURES.npy LOGITS.npy"""

import sys

import numpy as np

import foldconv

network, pictures, logits = sys.argv[1:]
pictures = np.load(pictures)
_, height, width, _ = pictures.shape
plan = foldconv.load(network).plan(n=1, h=height, w=width, input="u8 nhwc", mean=127, scale=1 / 128)
np.save(logits, np.concatenate([plan(picture[None]) for picture in pictures]))
