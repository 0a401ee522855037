#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Which folder may include which: fails on an arrow that runs up, on a circle of folders, and on a header that does
not compile by itself. Reads #include lines and target_link_libraries().

usage: .ci/arrows.py [--no-headers]
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Folder: what its files may include besides their own folder. The longest name that fits a file counts; a folder
# stands for those inside it, too.
PARAMETERS = ["kernels/tile", "kernels/params"]
DEVICE_CODE = ["kernels/stage", "kernels/ptx", *PARAMETERS]
CATALOG = "kernels/catalog.inc"
ENTRY_POINTS = "kernels/entry_points.hpp"
EMULATOR_HEADER = "tests/emulator/include"
MAY_INCLUDE = {
    "include": [],
    "kernels": [],
    "kernels/tile": [],
    "kernels/params": ["kernels/tile"],
    "kernels/ptx": [],
    "kernels/stage": ["kernels/ptx", *PARAMETERS, "include"],
    "kernels/simt": [*DEVICE_CODE],
    "kernels/sm80": [*DEVICE_CODE],
    "kernels/sm90": [*DEVICE_CODE],
    "host": [],
    "host/base": ["include", "kernels/tile"],
    "host/fold": ["host/base", "include", "kernels/tile"],
    "host/cost": ["host/base", "include", *PARAMETERS],
    "host/catalog": ["host/cost", "host/base", "include", *PARAMETERS, CATALOG, ENTRY_POINTS],
    "host/conv": ["host/catalog", "host/cost", "host/fold", "host/base", "include", *PARAMETERS],
    "host/layer": ["host/catalog", "host/cost", "host/fold", "host/base", "include", *PARAMETERS],
    "host/stem": ["host/layer", "host/catalog", "host/cost", "host/base", "include", *PARAMETERS],
    "host/block": ["host/conv", "host/catalog", "host/cost", "host/fold", "host/base", "include", *PARAMETERS],
    "host/graph": ["host/base", "include"],
    "host/weights": ["host/base", "include"],
    "host/models": ["host/base", "include"],
    "host/network": ["host/graph", "host/stem", "host/layer", "host/block", "host/conv", "host/catalog", "host/cost", "host/fold",
                     "host/base", "include", *PARAMETERS],
    "host/onnx/wire": ["host/base", "include"],
    "host/onnx": ["host/onnx/wire", "host/base", "include"],
    "host/c": ["host/network", "host/base", "include"],
    "examples": ["include"],
    "python": ["include"],
    "tests": ["include", "host", "kernels", "tests", "bench"],
    "tests/consumer": ["include"],
    "docs": ["include"],  # what code blocks on the pages are compiled with
    "tests/emulator": [],
    "tests/harness": ["include", EMULATOR_HEADER],
    "tests/probes": [EMULATOR_HEADER],
    "tests/trace": [],
    "bench": ["include", "tests/harness", EMULATOR_HEADER],
    "bench/speed": ["host/catalog", "kernels/tile", CATALOG],  # names and tiles, to list them
}
# Where #include "..." is looked for, after the folders that the file is in.
SEARCH = ["include", "host", "kernels", "bench", "tests", "tests/emulator/include"]
GENERATED = {"git_description.hpp", "tool_version.hpp", "generated/tool_version.hpp"}

SOURCE = re.compile(r"\.(c|cpp|hpp|cu|cuh|h|inc)$")
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<(foldconv(?:/[^>]+|\.h))>)', re.MULTILINE)
TARGET = re.compile(r"(?:add_library|add_executable|foldconv_library)\(\s*([\w-]+)")
LINK = re.compile(r"target_link_libraries\(\s*([\w-]+)([^)]*)\)")


def tracked():
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True,
                            capture_output=True, text=True).stdout.split("\n")
    return [name for name in listed if name and (ROOT / name).is_file()]


def inside(name, folder):
    return name == folder or name.startswith(folder + "/")


def rule_for(name):
    return max((folder for folder in MAY_INCLUDE if inside(name, folder)), key=len, default=None)


def resolve(source, included, files):
    above = [str(folder) for folder in pathlib.PurePath(source).parents]
    for root in above + SEARCH:
        path = os.path.normpath(os.path.join(root, included))
        if path in files:
            return path
    return None


