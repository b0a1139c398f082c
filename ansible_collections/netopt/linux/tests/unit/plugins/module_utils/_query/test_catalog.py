# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions to hosts: arguments are checked before anything runs."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._host.command_allowlist import ALLOWLIST, refuse
from ansible_collections.netopt.linux.plugins.module_utils._query import catalog as query_catalog

SAMPLE = {
    "iface": "eth0",
    "target": "192.0.2.1",
    "record": "MX",
    "keys": ["net.ipv4.tcp_rmem"],
    "count": 3,
    "duration_s": 1,
}


@pytest.mark.parametrize("name", sorted(query_catalog.QUERIES))
@pytest.mark.parametrize("optional", [True, False])
def test_every_command_is_on_the_allowlist(name: str, optional: bool) -> None:  # noqa: FBT001 - both ways
    """With and without its optional arguments, each question runs only what the allowlist permits."""
    parameters = query_catalog.QUERIES[name].parameters
    given = {key: SAMPLE[key] for key, parameter in parameters.items() if optional or parameter.required}
    values = query_catalog.arguments(name, given)
    for template in query_catalog.QUERIES[name].commands.values():
        command = query_catalog.argv(template, values)
        assert refuse(command, ALLOWLIST) is None, command
        assert not [word for word in command if "{" in word]


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("rm", {}, "There is no query 'rm'"),
        ("ip_info", {"target": "x"}, "takes no target"),
        ("eth_info", {}, "needs iface"),
        ("eth_info", {"iface": "-s"}, "iface is '-s'"),
        ("eth_info", {"iface": "a" * 16}, "iface is"),
        ("eth_info", {"iface": "eth0; reboot"}, "iface is"),
        ("ping_host", {"target": "-f"}, "target is '-f'"),
        ("ping_host", {"target": "$(id)"}, "target is"),
        ("ping_host", {"target": "a", "count": 21}, "count is 21"),
        ("ping_host", {"target": "a", "count": True}, "count is True"),
        ("dig", {"target": "a", "record": "+short"}, "record is '\\+short'"),
        ("dig", {"target": "@evil"}, "target is"),
        ("sysctl_get", {"keys": []}, "keys is"),
        ("sysctl_get", {"keys": ["net.../../../etc/passwd"]}, "keys is"),
        ("sysctl_get", {"keys": "net.core.somaxconn"}, "keys is"),
        ("bandwidth_sample", {"duration_s": 0}, "duration_s is 0"),
    ],
)
def test_wrong_arguments(name: str, given: dict[str, Any], message: str) -> None:
    """A wrong argument is refused with a hint, and never becomes a word of a command."""
    with pytest.raises(NetoptError, match=message) as caught:
        query_catalog.arguments(name, given)
    assert caught.value.hint
