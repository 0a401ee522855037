# SPDX-License-Identifier: MIT
"""The headers as Doxygen's XML."""
import copy
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

DESCRIPTIONS = ("briefdescription", "detaileddescription")


def write_xml(settings, include, output):
    """Runs Doxygen by the file `settings`; returns the folder with the XML."""
    output.mkdir(parents=True, exist_ok=True)
    text = f"{settings.read_text()}\nINPUT = {include}\nSTRIP_FROM_PATH = {include}\nOUTPUT_DIRECTORY = {output}\n"
    done = subprocess.run(["doxygen", "-"], input=text, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"doxygen does not take the headers: {done.stderr}; correct the docstring that it names")
    xml = output / "xml"
    for path in xml.glob("*.xml"):
        share_descriptions(path)
    return xml


def described(member):
    return any("".join(member.find(name).itertext()).strip() for name in DESCRIPTIONS)


def share_descriptions(path):
    """`int r = 1, s = 1;  ///< ...`: what is declared in one line has one description, which Doxygen gives to one."""
    tree = ElementTree.parse(path)
    lines = {}
    for member in tree.iter("memberdef"):
        place = member.find("location")
        if member.get("kind") == "variable":
            lines.setdefault((place.get("file"), place.get("line")), []).append(member)
    changed = False
    for members in lines.values():
        source = next((member for member in members if described(member)), None)
        for member in members:
            if source is None or described(member):
                continue
            for name in DESCRIPTIONS:
                member.find(name)[:] = copy.deepcopy(list(source.find(name)))
            changed = True
    if changed:
        tree.write(path, encoding="utf-8", xml_declaration=True)
