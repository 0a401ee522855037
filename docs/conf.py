# SPDX-License-Identifier: MIT
"""The site's settings. docs/run.sh builds it; FOLDCONV_TOOL_DIRECTORY, from there, is where the tool lies."""
import os
import pathlib
import re
import subprocess
import sys

DOCS = pathlib.Path(__file__).resolve().parent
ROOT = DOCS.parent
BUILD = ROOT / "build" / "docs"
sys.path.insert(0, str(DOCS / "extensions"))


def version_of_headers():
    text = (ROOT / "include/foldconv/version.hpp").read_text()
    return ".".join(re.search(rf"FOLDCONV_VERSION_{part} (\d+)", text).group(1) for part in ("MAJOR", "MINOR", "PATCH"))


def run_doxygen():
    settings = (DOCS / "Doxyfile").read_text() + f"""
INPUT = {ROOT / "include"}
STRIP_FROM_PATH = {ROOT / "include"}
OUTPUT_DIRECTORY = {BUILD / "doxygen"}
"""
    (BUILD / "doxygen").mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["doxygen", "-"], input=settings, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"doxygen is not content with the headers:\n{done.stderr}")


run_doxygen()

project = "foldconv"
author = "the foldconv authors"
copyright = author  # Sphinx' name for it
version = release = version_of_headers()

extensions = ["myst_parser", "breathe", "sphinx_copybutton", "sphinx_design", "sphinxcontrib.programoutput",
              "header_page"]
exclude_patterns = ["requirements.txt"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

breathe_projects = {"foldconv": str(BUILD / "doxygen" / "xml")}
breathe_default_project = "foldconv"
breathe_show_include = False
header_page_xml = breathe_projects["foldconv"]

primary_domain = "cpp"
highlight_language = "none"
nitpicky = True
nitpick_ignore_regex = [
    ("cpp:identifier", r"(std|host)(::.*)?|u?int\d+_t|size_t|cudaStream_t|FOLDCONV_API"),
]

html_theme = "furo"
html_title = f"foldconv {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
copybutton_exclude = ".linenos, .gp, .go"
