# SPDX-License-Identifier: MIT
"""The headers as Doxygen's XML."""
import copy
import pathlib
import subprocess
import xml.etree.ElementTree as ElementTree

from sphinx.errors import ExtensionError

DESCRIPTIONS = ("briefdescription", "detaileddescription")


def write_xml(settings, include, output):
    """Runs Doxygen by the file `settings`; the XML lies in the folder `output`/xml."""
    output.mkdir(parents=True, exist_ok=True)
    text = f"{settings.read_text()}\nINPUT = {include}\nSTRIP_FROM_PATH = {include}\nOUTPUT_DIRECTORY = {output}\n"
    done = subprocess.run(["doxygen", "-"], input=text, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise ExtensionError(f"doxygen does not take the headers: {done.stderr}correct the docstring that it names")
    xml = output / "xml"
    name_types_once(xml)
    for path in xml.glob("*.xml"):
        share_descriptions(path)


def name_types_once(xml):
    """C's `typedef struct fc_error {} fc_error`: Doxygen has two of them. What refers to the typedef refers to the type."""
    trees = {path: ElementTree.parse(path) for path in xml.glob("*.xml")}
    types = {compound.findtext("compoundname"): compound.get("id") for tree in trees.values()
             for compound in tree.iter("compounddef") if compound.get("kind") == "struct"}
    types |= {member.findtext("name"): member.get("id") for tree in trees.values()
              for member in tree.iter("memberdef") if member.get("kind") == "enum"}
    instead = {}
    for path, tree in trees.items():
        for section in tree.iter("sectiondef"):
            for member in section.findall("memberdef"):
                if member.get("kind") == "typedef" and member.findtext("name") in types:
                    instead[member.get("id")] = types[member.findtext("name")]
                    section.remove(member)
    if not instead:
        return
    for path, tree in trees.items():
        for reference in tree.iter("ref"):
            reference.set("refid", instead.get(reference.get("refid"), reference.get("refid")))
            if reference.get("refid") in types.values() and "_1" not in reference.get("refid"):
                reference.set("kindref", "compound")
        tree.write(path, encoding="utf-8", xml_declaration=True)


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


def on_config(app, config):
    docs = pathlib.Path(app.confdir)
    write_xml(docs / "Doxyfile", docs.parent / "include", pathlib.Path(config.header_page_xml).parent)


def setup(app):
    app.connect("config-inited", on_config)
    return {"parallel_read_safe": True}
