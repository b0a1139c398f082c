# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes matplotlib's SVG a part of a page: its colours become the page's, its ids the page's own, its styles none.

A page whose policy forbids inline styles shows presentation attributes and classes all the same.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

# colours to draw with: each stands for a class of the page's style sheet, so that dark and light are decided there
INK, FAINT, BEFORE, AFTER, GOAL = "#010101", "#020202", "#030303", "#040404", "#050505"
PART = {INK: "ink", FAINT: "faint", BEFORE: "before", AFTER: "after", GOAL: "goal"}
DROPPED = ("metadata", "style")
KEPT = {
    *("stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin"),
    *("opacity", "fill-opacity", "stroke-opacity", "text-anchor"),
}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)px")
_REFERENCE = re.compile(r"#([\w.-]+)")


def inline(text: str, *, name: str, label: str) -> str:
    """Return an SVG document as an element to stand in HTML.

    Args:
        text: what matplotlib wrote.
        name: what its ids begin with; different for each on a page.
        label: what it shows, for who does not see it.
    """
    root = ET.fromstring(text)  # noqa: S314 - matplotlib has written it just now
    for parent in list(root.iter()):
        for child in list(parent):
            if _bare(child.tag) in DROPPED:
                parent.remove(child)
    for element in root.iter():
        _adopt(element, name)
    for attribute in ("width", "height", "version"):
        root.attrib.pop(attribute, None)
    root.attrib.update({"role": "img", "aria-label": label, "class": "plot"})
    return ET.tostring(root, encoding="unicode")


def _adopt(element: ET.Element, name: str) -> None:
    """Make one element the page's."""
    element.tag = _bare(element.tag)
    element.tail = None
    if element.text and not element.text.strip():
        element.text = None
    attributes = {_bare(key): value for key, value in element.attrib.items()}
    style = attributes.pop("style", "")
    classes = []
    for declaration in style.split(";"):
        key, _, value = (part.strip() for part in declaration.partition(":"))
        if key in {"fill", "stroke"} and value in PART:
            classes.append(f"{key}-{PART[value]}")
        elif key in {"fill", "stroke"} or key in KEPT:
            attributes[key] = value
        elif key in {"font", "font-size"} and (size := _SIZE.search(value)):
            attributes["font-size"] = size[1]
    if classes:
        attributes["class"] = " ".join(classes)
    if "id" in attributes:
        attributes["id"] = f"{name}-{attributes['id']}"
    for key in ("href", "clip-path"):
        if key in attributes:
            attributes[key] = _REFERENCE.sub(rf"#{name}-\1", attributes[key])
    element.attrib.clear()
    element.attrib.update(attributes)


def _bare(name: str) -> str:
    """Return a name without its namespace, which HTML knows by itself."""
    return name.rpartition("}")[2]
