# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Imports the engine before processes are forked that use it. Also sent to machines, with the engine alone."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from ansible_collections.netopt.linux.plugins import module_utils


def import_engine() -> None:
    """Import all of the engine, which imports its parts when it first needs them: a forked process finds them there."""
    for found in pkgutil.walk_packages(module_utils.__path__, f"{module_utils.__name__}."):
        import_module(found.name)
