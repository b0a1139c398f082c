# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers the queries of ``_query`` on this host. Reads only."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _query
from ._allowlist import PACKAGES
from ._checkpoint_io import Store
from ._errors import NetoptError
from ._sysctl_key import proc_path
from ._tools_io import SEARCH_PATH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ._tools_io import Tools

MODULE_PREFIXES = ("sch_", "act_", "cls_", "tcp_", "nf_", "nft_", "ip_tables", "ifb", "veth", "bridge", "bonding")


def answer(name: str, given: Mapping[str, Any], tools: Tools) -> dict[str, Any]:
    """Return the answer to one query.

    Args:
        name: one of ``_query.QUERIES``.
        given: its arguments.
        tools: runs the commands.

    Returns:
        ``available`` (bool); ``data`` (its shape depends on the query) and ``commands`` where it is
        there; ``message`` where it is not, or where a command failed.

    Raises:
        NetoptError: there is no such query, or an argument is wrong.
    """
    values = _query.arguments(name, given)
    query = _query.QUERIES[name]
    if not query.commands:
        return {"available": True, "data": _READERS[name](values), "commands": []}
    parts: dict[str, Any] = {}
    commands: list[str] = []
    messages: list[str] = []
    for part, template in query.commands.items():
        command = _query.argv(template, values)
        if shutil.which(command[0], path=SEARCH_PATH) is None:
            return {"available": False, "message": f"not available: install {PACKAGES.get(command[0], command[0])}"}
        commands.append(" ".join(command))
        done = tools.run(command, stage="observe", check=False)
        if done.rc != 0 and not (done.stdout.strip() and query.output == "ping"):
            messages.append(_complaint(done.stderr or done.stdout, done.rc))
            continue
        try:
            parts[part] = _query.parse(query.output, done.stdout)
        except ValueError as error:
            messages.append(f"{' '.join(command)} printed what cannot be read: {error}")
    data = parts.get("") if list(query.commands) == [""] else parts
    found = {"available": True, "data": data, "commands": commands}
    if messages:
        found["message"] = "; ".join(messages)
    return found


def _complaint(text: str, rc: int) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0] if lines else f"exit status {rc}"


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def _sysctl_get(values: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in values["keys"]:
        text = _read(os.path.join("/proc/sys", proc_path(key)))
        found[key] = None if text is None else " ".join(text.split())
    return found


def _cat_resolv_conf(_values: Mapping[str, Any]) -> dict[str, Any]:
    return dict(_query.resolv_conf(_read("/etc/resolv.conf") or ""))


def _kernel_capabilities(_values: Mapping[str, Any]) -> dict[str, Any]:
    loaded = [line.split()[0] for line in (_read("/proc/modules") or "").splitlines() if line.strip()]
    return {
        "release": os.uname().release,
        "machine": os.uname().machine,
        "congestion_control": {
            "current": _read("/proc/sys/net/ipv4/tcp_congestion_control"),
            "available": (_read("/proc/sys/net/ipv4/tcp_available_congestion_control") or "").split(),
            "allowed": (_read("/proc/sys/net/ipv4/tcp_allowed_congestion_control") or "").split(),
        },
        "default_qdisc": _read("/proc/sys/net/core/default_qdisc"),
        "modules": sorted(name for name in loaded if name.startswith(MODULE_PREFIXES)),
    }


def _conntrack_stats(_values: Mapping[str, Any]) -> dict[str, Any]:
    folder = "/proc/sys/net/netfilter/nf_conntrack_"
    numbers = {name: _read(folder + name) for name in ("count", "max", "buckets")}
    found: dict[str, Any] = {name: None if text is None else int(text) for name, text in numbers.items()}
    found["loaded"] = numbers["count"] is not None
    found["counters"] = _query.conntrack_counters(_read("/proc/net/stat/nf_conntrack") or "")
    return found


def _softnet_stats(_values: Mapping[str, Any]) -> list[dict[str, int]]:
    return _query.softnet(_read("/proc/net/softnet_stat") or "")


def _bandwidth_sample(values: Mapping[str, Any]) -> dict[str, Any]:
    begun = time.monotonic()
    before = _query.interface_bytes(_read("/proc/net/dev") or "")
    time.sleep(values["duration_s"])
    after = _query.interface_bytes(_read("/proc/net/dev") or "")
    seconds = time.monotonic() - begun
    return {"duration_s": round(seconds, 3), "interfaces": _query.bandwidth(before, after, seconds=seconds)}


def _netopt_state(_values: Mapping[str, Any]) -> dict[str, Any]:
    store = Store()
    try:
        return {"checkpoints": [header.as_dict() for header in store.headers()], "damaged": store.damaged()}
    except OSError as error:
        raise NetoptError(
            f"{store.root} cannot be read: {error.strerror}",
            stage="observe",
            key=store.root,
            hint="Log in as root, or set ansible_become.",
        ) from None


_READERS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "bandwidth_sample": _bandwidth_sample,
    "cat_resolv_conf": _cat_resolv_conf,
    "conntrack_stats": _conntrack_stats,
    "kernel_capabilities": _kernel_capabilities,
    "netopt_state": _netopt_state,
    "softnet_stats": _softnet_stats,
    "sysctl_get": _sysctl_get,
}
