# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which kernel and which tools a host has at least: what is older is named where a change has failed.

The oldest are those of Debian 11, on which ``make releases`` tries every kind of change.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Tuple

from .._common.errors import NetoptError
from .._common.patterns import pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .commands import Tools

Version = Tuple[int, ...]

OLDEST_KERNEL: Version = (5, 10)
# program: (its package, the oldest version, how it tells its own)
OLDEST = {
    "tc": ("iproute2", (5, 9), "-V"),
    "nft": ("nftables", (0, 9, 8), "--version"),
    "ethtool": ("ethtool", (5, 9), "--version"),
}
# iproute2 named its releases by their days before 5.6: iproute2-ss200127
_VERSION = pattern(r"(?<![\d.])(?P<plain>\d+(?:\.\d+)+)|-(?P<day>ss\d{6})")


def too_old(tools: Tools) -> list[str]:
    """Return a line about each of the kernel and the tools that is older than the oldest that is known to work."""
    return list(_told(tools))


def _told(tools: Tools) -> Iterator[str]:
    kernel = os.uname().release
    if (found := version_in(kernel)) and found < OLDEST_KERNEL:
        yield _line("Linux", kernel, OLDEST_KERNEL)
    for program, (package, oldest, word) in OLDEST.items():
        try:
            said = tools.run([program, word], stage="observe", check=False).stdout
        except NetoptError:  # it is not there, which is told elsewhere
            continue
        match, found = _VERSION.search(said), version_in(said)
        if match and found is not None and found < oldest:
            yield _line(package, match[0].lstrip("-"), oldest)


def version_in(text: str) -> Version | None:
    """Return the first version in a text; of a release that is named by its day, an older one than any other."""
    found = _VERSION.search(text)
    if found is None:
        return None
    return tuple(int(part) for part in found["plain"].split(".")) if found["plain"] else (0,)


def _line(what: str, there: str, oldest: Version) -> str:
    wanted = ".".join(map(str, oldest))
    return f"This host has {what} {there}; {wanted} or newer is needed."
