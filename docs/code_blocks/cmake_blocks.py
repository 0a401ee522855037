# SPDX-License-Identifier: MIT
"""Blocks of CMake: configured as a project's list, against the installed package."""
import re
import shutil
import subprocess

PROJECT = "cmake_minimum_required(VERSION 3.25)\nproject(block LANGUAGES C CXX)\n"
EXECUTABLE = re.compile(r"add_executable\(\s*\w+\s+([^)]*)\)")


def check(blocks, prefix, scratch, environment):
    errors = []
    for block in blocks:
        folder = scratch / "cmake" / f"{block.page.replace('/', '-')}-{block.line}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        text = block.text if "project(" in block.text else PROJECT + block.text
        (folder / "CMakeLists.txt").write_text(text)
        for sources in EXECUTABLE.findall(text):
            for source in sources.split():
                (folder / source).write_text("int main() {}\n")
        done = subprocess.run(["cmake", "-S", folder, "-B", folder / "build", "-G", "Ninja",
                               f"-DCMAKE_PREFIX_PATH={prefix}"], env=environment, capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            errors.append(f"{block.name}: cmake does not take it: {done.stderr}")
    return errors