def include_arrows(files):
    """(from, to, place) for each include of a file by a file."""
    known = set(files)
    for source in files:
        if not SOURCE.search(source):
            continue
        text = (ROOT / source).read_text(errors="replace")
        for match in INCLUDE.finditer(text):
            included = match.group(1) or match.group(2)
            target = resolve(source, included, known)
            line = text.count("\n", 0, match.start()) + 1
            if target is not None:
                yield source, target, f"{source}:{line}"
            elif match.group(1) and included not in GENERATED and any(f.endswith("/" + included) for f in known):
                raise SystemExit(f"{source}:{line}: \"{included}\" is not found in any folder of SEARCH")


def link_arrows(files):
    lists = [name for name in files if os.path.basename(name) == "CMakeLists.txt"]
    texts = {name: re.sub(r"#.*", "", (ROOT / name).read_text()) for name in lists}
    home = {}
    for name, text in texts.items():
        for target in TARGET.findall(text):
            home.setdefault(target, name)
    home["foldconv::foldconv"] = "include/CMakeLists.txt"  # whoever links it sees its headers alone
    home["foldconv"] = "include/CMakeLists.txt"
    home["foldconv_onnx"] = "include/CMakeLists.txt"
    home["cuemu_headers"] = EMULATOR_HEADER + "/CMakeLists.txt"
    for name, text in texts.items():
        for target, linked in LINK.findall(text):
            for library in linked.split():
                if library in home and target != "${name}":
                    yield home.get(target, name), home[library], f"{name}: {target} links {library}"


def permitted(source, target):
    rule = rule_for(source)
    if rule is None:
        return False
    return rule_for(target) == rule or any(inside(target, folder) for folder in MAY_INCLUDE[rule])


def circles(arrows):
    """Strongly connected folders of more than one, each with an example arrow for every folder."""
    graph = {}
    for source, target, place in arrows:
        a, b = os.path.dirname(source), os.path.dirname(target)
        if a == b:
            continue
        graph.setdefault(a, {}).setdefault(b, place)
        graph.setdefault(b, {})
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph[node]:
            if other not in index:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == index[node]:
            ring = []
            while not ring or ring[-1] != node:
                ring.append(stack.pop())
            if len(ring) > 1:
                found.append((sorted(ring), [place for a in ring for b, place in graph[a].items() if b in ring]))

    for node in list(graph):
        if node not in index:
            visit(node)
    return found


def cuda_include():
    for folder in [os.environ.get("CUDA_HOME", "") + "/include", "/usr/local/cuda/include"]:
        if os.path.isfile(folder + "/cuda_runtime_api.h"):
            return folder
    caches = sorted(ROOT.glob("build/*/CMakeCache.txt"))
    for cache in caches:
        match = re.search(r"^CUDAToolkit_(?:INCLUDE_DIR|CUDART_INCLUDE_DIR):\w+=(.*)$", cache.read_text(), re.MULTILINE)
        if match:
            return match.group(1)
    return None


def header_errors(files):
    """Headers of the library, its host side and the harness, each as a program of its own."""
    cuda = cuda_include()
    if cuda is None:
        print("headers: not compiled, no CUDA headers found")
        return []
    headers = [f for f in files if f.endswith(".hpp") and
               any(inside(f, folder) for folder in ("include", "host", "kernels", "tests/harness"))]
    command = ["g++", "-std=c++20", "-fsyntax-only", "-x", "c++", "-Iinclude", "-Ihost", "-Ikernels", "-Itests",
               "-Itests/emulator/include", "-isystem", cuda, "-"]

    def compile_one(header):
        done = subprocess.run(command, cwd=ROOT, input=f'#include "{ROOT / header}"\n', capture_output=True, text=True)
        return None if done.returncode == 0 else f"{header} does not compile by itself:\n{done.stderr[:1500]}"

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return [error for error in pool.map(compile_one, headers) if error]


def main():
    files = tracked()
    arrows = list(include_arrows(files))
    links = list(link_arrows(files))
    errors = []
    for source, target, place in arrows + links:
        if not permitted(source, target):
            errors.append(f"{place}: {rule_for(source)} may not include {target}")
    for ring, places in circles(arrows):
        errors.append("a circle of folders: " + ", ".join(ring) + "\n  " + "\n  ".join(places))
    if "--no-headers" not in sys.argv[1:]:
        errors += header_errors(files)
    for error in errors:
        print(error, file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
