# SPDX-License-Identifier: MIT
"""The kernels' half of the speed table, to be read."""

from table_file import markdown

MEANING = """\
Of f16 kernels; registers f16, bf16. `local`: bytes of local memory a thread (spills and arrays), to be 0. `shared`:
bytes of a CTA, for a layer or block of ResNet-50 that the kernel is for. `loop`: each that holds HMMA outside the
loops inside it, numbered as they are nested (2.1: the first one inside the second). The other figures are of the path
through it, for one slice of 64 K where a loop's HMMA tell how many slices it multiplies, else for a pass: of all ways
from its first instruction back to it that with the most HMMA, then the most LDSM, then the most bytes written to
shared memory, then the most bytes of global memory, then the fewest instructions; copies of a residual left out, a
loop without HMMA inside it passed once. `behind`: HMMA between the last LDSM and the barrier. `ready`: HMMA behind a
barrier that need nothing loaded behind it. `first`: instructions from the barrier to the first HMMA. `wavefronts`: of
a CTA, 128 bytes of shared memory each, without bank conflicts; `counted`: by the emulator, with them, and a share of
what happens once a tile. `: tensor`: wavefronts by the cycles of the tensor cores, 1024 FMA a clock and SM on an
A100, 0.63 x 2048 on an H100. sm_80: machine code of the build; sm_90: of its PTX, by ptxas."""


def number(value):
    return "-" if value is None else f"{value:g}"


def thousands(value):
    return "-" if value is None else f"{value:,}"


def pair(row, *columns):
    """Once where they are the same."""
    values = [number(row[column]) for column in columns]
    return values[0] if len(set(values)) == 1 else " / ".join(values)


def both(row, figure):
    return pair(row, f"{figure}_sm80", f"{figure}_sm90")


def either(row, figure):
    return number(row[f"{figure}_sm80"] if row[f"{figure}_sm80"] is not None else row[f"{figure}_sm90"])


def ratio(value):
    return "-" if value is None else f"{value:.2f}"


def registers(row, architecture):
    return pair(row, f"registers_f16_sm{architecture}", f"registers_bf16_sm{architecture}")


def lines_of(rows):
    titles = ["kernel", "threads, shared", "registers sm_80; sm_90", "local", "CTAs an SM A100; H100", "loop"]
    titles += ["slices", "instructions sm_80; sm_90", "HMMA : LDSM : LDGSTS", "behind", "ready", "first"]
    titles += ["wavefronts", "counted", ": tensor A100; H100"]
    made, last = [], None
    for row in rows:
        common = [""] * 5
        if row["kernel"] != last:
            common = [
                f"`{row['kernel']}`",
                f"{row['threads']}, {thousands(row['shared_bytes'])}",
                f"{registers(row, 80)}; {registers(row, 90)}",
                both(row, "local_bytes"),
                f"{number(row['ctas_a100'])}; {number(row['ctas_h100'])}",
            ]
        last = row["kernel"]
        made.append(
            common
            + [row["loop"] or "-", either(row, "slices")]
            + [f"{number(row['instructions_sm80'])}; {number(row['instructions_sm90'])}"]
            + [" : ".join(either(row, one) for one in ("hmma", "ldsm", "ldgsts"))]
            + [both(row, one) for one in ("hmma_behind_last_ldsm", "hmma_ready_at_barrier")]
            + [both(row, "instructions_to_first_hmma"), number(row["wavefronts"])]
            + [number(row["wavefronts_counted"] and round(row["wavefronts_counted"], 1))]
            + ["; ".join(ratio(row[f"wavefronts_per_tensor_cycle_{gpu}"]) for gpu in ("a100", "h100"))]
        )
    return [MEANING, "", *markdown(titles, made)]
