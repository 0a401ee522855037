# SPDX-License-Identifier: MIT
"""A picture as the input of a network, in integers, so that other programs get the same bytes."""

import ctypes

import numpy as np
from PIL import Image


def read_by_pillow(path):
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def read_by_stb(path):
    stb = ctypes.CDLL("libstb.so.0")
    stb.stbi_load.restype = ctypes.POINTER(ctypes.c_uint8)
    w, h, channels = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    pixels = stb.stbi_load(str(path).encode(), ctypes.byref(w), ctypes.byref(h), ctypes.byref(channels), 3)
    if not pixels:
        raise ValueError(f"{path}: stb_image does not read it")
    picture = np.ctypeslib.as_array(pixels, (h.value, w.value, 3)).copy()
    stb.stbi_image_free(pixels)
    return picture


# u8, [h, w, 3], RGB. They differ by up to 3 in one value of 26.
READERS = {"stb_image": read_by_stb, "libjpeg-turbo": read_by_pillow}


def turned(picture, degrees):
    """Turned clockwise."""
    return np.ascontiguousarray(np.rot90(picture, -degrees // 90))


def positions(size, wanted):
    """For each of the wanted pixels: its two neighbours and the second one's weight, in parts of 2 * wanted.

    Centres at halves: (i + 1/2) * size / wanted - 1/2, kept within the picture.
    """
    parts = 2 * wanted
    place = np.clip((2 * np.arange(wanted, dtype=np.int64) + 1) * size - wanted, 0, parts * (size - 1))
    first = place // parts
    return first, np.minimum(first + 1, size - 1), place - first * parts


def resized(picture, size):
    """Squashed to [size, size, 3]: bilinear between four pixels, however much smaller; halves are rounded up."""
    top, bottom, below = positions(picture.shape[0], size)
    left, right, beside = positions(picture.shape[1], size)
    below, beside, parts = below[:, None, None], beside[None, :, None], 2 * size
    pixels = picture.astype(np.int64)
    rows = pixels[top] * (parts - below) + pixels[bottom] * below
    sums = rows[:, left] * (parts - beside) + rows[:, right] * beside
    return ((2 * sums + parts**2) // (2 * parts**2)).astype(np.uint8)
