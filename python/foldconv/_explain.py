# SPDX-License-Identifier: MIT
"""What a network or a plan says of itself: lines for a terminal, tables for a notebook."""

import html
import typing


class Launch(typing.NamedTuple):
    """A kernel launch, and what it costs by the planner's model: not a measurement."""

    kernel: str
    dram_bytes: float
    flops: float
    floor_us: float
    limit: str  # what the floor is: "DRAM", "tensor cores", ..


class Step(typing.NamedTuple):
    """A launch, or those of a run of blocks."""

    tensor: str  # the name of what it makes
    operation: str  # "conv", "pool", "stage", ..
    launches: list[Launch]


def _row(cells: typing.Iterable[typing.Any], tag: str = "td") -> str:
    return "<tr>" + "".join(f"<{tag}>{html.escape(str(cell))}</{tag}>" for cell in cells) + "</tr>"


def _table(head: typing.Iterable[str], rows: typing.Iterable[typing.Iterable[typing.Any]], caption: str) -> str:
    return (f"<table><caption>{html.escape(caption)}</caption><thead>{_row(head, 'th')}</thead><tbody>"
            + "".join(_row(row) for row in rows) + "</tbody></table>")


class NetworkExplanation:
    """What was folded and fused, and what was not, and why: str() of it, or a notebook's table."""

    def __init__(self, text: str, remarks: list[tuple[str, str]]) -> None:
        self.text = text
        self.remarks = remarks  # (pass, what it did or why it did not)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return _table(["pass", "what it did"], self.remarks, "What became of the graph")


class PlanExplanation:
    """What runs, launch by launch: str() of it, or a notebook's table."""

    def __init__(self, text: str, steps: list[Step], device: str, workspace_bytes: int) -> None:
        self.text = text
        self.steps = steps
        self.device = device  # the figures behind floor_us
        self.workspace_bytes = workspace_bytes

    @property
    def launches(self) -> int:
        return sum(len(step.launches) for step in self.steps)

    @property
    def dram_bytes(self) -> float:
        return sum(launch.dram_bytes for step in self.steps for launch in step.launches)

    @property
    def floor_us(self) -> float:
        return sum(launch.floor_us for step in self.steps for launch in step.launches)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        rows = [(step.tensor, step.operation, launch.kernel, f"{launch.dram_bytes / 1e6:.2f}",
                 f"{launch.floor_us:.1f}", launch.limit)
                for step in self.steps for launch in step.launches]
        caption = (f"{self.launches} launches, DRAM {self.dram_bytes / 1e6:.1f} MB, floor {self.floor_us:.1f} us, "
                   f"workspace {self.workspace_bytes / 1e6:.1f} MB; by the planner's model"
                   + (f" of {self.device}" if self.device else ""))
        return _table(["tensor", "operation", "kernel", "DRAM MB", "floor us", "limit"], rows, caption)
