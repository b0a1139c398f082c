# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rollout means for one host: how it fared in its wave, and its last word once the rollout is over; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.netopt.linux.plugins.module_utils._checkpoint.undone_ahead import refusal

GOOD = frozenset({"applied", "unchanged", "would_change"})
REPEATED = ("failed", "unreachable", "msg", "report", "module_stderr", "module_stdout", "rc", "exception")


def fared(applied: Mapping[str, Any]) -> str:
    """Return how a host fared by the result of netopt_apply: a report's status, or ``failed`` where there is none."""
    if applied.get("unreachable"):
        return "unreachable"
    report = applied.get("report")
    if not isinstance(report, Mapping):
        return "failed"
    status = str(report.get("status", "failed"))
    return "failed" if status in GOOD and applied.get("failed") else status


def may_hold(applied: Mapping[str, Any]) -> bool:
    """Tell whether a host may hold the change, or has lost the connection before it could tell."""
    if fared(applied) in {"applied", "unreachable"}:
        return True
    report = applied.get("report")
    if not isinstance(report, Mapping):
        return bool(applied)
    return report.get("status") == "failed" and report.get("checkpoint_id") is not None


def undone_elsewhere(applied: Mapping[str, Any], identity: str) -> bool:
    """Tell whether a host has refused the change since somebody has rolled it back before the host's turn."""
    report = applied.get("report")
    error = (report.get("error") if isinstance(report, Mapping) else None) or {}
    return str(error.get("message")) == refusal(identity)


def told(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the last verdict of a rollout: what its last wave that was looked at ended with."""
    own: dict[str, Any] = variables["netopt_gate"]
    for wave in reversed(own["rollout"]["waves"][own["number"] :]):
        found = known(variables["hostvars"], wave["hosts"], "netopt_gate")
        if found is not None:
            return found
    return own


def known(everything: Mapping[str, Any], hosts: Iterable[str], name: str) -> dict[str, Any] | None:
    """Return what is registered by a name for the hosts of a wave, ``None`` where it did not come so far."""
    found: Iterable[dict[str, Any] | None] = (everything[host].get(name) for host in hosts)
    return next((one for one in found if one is not None), None)  # a host that failed before has none


def finished(
    deed: str, *, applied: Mapping[str, Any], answer: Mapping[str, Any], verdict: Mapping[str, Any], host: str
) -> dict[str, Any]:
    """Return the last result of a host: its own report with what the end of the rollout has brought.

    Args:
        deed: ``restored``, ``confirmed``, ``extended`` or ``report``.
        applied: the result of netopt_apply.
        answer: that of netopt_checkpoint, empty for ``report``.
        verdict: the rollout's.
        host: its name.
    """
    if deed == "report":
        return {"changed": False, **_again(applied, host, verdict)}
    said = answer.get("report") or {}
    if answer.get("failed"):
        if not isinstance(applied.get("report"), Mapping):
            return {"changed": False, **answer}
        error = dict(said.get("error") or _error("confirm" if deed != "restored" else "restore", str(answer["msg"])))
        status = said.get("status", "failed")
        if deed != "restored" and str(error.get("after")) == "rolled_back":
            status = "rolled_back"
        return _failed({**applied["report"], "status": status, "changed": False, "error": error})
    if deed != "restored":
        return {"changed": False, "report": dict(applied["report"])}
    report = applied.get("report")
    if said.get("status") == "skipped":  # no checkpoint: nothing was altered here
        return {"changed": False, **_again(applied, host, verdict)}
    error = (report or {}).get("error") or _unhealthy(host, verdict)
    if error is None and isinstance(report, Mapping):
        error = _error("rollout", f"The rollout was stopped: {verdict['rollout']['reason']}")
        error["hint"] = "See the hosts that failed; then apply the plan again, or resume the rollout."
    report = dict(report or {"status": "rolled_back", "checkpoint_id": verdict["checkpoint_id"]})
    if error is None:
        error = _error("apply", str(applied.get("msg") or "The host ended without a report"))
    warnings = [*report.get("warnings", ()), *said.get("warnings", ())]
    operations = [*report.get("operations", ()), *said.get("operations", ())]
    back = {"status": "rolled_back", "changed": False, "warnings": warnings, "operations": operations, "error": error}
    return _failed({**report, **back})


def out_of_reach(applied: Mapping[str, Any], *, verdict: Mapping[str, Any], said: str) -> dict[str, Any]:
    """Return the last result of a host that took the change and cannot be reached any more to be rolled back.

    Args:
        applied: the result of netopt_apply.
        verdict: the rollout's.
        said: what ssh says.
    """
    identity = verdict["checkpoint_id"]
    waits = verdict["rollout"]["confirm"] == "end"
    error = _error("restore", "The host took the change, and is out of reach now that it is to roll back")
    error["after"] = said
    error["hint"] = (
        f"It restores itself within {verdict['guard_s']:.0f} s of the change, which is not confirmed."
        if waits
        else f"It holds the change. Once it can be reached: netopt rollback {identity}"
    )
    status = "unreachable" if waits else "rollback_failed"
    return _failed({**applied["report"], "status": status, "error": error})


def looked_up(applied: Mapping[str, Any], answer: Mapping[str, Any], identity: str) -> dict[str, Any]:
    """Return the last result of a host that took the change, after somebody has rolled it back on others.

    Args:
        applied: the result of netopt_apply.
        answer: that of netopt_checkpoint, which lists what the host keeps; empty where it is out of reach.
        identity: the checkpoint's.
    """
    report = dict(applied["report"])
    kept = {one.get("id"): one.get("status") for one in answer.get("checkpoints", ())}
    if kept.get(identity) == "rolled_back":
        error = _error("rollout", "Somebody has rolled the change back while the rollout went on")
        error["hint"] = "Ask who did, and why. Go on with the rollout by --resume."
        return _failed({**report, "status": "rolled_back", "changed": False, "error": error})
    if identity not in kept:
        why = "The change was rolled back on other hosts meanwhile; whether this one still holds it is not known."
        report["warnings"] = [*report.get("warnings", ()), why]
    return {"changed": False, "report": report}


def _again(applied: Mapping[str, Any], host: str, verdict: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result of a host in trouble once more, so that the run's end counts it."""
    if applied.get("unreachable") or applied.get("failed"):
        return {key: applied[key] for key in REPEATED if key in applied}
    unhealthy = _unhealthy(host, verdict)
    if unhealthy is not None:
        return _failed({**applied["report"], "error": unhealthy})
    return {"failed": True, "msg": "The host ended without a result"}


def _unhealthy(host: str, verdict: Mapping[str, Any]) -> dict[str, str | None] | None:
    why = verdict["unhealthy"].get(host)
    return None if why is None else _error("gate", why)


def _failed(report: Mapping[str, Any]) -> dict[str, Any]:
    message = (report.get("error") or {}).get("message") or report["status"]
    return {"failed": True, "changed": False, "msg": message, "report": dict(report)}


def _error(stage: str, message: str) -> dict[str, str | None]:
    empty = dict.fromkeys(("key", "wanted", "before", "after", "hint"))
    return {"stage": stage, **empty, "message": message}
