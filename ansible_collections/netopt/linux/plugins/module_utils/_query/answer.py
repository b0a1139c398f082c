# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers the queries of ``catalog.py`` on this host. Reads only."""

from __future__ import annotations

import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._checkpoint.store import Store
from .._common.errors import NetoptError
from .._common.report import one_line
from .._host import facts as host_facts
from .._host import kernel_features
from .._host.command_allowlist import PACKAGES
from .._host.commands import SEARCH_PATH
from .._sysctl.keys import proc_path
from . import parse as query_parse
from .catalog import QUERIES, ROWS, Query, argv
from .paging import page
from .request import checked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .._host.commands import Tools

AT_ONCE = 8  # questions that wait for a network or a clock should not wait for each other
MODULE_PREFIXES = ("sch_", "act_", "cls_", "tcp_", "nf_", "nft_", "ip_tables", "ifb", "veth", "bridge", "bonding")


def answers(questions: Sequence[Mapping[str, Any]], tools: Tools) -> list[dict[str, Any]]:
    """Return the answers to several questions, in their order; they are looked for at the same time.

    Raises:
        NetoptError: a question is wrong, or there are too many; nothing has run then.
    """
    ready = checked(questions)
    with ThreadPoolExecutor(max_workers=AT_ONCE) as workers:
        return list(workers.map(lambda question: answer(question, tools), ready))


def answer(question: Mapping[str, Any], tools: Tools) -> dict[str, Any]:
    """Return the answer to one question.

    Args:
        question: as ``checked`` returns it.
        tools: runs the commands.

    Returns:
        ``query``; ``available`` (bool); ``data`` (its shape depends on the query) and ``commands`` where there is an
        answer; ``total``, ``next_offset`` and ``clipped`` where that is a part of it; ``message`` where there is no
        answer, where a command failed, or where something was left out.
    """
    name = question["query"]
    query = QUERIES[name]
    try:
        if query.commands:
            found = _ask(query, question["arguments"], tools)
        else:
            found = {"available": True, "data": _READERS[name](question["arguments"]), "commands": []}
    except NetoptError as error:
        return {"query": name, "available": True, "data": None, "message": one_line(error.as_dict())}
    if found.get("data") is None:
        return dict(found, query=name)
    part = page(found["data"], match=question.get("match"), offset=question["offset"], max_bytes=question["max_bytes"])
    notes = [found["message"]] if "message" in found else []
    if part.next_offset is not None:
        notes.append(f"{question['offset']} to {part.next_offset - 1} of {part.total}; offset goes on from there")
    if part.clipped:
        notes.append("long values are shortened; a larger max_bytes shows more of them")
    found.update(query=name, data=part.data)
    if part.next_offset is not None or question["offset"] or "match" in question:
        found.update(total=part.total, next_offset=part.next_offset)
    if part.clipped:
        found["clipped"] = True
    if notes:
        found["message"] = "; ".join(notes)
    return found


def _ask(query: Query, values: Mapping[str, Any], tools: Tools) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    commands: list[str] = []
    messages: list[str] = []
    for part, template in query.commands.items():
        command = argv(template, values)
        if shutil.which(command[0], path=SEARCH_PATH) is None:
            return {"available": False, "message": f"not available: install {PACKAGES.get(command[0], command[0])}"}
        commands.append(" ".join(command))
        done = tools.run(command, stage="observe", check=False)
        try:
            # ping ends with 1 when nothing answers, which is an answer
            if done.rc == 0 or query.output == "ping":
                parts[part] = query_parse.parse(query.output, done.stdout)
                if not parts[part] and done.stderr.strip():
                    messages.append(_complaint(done.stderr, "", done.rc))
            else:
                messages.append(_complaint(done.stderr, done.stdout, done.rc))
        except (ValueError, KeyError, IndexError, AttributeError):
            messages.append(_complaint(done.stderr, done.stdout, done.rc))
    found: dict[str, Any] = {"available": True, "data": parts.get(""), "commands": commands}
    if "" not in query.commands:
        found["data"] = [dict({"family": part}, **row) for part, rows in parts.items() for row in rows]
    elif query.data == ROWS and found["data"] is None and not messages:
        found["data"] = []
    if messages:
        found["message"] = "; ".join(dict.fromkeys(messages))
    return found


def _complaint(stderr: str, stdout: str, rc: int) -> str:
    """Return what a tool said of its failure: the first of its errors, or the last of what else it printed."""
    said = query_parse.lines(stderr)[:1] or query_parse.lines(stdout)[-1:]
    return " ".join(said[0].split()) if said else f"exit status {rc}"


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
    return dict(query_parse.resolv_conf(_read("/etc/resolv.conf") or ""))


def _kernel_capabilities(_values: Mapping[str, Any]) -> dict[str, Any]:
    loaded = [line.split()[0] for line in (_read("/proc/modules") or "").splitlines() if line.strip()]
    return dict(
        kernel_features.gather(),
        release=os.uname().release,
        machine=os.uname().machine,
        congestion_control={
            "current": _read("/proc/sys/net/ipv4/tcp_congestion_control"),
            "available": (_read("/proc/sys/net/ipv4/tcp_available_congestion_control") or "").split(),
            "allowed": (_read("/proc/sys/net/ipv4/tcp_allowed_congestion_control") or "").split(),
        },
        default_qdisc=_read("/proc/sys/net/core/default_qdisc"),
        modules=sorted(name for name in loaded if name.startswith(MODULE_PREFIXES)),
    )


def _conntrack_stats(_values: Mapping[str, Any]) -> dict[str, Any]:
    folder = "/proc/sys/net/netfilter/nf_conntrack_"
    numbers = {name: _read(folder + name) for name in ("count", "max", "buckets")}
    found: dict[str, Any] = {name: None if text is None else int(text) for name, text in numbers.items()}
    found["loaded"] = numbers["count"] is not None
    found["counters"] = query_parse.conntrack_counters(_read("/proc/net/stat/nf_conntrack") or "")
    return found


def _softnet_stats(_values: Mapping[str, Any]) -> list[dict[str, int]]:
    return query_parse.softnet(_read("/proc/net/softnet_stat") or "")


def _bandwidth_sample(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    begun = time.monotonic()
    before = query_parse.interface_bytes(_read("/proc/net/dev") or "")
    time.sleep(values["duration_s"])
    after = query_parse.interface_bytes(_read("/proc/net/dev") or "")
    return query_parse.bandwidth(before, after, seconds=time.monotonic() - begun)


def _host_facts(values: Mapping[str, Any]) -> dict[str, Any]:
    return dict(host_facts.gather(sysctl=values.get("keys", ())), **kernel_features.gather())


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
    "host_facts": _host_facts,
    "kernel_capabilities": _kernel_capabilities,
    "netopt_state": _netopt_state,
    "softnet_stats": _softnet_stats,
    "sysctl_get": _sysctl_get,
}
