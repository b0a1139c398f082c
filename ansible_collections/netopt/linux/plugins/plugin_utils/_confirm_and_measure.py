# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: SLF001 - ansible-core gives the parts of an action and of a task no public names

"""Has a host measure before and after a change, and says whether the change may stay.

The change waits for its confirmation meanwhile, so a controller that is lost on the way takes nothing with it: the
host goes back when its time is up. How verdicts come about is in ``_objectives.py``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleConnectionFailure

from ansible_collections.netopt.linux.plugins.module_utils._checkpoint.model import CONFIRM_TIMEOUT_S
from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._common.report import (
    FAILED,
    ROLLBACK_FAILED,
    ROLLED_BACK,
    UNCHANGED,
    HostReport,
    as_result,
    one_line,
)
from ansible_collections.netopt.linux.plugins.module_utils._probe import targets as probe_targets
from ansible_collections.netopt.linux.plugins.plugin_utils import _objectives
from ansible_collections.netopt.linux.plugins.plugin_utils._ssh import over_new_connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ansible_collections.netopt.linux.plugins.plugin_utils._iperf import Server
    from ansible_collections.netopt.linux.plugins.plugin_utils._objectives import Verdict

STAGE = "validate"
LOOKS = 2  # what one look finds missed has to be missed at the second one too
EXCHANGE_S = 30.0  # for what is neither measuring nor waiting: connections, and going back
AWAITED_S = probe_targets.AWAITED_S
SHOWN = 100  # samples of one target in a report
UNREACHABLE = "unreachable"


class Proof:
    """What one host measures for one change.

    Args:
        action: that of the task which applies the plan.
        options: those of netopt_apply.
        spec: the plan's ``validate``, which says where to measure to.
        variables: the task's.
        ask: ``ask(module, options)`` returns a module's result.
    """

    def __init__(
        self,
        *,
        action: Any,
        options: Mapping[str, Any],
        spec: dict[str, Any],
        variables: Mapping[str, Any],
        ask: Callable[[str, dict[str, Any]], dict[str, Any]],
    ) -> None:
        self._task = action._task
        self._connection = action._connection
        self._options = options
        self._ask = ask
        self._spec = spec
        targets = self._spec["targets"]
        seconds = int(self._spec.get("duration_s") or 10)
        self._probe: dict[str, Any] = {
            "ping": list(targets.get("ping") or []),
            "tcp": list(targets.get("tcp") or []),
            "iperf": targets.get("iperf"),
            "iperf_port": None,
            "duration_s": seconds,
            "interval_s": _objectives.interval_s(seconds),
            "samples": True,
        }
        self._before: dict[str, Any] | None = None
        self._server: Server | None = None
        self._self_served = False
        if targets.get("iperf") in variables.get("groups", {}).get("all", ()):
            self._serve(action, targets["iperf"], variables)

    def _serve(self, action: Any, name: str, variables: Mapping[str, Any]) -> None:
        """Have a host of the inventory serve; one that is to serve itself measures no throughput."""
        self._self_served = name == variables.get("inventory_hostname")
        if self._self_served:
            self._spec = {**self._spec, "targets": {**self._spec["targets"], "iperf": None}}
            self._probe["iperf"] = None
            return
        from ansible_collections.netopt.linux.plugins.plugin_utils._iperf import Server  # noqa: PLC0415 - rare

        self._server = Server(action, name, variables)

    @property
    def gates(self) -> bool:
        """Whether anything is asked of the figures; without objectives they are only told."""
        return bool(_objectives.comparisons(self._spec))

    def begin(self) -> dict[str, Any] | None:
        """Measure the host as it is. Return the result that ends the task where the change must not be begun.

        A host that the plan would not change is not measured, nor is one on which it fails before it has begun.
        """
        if not any(self._probe[name] for name in ("ping", "tcp", "iperf")):
            return None
        if self.gates and (self._task.async_val or not self._options["confirm_timeout_s"]):
            return _refused(
                "confirm_timeout_s is 0 or the task asynchronous: the change would be kept before it is measured",
                key="confirm_timeout_s",
                wanted="time to measure before the change is kept",
                hint="Give a time to confirm and let the task wait, or leave the objectives out.",
            )
        with _checking(self._task):
            predicted = self._ask("netopt_apply", dict(self._options))
        status = (predicted.get("report") or {}).get("status")
        if status == UNCHANGED:
            return None
        if status == FAILED:
            return predicted
        found = self._measure()
        problems = _objectives.unmeasurable(self._spec, found)
        if not self.gates or not problems:
            self._before = found
            return None
        target, reason = next(iter(problems.items()))
        others = "".join(f"; {other}: {why}" for other, why in list(problems.items())[1:])
        return _refused(
            f"{target} gives no figure before the change: {reason}{others}",
            key=target,
            wanted="an answer before the change, as nothing could be told from one after it",
            hint="Nothing was changed. Name a target that answers and install what is missing on the host.",
            measurements={"before": _told(found), "after": None},
        )

    def holds(self, result: dict[str, Any]) -> bool:
        """Measure the host as it has become; where it must not stay so, roll it back and say so in ``result``.

        Args:
            result: of an apply that waits for its confirmation; its report gets the figures.
        """
        report = result["report"]
        if self._self_served:
            report["warnings"].append("Throughput is not measured here: this host is the one that others measure to.")
        if self._before is None:
            return True
        try:
            found, verdicts, looks = self._look(report)
        except _LostError as lost:
            report["measurements"] = {"before": _told(self._before), "after": None}
            _fail(result, lost.status, lost.error)
            return False
        after = {**_told(found), "verdicts": [verdict.as_dict() for verdict in verdicts], "looks": looks}
        report["measurements"] = {"before": _told(self._before), "after": after}
        report["warnings"] += _doubts(verdicts)
        missed = [verdict for verdict in verdicts if not verdict.met]
        if not missed:
            if looks > 1:
                report["warnings"].append("An objective was missed at a first look, and met at a second one.")
            return True
        self._go_back(result, missed)
        return False

    def _look(self, report: Mapping[str, Any]) -> tuple[dict[str, Any], list[Verdict], int]:
        """Return what was measured after the change, the verdicts on it, and at which look they were made."""
        missed: set[str] = set()
        found: dict[str, Any] = {}
        verdicts: list[Verdict] = []
        for look in range(1, LOOKS + 1):
            found = self._after(report["checkpoint_id"])
            verdicts = _objectives.judge(self._spec, self._before or {}, found)
            keys = {_key(verdict) for verdict in verdicts if not verdict.met}
            missed = keys & missed if look > 1 else keys
            if not missed:
                break
        return found, [_final(verdict, missed) for verdict in verdicts], look

    def _after(self, identity: str) -> dict[str, Any]:
        """Give the host time over a new connection, and return what it measures then.

        Raises:
            _LostError: the host cannot be reached, or has gone back meanwhile.
        """
        timeout = self._options["confirm_timeout_s"]
        deadline = time.monotonic() + timeout + EXCHANGE_S

        def measured() -> dict[str, Any]:
            self._give_time(identity)
            return self._measure(identity)

        try:
            return over_new_connection(self._connection, measured, deadline=deadline)
        except AnsibleConnectionFailure as error:
            raise _LostError(
                UNREACHABLE,
                {
                    "key": "connection",
                    "wanted": "a new connection",
                    "after": str(error),
                    "message": f"No connection in which to measure came about within {timeout:g} s of the "
                    "change, upon which the host restores itself",
                    "hint": "The plan kept the controller out; look at its rules and routes.",
                },
            ) from None

    def _give_time(self, identity: str) -> None:
        """Let the change wait for as long as two looks and what is between them take.

        Raises:
            _LostError: it does not wait any more.
        """
        seconds = (
            self._options["confirm_timeout_s"] + LOOKS * (probe_targets.time_s(self._probe) + AWAITED_S) + EXCHANGE_S
        )
        given = self._ask(
            "netopt_checkpoint",
            {"state": "extended", "id": identity, "confirm_timeout_s": min(CONFIRM_TIMEOUT_S[1], seconds)},
        )
        if given.get("failed"):
            raise _gone(given)

    def _measure(self, identity: str | None = None) -> dict[str, Any]:
        """Return what the host measures, with a message for each target where it cannot.

        Args:
            identity: the change that is given time while the host waits for its turn.
        """
        if self._server is None:
            return self._figures(self._ask("netopt_probe", dict(self._probe)))
        asked = self._server.measure(
            self._probe, lambda options: self._ask("netopt_probe", options), self._waiting(identity)
        )
        return self._figures(asked)

    def _waiting(self, identity: str | None) -> Callable[[], None]:
        """Return what keeps a change waiting while its host waits for its turn."""
        given = time.monotonic()

        def meanwhile() -> None:
            nonlocal given
            if identity is not None and time.monotonic() > given + AWAITED_S:
                self._give_time(identity)
                given = time.monotonic()

        return meanwhile

    def _figures(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a host measured, or for each target that it could not."""
        found: dict[str, Any] | None = result.get("measurements")
        if found is not None:
            return found
        problem = {"message": str(result.get("msg") or "the measurement ended without a result")}
        return {
            **{probe: dict.fromkeys(self._probe[probe], problem) for probe in ("ping", "tcp")},
            "iperf": problem if self._probe["iperf"] else None,
        }

    def _go_back(self, result: dict[str, Any], missed: Sequence[Verdict]) -> None:
        """Lead the host back, and turn the result into that of a change that missed what was asked of it."""
        report = result["report"]
        first, others = missed[0], missed[1:]
        report["warnings"] += [_sentence(verdict) for verdict in others]
        error = {
            "key": first.comparison.key,
            "wanted": _wanted(first),
            "before": first.told(first.before),
            "after": first.told(first.after) or first.problem,
            "message": _sentence(first),
            "hint": "The figures of all targets are under measurements; the host is as it was before.",
        }
        status = ROLLED_BACK
        try:
            back = self._ask("netopt_checkpoint", {"state": "restored", "id": report["checkpoint_id"]})
        except AnsibleConnectionFailure as lost:
            status = UNREACHABLE
            error["hint"] = "The host cannot be reached to roll it back, and restores itself when its time is up."
            report["warnings"].append(str(lost))
        else:
            undone = back.get("report") or {}
            report["operations"] += undone.get("operations") or []
            report["warnings"] += undone.get("warnings") or []
            if back.get("failed"):
                status = ROLLBACK_FAILED
                error["hint"] = f"It could not be rolled back: {back.get('msg')}"
        _fail(result, status, error)


