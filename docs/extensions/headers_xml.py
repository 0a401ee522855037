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
    text = f'{settings.read_text()}\nINPUT = "{include}"\nSTRIP_FROM_PATH = "{include}"\nOUTPUT_DIRECTORY = "{output}"\n'
    done = subprocess.run(["doxygen", "-"], input=text, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise ExtensionError(f"doxygen does not take the headers: {done.stderr}correct the docstring that it names")
    xml = output / "xml"
    trees = {path: ElementTree.parse(path) for path in xml.glob("*.xml")}
    name_types_once(trees.values())
    for path, tree in trees.items():
        share_descriptions(tree)
        separate_code(tree)
        tree.write(path, encoding="utf-8", xml_declaration=True)


def name_types_once(trees):
    """C's `typedef struct fc_error {} fc_error`: Doxygen has two of them. What refers to the typedef refers to the type."""
    types = {compound.findtext("compoundname"): compound.get("id") for tree in trees
             for compound in tree.iter("compounddef") if compound.get("kind") == "struct"}
    types |= {member.findtext("name"): member.get("id") for tree in trees
              for member in tree.iter("memberdef") if member.get("kind") == "enum"}
    instead = {}
    for tree in trees:
        for section in tree.iter("sectiondef"):
            for member in section.findall("memberdef"):
                if member.get("kind") == "typedef" and member.findtext("name") in types:
                    instead[member.get("id")] = types[member.findtext("name")]
                    section.remove(member)
    for tree in trees:
        for reference in tree.iter("ref"):
            target = instead.get(reference.get("refid"))
            if target is not None:
                reference.set("refid", target)
                reference.set("kindref", "compound" if target.startswith("struct") else "member")


def described(member):
    return any("".join(member.find(name).itertext()).strip() for name in DESCRIPTIONS)


def share_descriptions(tree):
    """`int r = 1, s = 1;  ///< ...`: what is declared in one line has one description, which Doxygen gives to one."""
    lines = {}
    for member in tree.iter("memberdef"):
        place = member.find("location")
        if member.get("kind") == "variable":
            lines.setdefault((place.get("file"), place.get("line")), []).append(member)
    for members in lines.values():
        source = next((member for member in members if described(member)), None)
        for member in members:
            if source is None or described(member):
                continue
            for name in DESCRIPTIONS:
                member.find(name)[:] = copy.deepcopy(list(source.find(name)))


def separate_code(tree):
    """Text behind code is a paragraph of its own: Breathe breaks it up where Doxygen has both in one."""
    for parent in list(tree.iter()):
        for paragraph in parent.findall("para"):
            while paragraph is not None:
                join_lines(paragraph)
                paragraph = split_behind_code(parent, paragraph)


def join_lines(paragraph):
    paragraph.text = (paragraph.text or "").replace("\n", " ")
    for child in paragraph:
        child.tail = (child.tail or "").replace("\n", " ")


def split_behind_code(parent, paragraph):
    """The new paragraph, or None."""
    for place, child in enumerate(paragraph):
        behind = paragraph[place + 1:]
        if child.tag == "verbatim" and (behind or (child.tail or "").strip()):
            rest = ElementTree.Element("para")
            rest.text, child.tail = child.tail, ""
            rest.extend(behind)
            for element in behind:
                paragraph.remove(element)
            parent.insert(list(parent).index(paragraph) + 1, rest)
            return rest
    return None


def on_config(app, config):
    docs = pathlib.Path(app.confdir)
    write_xml(docs / "Doxyfile", docs.parent / "include", pathlib.Path(config.header_page_xml).parent)


def setup(app):
    app.connect("config-inited", on_config)
    return {"parallel_read_safe": True}
