# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words behind ``netopt adopt --arguments`` are a script's own, also where they look like options."""

from __future__ import annotations

import pytest

from mcp_bridge.cli.adopt import with_arguments
from mcp_bridge.cli.main import parser


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        (["--arguments", "-i eth0 -u 5mbit"], "-i eth0 -u 5mbit"),
        (["--arguments", "-l"], "-l"),
        (["--arguments", "start eth0", "--name", "edge"], "start eth0"),
        (["--arguments=-a eth0"], "-a eth0"),
        (["--name", "edge"], ""),
    ],
)
def test_arguments_of_a_script(words: list[str], arguments: str) -> None:
    """They come through as they are, and other options are read as ever."""
    found = parser().parse_args(with_arguments(["adopt", "a.sh", *words]))
    assert found.arguments == arguments
    assert found.inventory is None
    assert found.name == ("edge" if "edge" in words else None)
