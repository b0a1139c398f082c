# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The version of netopt that runs."""

from __future__ import annotations

from importlib import metadata


def version() -> str:
    """Return it, ``unknown`` in a checkout that is not installed."""
    try:
        return metadata.version("netopt")
    except metadata.PackageNotFoundError:
        return "unknown"
