# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host with two interfaces for several plans, and what is asked of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.kernel.transaction_host import IFACE, Host, transaction_host

BACKLOG = "net.core.somaxconn"
MARKS = {"dscp": [{"match": {"proto": "udp", "dports": [3478]}, "dscp": 46}]}
LIMITS = {"connection_limits": [{"protocol": "tcp", "port": 443, "limit": 100}]}
HTB = {"qdisc": {"type": "htb", "params": {}}}
MANY = {
    "htb_classes": [
        {"classid": f"1:{one:x}", "rate_mbit": 1, "match": [{"dst": f"198.51.{one >> 8}.{one & 255}/32"}]}
        for one in range(1, 259)
    ]
}


@contextmanager
def two_interfaces(*, may_make_namespaces: bool = True) -> Iterator[Host]:
    """Make a host with a second interface, ``wan0``; see ``transaction_host``."""
    with transaction_host(may_make_namespaces=may_make_namespaces) as made:
        made.run("sh", "-c", "ip link add wan0 type veth peer name wan1 && ip link set wan0 up")
        yield made


def plan(changes: dict[str, Any], iface: str | list[str] = IFACE, name: str | None = None) -> dict[str, Any]:
    """Return a plan."""
    return {**({"name": name} if name else {}), "iface": iface, "changes": changes}


def report_of(host: Host, *plans: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Apply plans, together where there are several, and return the report."""
    found: dict[str, Any] = host.ask(**({"plan": plans[0]} if len(plans) == 1 else {"plans": list(plans)}), **options)
    return found


def apply(host: Host, *plans: dict[str, Any], **options: Any) -> str:
    """Apply plans that have to be possible, and return the status."""
    report = report_of(host, *plans, **options)
    assert report["error"] is None, report["error"]
    return str(report["status"])


def remove(host: Host, *names: str, **options: Any) -> str:
    """Take plans away, which has to be possible, and return the status."""
    report = host.ask(remove=list(names), **options)
    assert report["error"] is None, report["error"]
    return str(report["status"])


def drift(host: Host) -> list[dict[str, Any]]:
    """Return what is not as the plans in force say."""
    found: list[dict[str, Any]] = host.checkpoint("verified")["drift"]
    return found


def table(host: Host) -> str:
    """Return our table as nft prints it."""
    return host.shell("nft list table inet netopt")
