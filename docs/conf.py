# SPDX-License-Identifier: MIT
"""The site's settings; docs/run.sh builds it. The tool is on PATH, the package foldconv installed."""
import os
import pathlib
import re
import sys

DOCS = pathlib.Path(__file__).resolve().parent
ROOT = DOCS.parent
BUILD = ROOT / "build" / "docs"
os.environ["FOLDCONV_EMULATE"] = "1"  # the package is imported, and a GPU is not needed for that
sys.path.insert(0, str(DOCS / "extensions"))


def version_of_headers():
    text = (ROOT / "include/foldconv/version.hpp").read_text()
    return ".".join(re.search(rf"FOLDCONV_VERSION_{part} (\d+)", text).group(1) for part in ("MAJOR", "MINOR", "PATCH"))


project = "foldconv"
author = "the foldconv authors"
copyright = author  # Sphinx' name for it
version = release = version_of_headers()

extensions = ["myst_parser", "breathe", "sphinx_copybutton", "sphinx_design", "sphinxcontrib.programoutput",
              "headers_xml", "header_page", "python_names", "repository", "tool_commands"]
exclude_patterns = ["requirements.txt", "code_blocks"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# A space in its name, as the path of a clone may have.
breathe_projects = {"foldconv": str(BUILD / "by doxygen" / "xml")}
breathe_default_project = "foldconv"
breathe_show_include = False
breathe_domain_by_extension = {"h": "c"}
header_page_xml = breathe_projects["foldconv"]

smartquotes = False
autodoc_typehints = "signature"
python_use_unqualified_type_names = True
primary_domain = "cpp"
highlight_language = "none"
nitpicky = True
nitpick_ignore_regex = [
    ("py:class", r"(collections|numpy|_torch)\..*|_Compiled|foldconv\._.*"),
    ("c:identifier", r"u?int\d+_t|size_t"),
    # Others' names; namespaces, which have no page; and macros, which are no C++.
    ("cpp:identifier", r"std(::.*)?|cudaStream_t|(foldconv)?(::)?(models|onnx|op|pointwise|safetensors)?|FOLDCONV_VERSION_.*"),
]

html_theme = "furo"
html_title = f"foldconv {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
copybutton_exclude = ".linenos, .gp, .go"
