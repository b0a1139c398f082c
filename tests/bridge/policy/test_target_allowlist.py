# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The allowlist: the target's copy is the policy's, and it lets pass what is meant and nothing else."""

from __future__ import annotations

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._host.command_allowlist import ALLOWLIST, PACKAGES, refuse
from ansible_collections.netopt.linux.plugins.module_utils._query.catalog import QUERIES
from mcp_bridge.policy import load_policy
from mcp_bridge.policy.loader import policy_directory
from mcp_bridge.policy.models import AllowlistFile
from mcp_bridge.policy.target_allowlist import TARGET, target_text
from mcp_bridge.policy.yaml_file import Document


def test_target_copy_is_current() -> None:
    """``python -m mcp_bridge.policy.target_allowlist`` was run after the last change of allowlist.yaml."""
    programs = AllowlistFile.model_validate(Document(policy_directory() / "allowlist.yaml").value).programs
    current = TARGET.read_text(encoding="utf-8")
    assert target_text(programs, current) == current
    assert target_text(programs, current.replace('"-batch -"', '"-batch /tmp/x"')) == current
    assert load_policy().allowlist == ALLOWLIST
    assert load_policy().packages == PACKAGES


@pytest.mark.parametrize(
    "command",
    [
        "tc -batch -",
        "tc -j -d qdisc show dev eth0",
        "tc -s -j class show dev eth0",
        "tc qdisc replace dev eth0 root handle 1: fq",
        "nft -f -",
        "nft -j -s -t -a list ruleset",
        "nft -c -f -",
        "ip -j -d link show",
        "ip link set dev eth0 mtu 1400",
        "ip -6 route replace 2001:db8::/64 dev eth0",
        "ethtool -k eth0",
        "ethtool eth0",
        "ethtool -K eth0 gro on",
        "modprobe nf_conntrack",
        "modprobe -n tcp_bbr",
        "systemctl stop netopt-1a2b.timer",
        "systemd-run --quiet --unit=netopt-1a2b --on-active=60s /usr/bin/python3",
        "ss -s",
        "ping -n -c 5 -w 20 192.0.2.1",
        "hostname -I",
        "iptables-save",
        "nstat -asj",
    ],
)
def test_permitted(command: str) -> None:
    """What the modules and discovery run is permitted."""
    assert refuse(command.split(), ALLOWLIST) is None


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("", "there is no command"),
        ("sh -c id", "sh is not on the allowlist"),
        ("/sbin/tc qdisc show", "/sbin/tc is not on the allowlist"),
        ("nft flush ruleset", "nft may only be run as"),
        ("nft delete table inet filter", "nft may only be run as"),
        ("nft -f /tmp/rules", "nft may only be run as"),
        ("nft -f - extra", "nft may only be run as"),
        ("tc", "tc may only be run as"),
        ("tc exec bpf", "tc may only be run as"),
        ("tc -batch /tmp/file", "tc may only be run as"),
        ("ip netns exec a b", "ip may only be run as"),
        ("ip route flush all", "ip may only be run as"),
        ("ethtool -s eth0 speed 10", "ethtool may only be run as"),
        ("modprobe evil", "modprobe may only be run as"),
        ("modprobe tcp_bbr extra=1", "modprobe may only be run as"),
        ("systemctl stop sshd", "systemctl may only be run as"),
        ("systemd-run --unit=other id", "systemd-run may only be run as"),
        ("hostname evil", "hostname may only be run as"),
        ("ss -K dst 192.0.2.1", "ss may only be run as"),
        ("conntrack -F", "conntrack may only be run as"),
        ("iptables -F", "iptables may only be run as"),
        ("iptables-save -f /etc/passwd", "iptables-save may only be run as"),
    ],
)
def test_refused(command: str, reason: str) -> None:
    """Anything else is refused with a reason that names what is permitted."""
    found = refuse(command.split(), ALLOWLIST)
    assert found is not None
    assert found.startswith(reason)


QUESTIONS = [(name, argv) for name, query in QUERIES.items() for argv in query.commands.values()]
ANSWERS = {"iface": "eth0", "target": "192.0.2.1", "record": "AAAA", "count": "4"}


@pytest.mark.parametrize(("name", "argv"), QUESTIONS, ids=[f"{name}: {argv[0]}" for name, argv in QUESTIONS])
def test_discovery_is_permitted(name: str, argv: tuple[str, ...]) -> None:
    """Every command that discovery may run is on the allowlist, among those that change nothing."""
    words = [word.removeprefix("?").format(**ANSWERS) for word in argv]
    reads = {
        program: entry.reads
        for program, entry in AllowlistFile.model_validate(
            Document(policy_directory() / "allowlist.yaml").value
        ).programs.items()
    }
    assert refuse(words, reads) is None, name


@pytest.mark.parametrize(
    ("entry", "arguments", "permitted"),
    [
        ("", ["anything", "goes"], True),
        ("$", [], True),
        ("$", ["more"], False),
        ("a b", ["a", "b", "c"], True),
        ("a b", ["a"], False),
        ("a b $", ["a", "b"], True),
        ("a b $", ["a", "b", "c"], False),
        ("start netopt*", ["start", "netopt-1"], True),
        ("start netopt*", ["start", "sshd"], False),
        ("[!-]* $", ["eth0"], True),
        ("[!-]* $", ["-s"], False),
        ("a", ["ab"], False),
        ("a b", ["a b"], False),
    ],
)
def test_matching(entry: str, arguments: list[str], permitted: bool) -> None:  # noqa: FBT001  # a column of the table
    """An entry is a row of words that the arguments begin with."""
    assert (refuse(["x", *arguments], {"x": [entry]}) is None) == permitted


def test_long_reasons_are_cut() -> None:
    """A program with many forms names the first ones and how many more there are."""
    reason = refuse(["x", "no"], {"x": [f"form{number}" for number in range(20)]})
    assert reason is not None
    assert reason.endswith("x form7 and 12 more")
