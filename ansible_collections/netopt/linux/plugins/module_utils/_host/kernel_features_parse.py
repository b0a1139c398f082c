# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tells from a kernel's configuration and its modules which qdiscs and congestion controls it can use."""

from __future__ import annotations

import re

from .._common.quick_dataclass import dataclass

BUILT_IN = ("pfifo", "bfifo", "pfifo_fast")  # part of every kernel that has qdiscs at all
QDISCS = ("fq", "fq_codel", "cake", "htb", "sfq", "tbf", "netem")
CONGESTION_CONTROLS = ("bbr", "cubic", "dctcp", "htcp", "reno", "vegas", "westwood")


@dataclass(frozen=True)
class Kernel:
    """What a kernel says of itself.

    Attributes:
        config: its configuration as text, ``None`` where it cannot be read.
        installed: names of the modules built in or on disk, ``None`` where they cannot be told.
        loaded: names of the modules that are loaded.
        available: the congestion controls that it offers now.
    """

    config: str | None
    installed: frozenset[str] | None
    loaded: frozenset[str]
    available: frozenset[str]


def module_names(text: str) -> frozenset[str]:
    """Return the names of the modules in a ``modules.builtin`` or ``modules.dep``."""
    files = [line.partition(":")[0].rpartition("/")[2] for line in text.splitlines()]
    return frozenset(name.partition(".ko")[0].replace("-", "_") for name in files if ".ko" in name)


def qdiscs(kernel: Kernel) -> dict[str, bool | None]:
    """Return by qdisc whether the kernel can use it, ``None`` where that cannot be told."""
    found = {name: _usable(f"sch_{name}", f"NET_SCH_{name.upper()}", kernel) for name in QDISCS}
    return dict(found, **dict.fromkeys(BUILT_IN, True))


def congestion_controls(kernel: Kernel) -> dict[str, bool | None]:
    """Return by congestion control whether the kernel can use it, ``None`` where that cannot be told."""
    found: dict[str, bool | None] = {}
    for name in CONGESTION_CONTROLS:
        there = name == "reno" or name in kernel.available
        found[name] = there or _usable(f"tcp_{name}", f"TCP_CONG_{name.upper()}", kernel)
    return found


def _usable(module: str, option: str, kernel: Kernel) -> bool | None:
    if module in kernel.loaded or module in (kernel.installed or ()):
        return True
    if kernel.config is None:
        return None if kernel.installed is None else False
    chosen = re.search(rf"^CONFIG_{option}=([ym])$", kernel.config, re.MULTILINE)
    if chosen is None:
        return False
    if chosen[1] == "y":
        return True
    return None if kernel.installed is None else False
