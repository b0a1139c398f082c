# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The root of another release for namespace hosts: its tools on this machine's kernel. Built once, then kept."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from .bootstrap import bootstrap, built_once, cache_home
from .distribution import HOST_PACKAGES, detect
from .requirements import ROOT_TOOLS, require

if TYPE_CHECKING:
    from pathlib import Path


def ensure(release: str) -> Path:
    """Return the root of a release of this machine's distribution, built now if it is not there yet.

    Raises:
        LabError: the release is unknown, tools are missing, or the build failed.
    """
    distribution = detect(release)
    directory = cache_home() / "roots" / release
    with built_once(directory) as partial:
        if partial:
            require(ROOT_TOOLS)
            sys.stderr.write(f"Building the root of {release}; once.\n")
            bootstrap(partial / "root", distribution, HOST_PACKAGES)
    return directory / "root"
