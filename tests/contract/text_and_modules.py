# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan's text and its modules leave in a kernel, as the machine's own tools tell it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcp_bridge.cli.validate import as_script
from mcp_bridge.models import RenderedPlan
from mcp_bridge.planning.checked_plan import check
from mcp_bridge.policy import load_policy
from tests.kernel.transaction_host import Host

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
LOOK = (
    "grep -r . /proc/sys/net 2>/dev/null",
    (
        "for d in $(ls /sys/class/net); do for what in qdisc class filter 'filter parent ffff:'; do set -- $what;"
        ' echo "# $d $what"; tc -d $1 show dev $d ${2:-} ${3:-} 2>&1; done; done'
    ),
    "nft -s list ruleset",
    (
        "for d in $(ls /sys/class/net); do ethtool -k $d; ethtool -l $d; grep . /sys/class/net/$d/queues/*/[rx]ps_*;"
        " done 2>/dev/null"
    ),
    "ip -d link show; ip address show; ip -4 route show table all",
    "ip -6 route show table all",
)
# What two namespaces differ in although nobody set it: random keys, hardware addresses, counters and numbers given out.
CHANCE = (
    (re.compile(r"^/proc/sys/net/.*(?:fastopen_key|stable_secret|nf_conntrack_count).*\n", re.MULTILINE), ""),
    (re.compile(r"\b[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b"), "MAC"),
    (re.compile(r"^\d+: (?=\S+: <)", re.MULTILINE), ""),
    (re.compile(r"fe80::[0-9a-f:]+"), "LINK-LOCAL"),
    (re.compile(r"(?:direct_packets_stat|refcnt|ref|index|bind|used|installed|expires) \d+"), ""),
    (re.compile(r"(?:valid_lft|preferred_lft) \d+sec"), ""),
)


def rendered(plan: Mapping[str, Any]) -> RenderedPlan:
    """Return a plan's text under the shipped policy."""
    return check(plan, load_policy()).rendered


def request(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the playbook hands to the transaction for a plan."""
    return vars(check(plan, load_policy()).target_inputs)


def look(host: Host) -> list[str]:
    """Return what the tools say of a host, line by line, without what is left to chance."""
    text = host.shell("\n".join(f"echo '## {number}'\n{line}" for number, line in enumerate(LOOK)))
    for pattern, replacement in CHANCE:
        text = pattern.sub(replacement, text)
    *sections, routes = text.split("## ")
    # the kernel sorts IPv6 routes by address, and link-local ones come from hardware addresses
    return [line for section in sections for line in section.splitlines()] + sorted(routes.splitlines())


def by_hand(host: Host, plan: Mapping[str, Any]) -> None:
    """Run a plan's text as an operator would, with bash."""
    host.run("bash", stdin=as_script(rendered(plan)))


def by_module(host: Host, plan: Mapping[str, Any], **options: Any) -> dict[str, Any]:
    """Apply a plan as the playbook does, and return the host's report."""
    return host.apply({}, **{"labels": ["netem"], **request(plan), **options})


def example(name: str) -> dict[str, Any]:
    """Return one of the examples."""
    plan: dict[str, Any] = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return plan
