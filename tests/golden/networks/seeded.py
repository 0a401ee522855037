# SPDX-License-Identifier: MIT
"""Numbers of a name and a place: the same in every version of NumPy, and a few lines in any other language.

    hash(x):  x ^= x >> 16;  x *= 0x21f0aaad;  x ^= x >> 15;  x *= 0x735a2d97;  x ^= x >> 15    (uint32)
    element i of tensor `name`:  (hash(hash(i) ^ fnv1a(name)) >> 8) * 2^-23 - 1       in [-1, 1), exact in fp32
"""

import math

import numpy as np

# half and centre of uniform() for BatchNorm's parameters.
NORM = {"gamma": (0.5, 1), "beta": (0.25, 0), "mean": (0.125, 0), "variance": (0.5, 1.25)}
DAMPED_GAMMA = (0.1875, 0.4375)  # of what is added to a trunk: else each block makes it larger

CHUNK = 1 << 16  # stays in the cache


def fnv1a(text):
    value = 0x811C9DC5
    for byte in text.encode():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


def hash_in_place(x, scratch):
    for shift, factor in ((16, 0x21F0AAAD), (15, 0x735A2D97), (15, None)):
        np.right_shift(x, shift, out=scratch)
        np.bitwise_xor(x, scratch, out=x)
        if factor:
            np.multiply(x, np.uint32(factor), out=x)


def integers(name, shape):
    """int32 in [-2^23, 2^23)"""
    count = math.prod(shape)
    values = np.empty(count, np.int32)
    seed, x, scratch = np.uint32(fnv1a(name)), np.empty(CHUNK, np.uint32), np.empty(CHUNK, np.uint32)
    places = np.arange(CHUNK, dtype=np.uint32)
    for begin in range(0, count, CHUNK):
        np.add(places, np.uint32(begin), out=x)
        hash_in_place(x, scratch)
        np.bitwise_xor(x, seed, out=x)
        hash_in_place(x, scratch)
        np.right_shift(x, 8, out=x)
        part = values[begin:begin + CHUNK]
        np.subtract(x.view(np.int32)[:part.size], 1 << 23, out=part)
    return values.reshape(shape)


def uniform(name, shape, half=1.0, centre=0.0):
    """fp32 in [centre - half, centre + half): half times the element, rounded, and + centre, rounded."""
    return integers(name, shape).astype(np.float32) * np.float32(half * 2**-23) + np.float32(centre)


def weights(name, shape, products, size=1.0):
    """For sums of so many products: variance 3 * size^2 / products, which keeps ReLU networks level at size 1.

    Those of a sum add up to 0: else the means of maps outgrow what differs between inputs, layer by layer.
    """
    values = integers(name, shape).reshape(-1, products)
    values -= (np.sum(values, axis=1, keepdims=True, dtype=np.int64) // products).astype(np.int32)
    return (values.astype(np.float32) * np.float32(size * 3 / math.sqrt(products) * 2**-23)).reshape(shape)


def pictures(name, shape):
    """[n, c, h, w]: a level for each map, patches of 32 x 32 and noise, each in [-1, 1), added in this order in fp32.

    Noise alone would not do: its mean over a map is that of any other noise.
    """
    n, c, h, w = shape
    level = uniform(f"{name}.level", (n, c, 1, 1))
    patches = uniform(f"{name}.patches", (n, c, h // 32, w // 32))
    patches = patches.repeat(32, axis=2).repeat(32, axis=3)
    return level + patches + uniform(f"{name}.noise", shape)
