# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What came of a playbook on all of its hosts, as a table for people; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.netopt.linux.plugins.plugin_utils._rollout_host import fared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Results = Mapping[str, Mapping[str, Any]]

GAP = "  "
SHOWN = 200  # rows: a table is for people
NONE = "(none)"
SHORT = 12  # characters of a digest
UNDO = "Undo with: ansible-playbook netopt.linux.rollback -e netopt_checkpoint_id="
SKIPPED = "skipped"


def table(about: str, results: Results) -> list[str]:
    """Return the lines of a table, and below it how what was done is undone.

    Args:
        about: what the playbook does, one of ``ABOUT``.
        results: by host, the last result of the module that did it; empty for a host that gave none.
    """
    headings, rows = ABOUT[about]
    found = [(host, *cells) for host, result in sorted(results.items()) for cells in _rows(rows, result)]
    lines = _aligned([("HOST", *headings), *found[:SHOWN]]) if found else []
    if len(found) > SHOWN:
        lines.append(f"and {len(found) - SHOWN} more rows")
    return [*lines, *_below(about, results)]


def unknown_checkpoint(results: Results, identity: str) -> str | None:
    """Return what is wrong where no host that answered has a checkpoint, ``None`` where one has it."""
    statuses = {fared(result) for result in results.values() if result} - {"unreachable"}
    if statuses != {SKIPPED}:
        return None
    return f"No host has the checkpoint {identity}. The playbook netopt.linux.checkpoints lists those that there are."


def _rows(rows: Callable[[Mapping[str, Any]], Iterator[tuple[Any, ...]]], result: Mapping[str, Any]) -> list[Any]:
    if not result:
        return [("no result",)]
    if result.get("failed") and not result.get("drift"):
        return [(f"{fared(result)}: {result.get('msg') or 'no message'}",)]
    return list(rows(result))


def _changed(result: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    report = result["report"]
    yield report["status"], len(report["diff"]), report["checkpoint_id"]


def _drift(result: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    for one in result.get("drift") or ():
        yield one["key"], one["wanted"], one["found"], one["checkpoint_id"], one["owner"] or ""
    if not result.get("drift"):
        status = result["report"]["status"]
        yield ("has no such checkpoint" if status == SKIPPED else "nothing differs",)


def _checkpoints(result: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    for one in reversed(result["checkpoints"]):
        yield one["id"], one["status"], one["created"], one["label"] or ""
    if not result["checkpoints"]:
        yield ("there are none",)


def _plans(result: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    for one in result.get("plans") or ():
        sets = dict.fromkeys(section["path"].partition(".")[0] for section in one["sections"])
        name = one["name"] or "(without a name)"
        yield name, (one["digest"] or "")[:SHORT], one["since"] or "", one["by"] or "", ", ".join(sets)
    if not result.get("plans"):
        yield ("none is in force",)


def _info(result: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    info = result["info"]
    facts = info.get("facts") or {}
    for name in ("kernel", "virtualization", "cores", "memory_mb", "default_interface"):
        if facts.get(name) is not None:
            yield name, facts[name]
    for iface, link in (info.get("link") or {}).items():
        yield f"{iface} mtu", link.get("mtu")
    for iface, shaping in (info.get("tc") or {}).items():
        yield from ((f"{iface} qdisc", line) for line in shaping.get("qdisc", ()))
    yield from (info.get("sysctl") or {}).items()
    if "nft" in info:
        yield "table inet netopt", f"{len(info['nft'].splitlines())} lines" if info["nft"] else None
    if "checkpoints" in info:
        yield "checkpoints", ", ".join(one["id"] for one in info["checkpoints"] or ())
    yield from (("not read", problem) for problem in result.get("problems") or ())


ABOUT: dict[str, tuple[tuple[str, ...], Callable[[Mapping[str, Any]], Iterator[tuple[Any, ...]]]]] = {
    "change": (("STATUS", "CHANGES", "CHECKPOINT"), _changed),
    "verify": (("SETTING", "WANTED", "FOUND", "SET BY", "NOW OWNED BY"), _drift),
    "checkpoints": (("CHECKPOINT", "STATUS", "CREATED", "LABEL"), _checkpoints),
    "plans": (("PLAN", "DIGEST", "SINCE", "BY", "SETS"), _plans),
    "info": (("WHAT", "VALUE"), _info),
}


def _below(about: str, results: Results) -> Iterator[str]:
    if about == "checkpoints":
        yield f"{UNDO}CHECKPOINT"
    elif about == "change":
        reports = [result["report"] for result in results.values() if result.get("report")]
        made = {one["checkpoint_id"] for one in reports if one["status"] == "applied" and one["checkpoint_id"]}
        yield from (f"{UNDO}{identity}" for identity in sorted(made))


def _aligned(rows: list[tuple[Any, ...]]) -> list[str]:
    """Return rows as lines; the last cell of a row takes the room that it needs."""
    texts = [[_cell(cell) for cell in row] for row in rows]
    widths: dict[int, int] = {}
    for row in texts:
        for column, cell in enumerate(row[:-1]):
            widths[column] = max(widths.get(column, 0), len(cell))
    return [
        GAP.join([*(cell.ljust(widths[column]) for column, cell in enumerate(row[:-1])), row[-1]]).rstrip()
        for row in texts
    ]


def _cell(value: Any) -> str:
    return NONE if value is None else " ".join(str(value).split())