class _LostError(Exception):
    """A host that is not there any more to be measured, or has gone back: its status, and fields of the error."""

    def __init__(self, status: str, error: dict[str, str | None]) -> None:
        super().__init__(error["message"])
        self.status = status
        self.error = error


def _gone(given: Mapping[str, Any]) -> _LostError:
    """Return what a host says that cannot be given the time to measure."""
    error = (given.get("report") or {}).get("error") or {"message": str(given.get("msg")), "after": None, "hint": None}
    back = error["after"] in (ROLLED_BACK, "applied", "armed")  # it has gone back, or is about to
    return _LostError(ROLLED_BACK if back else FAILED, {**error, "key": error.get("key") or "connection"})


@contextlib.contextmanager
def _checking(task: Any) -> Iterator[None]:
    """Have modules run in check mode."""
    task.check_mode = True
    try:
        yield
    finally:
        task.check_mode = False


def _refused(
    message: str, *, key: str, wanted: str, hint: str, measurements: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the result of a change that was not begun."""
    report = HostReport(measurements=measurements)
    report.fail(FAILED, NetoptError(message, stage=STAGE, key=key, wanted=wanted, hint=hint))
    return as_result(report, diff_mode=False)


def _fail(result: dict[str, Any], status: str, error: Mapping[str, str | None]) -> None:
    """Turn the result of an apply into that of one which was not kept."""
    told = {"stage": STAGE, "wanted": None, "before": None, "after": None, "hint": None, **error}
    result["report"].update({"status": status, "changed": False, "error": told})
    result.update({"failed": True, "changed": False, "msg": one_line(told)})


def _key(verdict: Verdict) -> str:
    """Return what tells a verdict from all others on the same plan."""
    against = "before" if verdict.comparison.objective is None else "objective"
    return f"{verdict.comparison.key} {against}"


def _final(verdict: Verdict, missed: set[str]) -> Verdict:
    """Return a verdict of the last look, as one that is met unless all looks agree."""
    return verdict if verdict.met or _key(verdict) in missed else dataclasses.replace(verdict, met=True)


def _wanted(verdict: Verdict) -> str | None:
    """Return the bound in words."""
    figure = verdict.told(verdict.wanted)
    one = verdict.comparison
    if figure is None:
        return "a figure"
    most = "at least" if one.measure == _objectives.THROUGHPUT else "at most"
    than = "" if one.objective is not None else f" ({one.regression_pct:g} % worse than before)"
    return f"{most} {figure}{than}"


def _sentence(verdict: Verdict) -> str:
    """Return a verdict for people."""
    one = verdict.comparison
    name = f"{_objectives.NAMES[one.measure]} of {one.probe} {one.target}"
    if verdict.after is None:
        return f"{name} cannot be told after the change: {verdict.problem}"
    before = verdict.told(verdict.before) or "unknown"
    return f"{name} is {verdict.told(verdict.after)}, wanted {_wanted(verdict)}; it was {before} before"


def _doubts(verdicts: Sequence[Verdict]) -> list[str]:
    """Return a line about each figure that is worse than wanted, but not by more than chance explains."""
    lines = []
    for verdict in verdicts:
        if not verdict.met or verdict.wanted is None or verdict.after is None:
            continue
        less = verdict.comparison.measure == _objectives.THROUGHPUT
        if verdict.after < verdict.wanted if less else verdict.after > verdict.wanted:
            lines.append(f"{_sentence(verdict)}. Chance alone may explain that; a longer duration_s would tell.")
    return lines


def _told(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a measurement as a report has it: of the samples no more than a plot shows."""
    told = dict(found)
    for probe in ("ping", "tcp"):
        told[probe] = {target: _thinned(one, "samples_ms") for target, one in (found.get(probe) or {}).items()}
    iperf = found.get("iperf")
    told["iperf"] = _thinned(iperf, "intervals_mbps") if iperf else None
    return told


def _thinned(one: Mapping[str, Any], name: str) -> dict[str, Any]:
    samples = one.get(name)
    if not samples or len(samples) <= SHOWN:
        return dict(one)
    return {**one, name: [samples[index * len(samples) // SHOWN] for index in range(SHOWN)]}
