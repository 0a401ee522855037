# SPDX-License-Identifier: MIT
"""The kernels' half of the speed table: a row for each loop with tensor-core products, by its machine code; of
convolutions what the emulator counts beside it."""

import dataclasses
import re
import tempfile

import emulated_counts
import loop_figures
import sass
import toolkit

ARCHITECTURES = (80, 90)
# Function, tile, loader, type.
SYMBOL = re.compile(
    r"^_ZN8foldconv\d+(\w+?_sm\d+[a-z]?)INS_5tiles\d+(\w+?)E(?:LNS_10ConvLoaderE(\d+)E)?(6__half|13__nv_bfloat16)"
)
TYPES = {"6__half": "f16", "13__nv_bfloat16": "bf16"}


@dataclasses.dataclass
class Gpu:
    name: str
    architecture: int
    fma_per_clock: float  # of an SM, by mma.sync; as in the planner's cost model
    shared_bytes: int  # of an SM
    registers: int = 65536
    threads: int = 2048
    ctas: int = 32

    def ctas_per_sm(self, threads, registers, shared_bytes):
        """As CUDA's occupancy calculator has it: warps get registers by 256, in fours; a CTA 1 KiB more."""
        warps = threads // 32
        warp_registers = -(-registers * 32 // 256) * 256
        by_registers = self.registers // warp_registers // 4 * 4 // warps
        shared = -(-(shared_bytes + 1024) // 128) * 128
        return min(self.ctas, self.threads // threads, by_registers, self.shared_bytes // shared)


GPUS = (Gpu("a100", 80, 1024, 164 * 1024), Gpu("h100", 90, 0.63 * 2048, 228 * 1024))

COLUMNS = (
    ["kernel", "loop", "threads", "shared_bytes"]
    + [f"registers_{dtype}_sm{one}" for one in ARCHITECTURES for dtype in ("f16", "bf16")]
    + [f"local_bytes_sm{one}" for one in ARCHITECTURES]
    + [f"ctas_{gpu.name}" for gpu in GPUS]
    + [f"{figure}_sm{one}" for one in ARCHITECTURES for figure in loop_figures.NAMES]
    + ["wavefronts", "wavefronts_counted", *(f"wavefronts_per_tensor_cycle_{gpu.name}" for gpu in GPUS)]
)


@dataclasses.dataclass
class Kernel:
    """A line of catalog.cpp."""

    name: str
    family: str
    tile: str
    loader: str
    loader_number: int
    dtype: str
    threads: int
    shared_bytes: int | None  # None: the problem's
    mma_per_slice: int

    @classmethod
    def read(cls, line):
        words = line.split()
        numbers = [None if word == "-1" else int(word) for word in words[6:]]
        return cls(*words[:4], int(words[4]), words[5], *numbers)

    def keys(self, dtype=None):
        """Of its symbol: its loader is an argument of the template, or in the template's name."""
        architecture, dtype = self.name.split("_")[-1], dtype or self.dtype
        yield f"{self.family}_{architecture}", self.tile, self.loader_number, dtype
        yield f"{self.family}_{self.loader}_{architecture}", self.tile, -1, dtype

    def code(self, compiled, dtype=None):
        return next((compiled[key] for key in self.keys(dtype) if key in compiled), None)


def key_of(symbol):
    """(function, tile, loader or -1, type); None for other functions."""
    match = SYMBOL.match(symbol)
    return match and (match[1], match[2], int(match[3] or -1), TYPES[match[4]])


def wanted(symbol):
    """None: no kernel of interest; else whether its instructions are, or its registers alone."""
    key = key_of(symbol)
    return key and key[-1] == "f16"


def collect(build, architectures=ARCHITECTURES):
    """([row], [what could not be found]). A row: {column: value, None where not known}; in the catalog's order."""
    notes, code = [], {}
    with tempfile.TemporaryDirectory() as folder:
        kernels = [Kernel.read(line) for line in toolkit.catalog_lines(folder)]
        for architecture in architectures:
            found = toolkit.machine_code(build, folder, architecture, wanted, assemble=architecture != 80)
            code[architecture] = {key_of(symbol): one for symbol, one in found.items() if key_of(symbol)}
    known = {key for kernel in kernels for key in kernel.keys()}
    for function, tile, loader, dtype in code[architectures[0]]:
        if (function, tile, loader, dtype) not in known and dtype == "f16":
            notes.append(f"{function} with tile {tile} is compiled, but bench/speed/catalog.cpp does not list it")
    rows = []
    for kernel in kernels:
        if kernel.dtype == "f16":
            rows += rows_of(kernel, code, notes)
    counts, more_notes = emulated_counts.collect(build, list(dict.fromkeys(row["kernel"] for row in rows)))
    for row in rows:
        row.update(counts.get(row["kernel"], {}))
        row.update(occupancy(row))
    return rows, notes + more_notes


def occupancy(row):
    found = {}
    for gpu in GPUS:
        registers = row[f"registers_f16_sm{gpu.architecture}"]
        known = registers is not None and row["shared_bytes"] is not None
        found[f"ctas_{gpu.name}"] = (
            gpu.ctas_per_sm(row["threads"], registers, row["shared_bytes"]) if known else None
        )
    return found


def rows_of(kernel, code, notes):
    common = dict.fromkeys(COLUMNS)
    common.update(kernel=kernel.name, threads=kernel.threads, shared_bytes=kernel.shared_bytes)
    loops = {}  # {architecture: [(name, figures)]}
    for architecture, compiled in code.items():
        one = kernel.code(compiled)
        if one is None:
            notes.append(f"{kernel.name}: no machine code for sm_{architecture} in the objects of the build")
            continue
        for dtype in TYPES.values():
            same = kernel.code(compiled, dtype)
            common[f"registers_{dtype}_sm{architecture}"] = same and same.registers
        if kernel.family == "conv" and not sass.has_rare_copies(one.instructions):
            notes.append(
                f"{kernel.name}, sm_{architecture}: copies no residual by a line of {', '.join(sass.RARE)}; if another "
                "file has those copies now, name it in bench/speed/sass.py"
            )
        common[f"local_bytes_sm{architecture}"] = one.local_bytes
        try:
            loops[architecture] = [
                (loop.name, loop_figures.figures_of(loop.path, kernel.mma_per_slice))
                for loop in sass.mma_loops(one.instructions, one.labels)
            ]
        except sass.NotUnderstood as error:
            notes.append(f"{kernel.name}, sm_{architecture}: {error}")
            continue
        if not loops[architecture]:
            notes.append(f"{kernel.name}, sm_{architecture}: no loop with HMMA")
        for name, figures in loops[architecture]:
            if kernel.mma_per_slice and figures["hmma"] != kernel.mma_per_slice:
                notes.append(
                    f"{kernel.name}, sm_{architecture}: loop {name} has {figures['hmma']:g} HMMA, no multiple of the "
                    f"{kernel.mma_per_slice} of a slice; its figures are those of a pass"
                )
    return [common | row_of(kernel, name, figures) for name, figures in paired(loops)] or [common]


def paired(loops):
    """[(name, {architecture: figures})]: loops of the same number of HMMA, in their order, are the same loop.
    Compilers unroll differently for different architectures."""
    pairs = []
    for architecture, found in loops.items():
        free = list(pairs)
        for name, figures in found:
            same = [one for one in free if all(other["hmma"] == figures["hmma"] for other in one[1].values())]
            if same:
                pair = next((one for one in same if one[0] == name), same[0])
                free.remove(pair)
                pair[1][architecture] = figures
            else:
                only = "" if architecture == ARCHITECTURES[0] else f" of sm_{architecture}"
                pairs.append((name + only, {architecture: figures}))
    return pairs


def row_of(kernel, name, by_architecture):
    row = {"loop": name}
    for architecture, figures in by_architecture.items():
        row.update({f"{figure}_sm{architecture}": figures[figure] for figure in loop_figures.NAMES})
        for gpu in GPUS:
            if gpu.architecture == architecture:
                cycles = figures["fma"] / gpu.fma_per_clock
                row[f"wavefronts_per_tensor_cycle_{gpu.name}"] = figures["wavefronts"] / cycles
    first = next(iter(by_architecture.values()))
    row["wavefronts"] = first["wavefronts"] * kernel.threads // 32
    return row
