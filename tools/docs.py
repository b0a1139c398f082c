# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds the site: the collection's modules, role and changelog by antsibull-docs, and the guides of ``docs/``.

``python -m tools.docs [FOLDER]`` writes HTML into a folder, ``build/site`` by default. Any warning fails it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import yaml

TOP = Path(__file__).resolve().parent.parent
COLLECTION = TOP / "ansible_collections" / "netopt" / "linux"
BIN = Path(sys.executable).parent
ELSEWHERE = re.compile(r"\]\((?P<path>\.\./[^)#]+)")  # in a guide: a link to a file outside docs/
CONF = """\
project = "NetOpt"
author = "The NetOpt Authors"
copyright = "The NetOpt Authors"
version = release = {version!r}
extensions = ["myst_parser", "sphinx.ext.intersphinx", "sphinx_antsibull_ext"]
intersphinx_mapping = {{"ansible": ("https://docs.ansible.com/ansible/latest/", "ansible.inv")}}
exclude_patterns = ["collections/environment_variables.rst"]
html_theme = "sphinx_ansible_theme"
html_theme_options = {{"display_version": True, "vcs_pageview_mode": "", "documentation_home_url": "index.html"}}
html_title = "NetOpt"
html_show_sphinx = False
html_copy_source = False
highlight_language = "YAML+Jinja"
myst_heading_anchors = 3
"""
# The pages of Ansible's own documentation that the modules' pages lead to; its whole list would take a download
ANSIBLE = {
    "action_plugins": "plugins/action.html#action-plugins Action plugins",
    "common_return_values": "reference_appendices/common_return_values.html#common-return-values Return Values",
}
INDEX = """\
NetOpt
======

.. toctree::
   :caption: The collection netopt.linux
   :maxdepth: 2

   collections/index
   changelog

.. toctree::
   :caption: Guides
   :maxdepth: 1
   :glob:

   guides/*

.. toctree::
   :caption: Decisions
   :maxdepth: 1
   :glob:

   guides/adr/*
"""


def write_source(folder: Path) -> None:
    """Write what Sphinx reads, but for the pages of antsibull-docs."""
    about = yaml.safe_load((COLLECTION / "galaxy.yml").read_text(encoding="utf-8"))
    (folder / "conf.py").write_text(CONF.format(version=about["version"]), encoding="utf-8")
    (folder / "index.rst").write_text(INDEX, encoding="utf-8")
    (folder / "ansible.inv").write_bytes(_inventory())
    shutil.copy(COLLECTION / "CHANGELOG.rst", folder / "changelog.rst")
    for page in sorted((TOP / "docs").rglob("*.md")):
        copy = folder / "guides" / page.relative_to(TOP / "docs")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(_with_far_links(page, about["repository"]), encoding="utf-8")


def _inventory() -> bytes:
    """Return the labels of ``ANSIBLE`` in the form in which Sphinx publishes a site's."""
    head = "# Sphinx inventory version 2\n# Project: Ansible\n# Version: latest\n"
    head += "# The remainder of this file is compressed using zlib.\n"
    lines = (f"{label} std:label -1 {place}\n" for label, place in ANSIBLE.items())
    return head.encode() + zlib.compress("".join(lines).encode())


def _with_far_links(page: Path, repository: str) -> str:
    """Return a page whose links to files that the site does not have lead to the repository."""

    def link(found: re.Match[str]) -> str:
        path = (page.parent / found["path"]).resolve()
        if path.is_relative_to(TOP / "docs"):
            return found[0]
        return f"]({repository}/blob/main/{path.relative_to(TOP)}"

    return ELSEWHERE.sub(link, page.read_text(encoding="utf-8"))


def main() -> int:
    """Build the site; 0 when there was nothing to warn of."""
    site = Path(sys.argv[1] if len(sys.argv) > 1 else TOP / "build" / "site").resolve()
    kept = {name: text for name, text in os.environ.items() if not name.startswith("ANSIBLE_")}
    variables = {**kept, "ANSIBLE_COLLECTIONS_PATH": str(TOP), "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch)
        write_source(source)
        (source / "collections").mkdir()
        pages = ["antsibull-docs", "collection", "--use-current", "--squash-hierarchy", "--fail-on-error"]
        for argv in (
            [*pages, "--dest-dir", str(source / "collections"), "netopt.linux"],
            ["sphinx-build", "-q", "-W", "--keep-going", "-b", "html", str(source), str(site)],
        ):
            done = subprocess.run([BIN / argv[0], *argv[1:]], check=False, env=variables, cwd=source)
            if done.returncode != 0:
                return done.returncode
    print(f"{len(list(site.rglob('*.html')))} pages in {site}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
