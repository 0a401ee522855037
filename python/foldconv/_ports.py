# SPDX-License-Identifier: MIT
"""What a plan takes and gives, and what a model has that is not taken."""

import typing


class Port(typing.NamedTuple):
    """An array that goes into a plan, or comes out."""

    name: str
    shape: tuple[int, ...]  # of all the plan's images
    dtype: str  # "f32", "f16", "bf16" or "u8"


class Problem(typing.NamedTuple):
    """Something of a model that is not taken. Fields that do not apply are empty."""

    code: str  # "unsupported", or "invalid_argument": no valid model
    node: str  # its name, or its first output's
    op: str
    opset: int
    rule: str  # what is asked of the node: "mode"
    value: str  # what it has instead: "cubic"
    shape: str  # of its first operand, as far as it is known
    remedy: str  # what to do about it
    text: str  # all of it, in one line

    def __str__(self) -> str:
        return self.text
