# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots are bounded: nobody is asked before one is taken, and none goes by itself."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._modules.checkpoint_states import SNAPSHOTS_MAX
from tests.kernel.transaction_host import Host, transaction_host

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root")]
PROGRAM = (sys.executable, "-m", "tests.kernel.checkpoint_program")


def _asked(host: Host, **request: Any) -> dict[str, Any]:
    """Ask for something of the host's checkpoints, and return the report."""
    found: dict[str, Any] = json.loads(host.run(*PROGRAM, stdin=json.dumps(request)))["report"]
    return found


@pytest.mark.long
def test_number_and_size() -> None:
    """One more than may be is refused, and one that is forgotten makes room; so it is with their size."""
    key = {"sysctl": ["net.ipv4.tcp_fin_timeout"]}
    with transaction_host() as host:
        for number in range(SNAPSHOTS_MAX):
            report = _asked(host, state="present", id=f"s{number}", **key)
            assert report["error"] is None, report
        for check in (True, False):
            report = _asked(host, state="present", check=check, **key)
            assert f"This host keeps {SNAPSHOTS_MAX} snapshots" in report["error"]["message"], report
            assert "netopt checkpoints --delete" in report["error"]["hint"]
        assert _asked(host, state="present", id="s1", **key)["error"] is None  # it is there already
        assert _asked(host, state="absent", id="s0")["error"] is None
        assert _asked(host, state="present", id="s0", **key)["error"] is None
        assert _asked(host, state="absent", id="s0")["error"] is None
        host.shell("truncate -s 300M /var/lib/netopt/checkpoints/s1/seen.json")
        assert (
            f"This host keeps {SNAPSHOTS_MAX - 1} snapshots of"
            in _asked(host, state="present", **key)["error"]["message"]
        )


@pytest.mark.parametrize("key", ["net.ipv4.tcp_fastopen_key", "net/ipv6/conf/eth0/stable_secret"])
def test_no_secret_is_kept(key: str) -> None:
    """A key that holds a secret is refused, in either spelling, and nothing is written."""
    with transaction_host() as host:
        host.shell("sysctl -qw net.ipv4.tcp_fastopen_key=1-2-3-4 net.ipv6.conf.eth0.stable_secret=2001:db8::1")
        report = _asked(host, state="present", sysctl=["net.ipv4.tcp_fin_timeout", key])
        assert "holds a secret" in report["error"]["message"], report
        assert host.shell("ls /var/lib/netopt/checkpoints 2>/dev/null || true") == ""
