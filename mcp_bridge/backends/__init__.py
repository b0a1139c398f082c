# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What carries playbooks out: Ansible on this machine, or an AWX that is told to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcp_bridge.backends.interface import Backend
    from mcp_bridge.settings import Settings


def of(settings: Settings) -> Backend:
    """Return the backend that the settings choose.

    Raises:
        SettingsError: a setting that it needs is missing or wrong.
    """
    if settings.backend == "awx":
        from mcp_bridge.backends.awx import AwxBackend  # noqa: PLC0415  # an HTTP client that `local` does not need

        return AwxBackend.of(settings)
    from mcp_bridge.backends.local import LocalBackend  # noqa: PLC0415  # and the other way round

    return LocalBackend()
