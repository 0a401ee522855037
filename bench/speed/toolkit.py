# SPDX-License-Identifier: MIT
"""Calls of the CUDA toolkit and of g++: the kernels' machine code out of a build's objects."""

import concurrent.futures
import dataclasses
import glob
import os
import re
import shutil
import subprocess

import sass

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
USAGE = re.compile(r"^ Function (\S+):\n  REG:(\d+) STACK:(\d+) SHARED:\d+ LOCAL:(\d+)", re.MULTILINE)
SYMBOL = re.compile(r"^ *(\d+):.* FUNC +GLOBAL .* (\S+)$", re.MULTILINE)
ENTRY = re.compile(r"\.entry\s+([\w$]+)")


class ToolFailed(Exception):
    """Says which, what it said, and what to do."""


@dataclasses.dataclass
class Code:
    """Of one kernel, for one architecture."""

    registers: int
    local_bytes: int  # of a thread: arrays that are no registers, and spills
    instructions: list
    labels: dict


def tool(name):
    beside = os.path.join(os.path.dirname(os.environ.get("CUDACXX", "")), name)
    found = shutil.which(name) or (beside if os.access(beside, os.X_OK) else None)
    if found is None:
        raise ToolFailed(f"there is no {name} on PATH; bench/speed/run.sh installs it")
    return found


def run(*command, folder=None):
    return run_both(*command, folder=folder)[0]


def run_both(*command, folder=None, environment=None):
    """Standard output and error."""
    try:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    except OSError as error:
        raise ToolFailed(f"{command[0]}: {error.strerror}") from error
    if done.returncode != 0:
        raise ToolFailed(f"{' '.join(command)[:300]} failed:\n{done.stderr.strip()[:2000]}")
    return done.stdout, done.stderr


def objects_of(build):
    """Of the library's sm_80 kernels: those of sm_90a have other products, and code for no other architecture."""
    pattern = os.path.join(build, "kernels", "CMakeFiles", "foldconv_kernels_sm80.dir", "generated", "*.o")
    found = sorted(glob.glob(pattern))
    if not found:
        raise ToolFailed(f"no kernels in {build}: {pattern} fits no file; build first, e.g. by tests/run.sh")
    return found


def code_of_cubin(cubin, wanted):
    """{symbol: Code} of the kernels with `wanted(symbol)`; of the others without instructions."""
    usage = {
        name: (int(registers), int(stack) + int(local))
        for name, registers, stack, local in USAGE.findall(run(tool("cuobjdump"), "-res-usage", cubin))
    }
    functions = {}
    chosen = ",".join(number for number, name in SYMBOL.findall(run(tool("readelf"), "-sW", cubin)) if wanted(name))
    if chosen:
        command = [tool("nvdisasm"), "-c", "-gi", "-fun", chosen, cubin]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        functions = sass.read_functions(process.stdout)
        if process.wait() != 0:
            raise ToolFailed(f"nvdisasm cannot read {cubin}")
    return {
        name: Code(registers, stack, *functions.get(name, ([], {})))
        for name, (registers, stack) in usage.items()
    }


def extract(kind, path, folder):
    """Extracts "elf" or "ptx" of an object into the folder; the paths of the files."""
    inside = os.path.join(folder, f"{os.path.basename(path)}.{kind}")
    os.makedirs(inside)
    run(tool("cuobjdump"), f"-x{kind}", "all", path, folder=inside)
    return sorted(glob.glob(os.path.join(inside, "*")))


def embedded_code(path, folder, architecture, wanted):
    """What an object holds for the architecture (80)."""
    found = {}
    for cubin in extract("elf", path, folder):
        if f".sm_{architecture}." in os.path.basename(cubin):
            found.update(code_of_cubin(cubin, wanted))
    return found


def assembled_code(path, folder, architecture, wanted):
    """What ptxas makes for the architecture of the PTX that an object holds."""
    found = {}
    for ptx in extract("ptx", path, folder):
        with open(ptx, encoding="utf-8") as file:
            kernels = [name for name in ENTRY.findall(file.read()) if wanted(name) is not None]
        if not kernels:
            continue
        cubin = f"{ptx}.sm_{architecture}.cubin"
        entries = [word for name in kernels for word in ("--entry", name)]
        run(tool("ptxas"), f"-arch=sm_{architecture}", "-O3", "--generate-line-info", ptx, "-o", cubin, *entries)
        found.update(code_of_cubin(cubin, wanted))
    return found


def machine_code(build, folder, architecture, wanted, assemble):
    """{symbol: Code} of all objects. wanted(symbol): whether its instructions are; None: it is no kernel of interest.
    assemble: from PTX; else as embedded."""
    inside = os.path.join(folder, f"sm_{architecture}")
    os.makedirs(inside)
    source = assembled_code if assemble else embedded_code
    code = {}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for part in pool.map(lambda path: source(path, inside, architecture, wanted), objects_of(build)):
            code.update(part)
    return code


def catalog_lines(folder):
    """What catalog.cpp prints."""
    program = os.path.join(folder, "catalog")
    includes = [f"-I{os.path.join(ROOT, name)}" for name in ("host", "kernels", "include")]
    source = os.path.join(ROOT, "bench", "speed", "catalog.cpp")
    run(tool("g++"), "-std=c++20", "-O0", *includes, source, "-o", program)
    return run(program).splitlines()
