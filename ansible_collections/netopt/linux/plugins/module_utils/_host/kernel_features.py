# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads what ``kernel_features_parse`` judges: the kernel's configuration and its modules, from files alone."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

from .kernel_features_parse import Kernel, congestion_controls, module_names, qdiscs

AVAILABLE = "/proc/sys/net/ipv4/tcp_available_congestion_control"


def gather() -> dict[str, Any]:
    """Return ``qdiscs`` and ``congestion_controls``, each by name ``True``, ``False`` or ``None`` for unknown."""
    release = os.uname().release
    modules = [_text(f"/lib/modules/{release}/modules.{kind}") for kind in ("builtin", "dep")]
    known = [text for text in modules if text is not None]
    kernel = Kernel(
        config=_config(release),
        installed=frozenset().union(*map(module_names, known)) if len(known) == len(modules) else None,
        loaded=frozenset(line.split(" ", 1)[0] for line in (_text("/proc/modules") or "").splitlines()),
        available=frozenset((_text(AVAILABLE) or "").split()),
    )
    return {"qdiscs": qdiscs(kernel), "congestion_controls": congestion_controls(kernel)}


def _config(release: str) -> str | None:
    try:
        with gzip.open("/proc/config.gz", "rt", encoding="ascii", errors="replace") as stream:
            return stream.read()
    except (OSError, EOFError):
        return _text(f"/boot/config-{release}")


def _text(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
