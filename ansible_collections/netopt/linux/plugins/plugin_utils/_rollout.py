# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Begins and ends the waves of a rollout: the pause before one, the gate behind it, and whether to go on."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ansible_collections.netopt.linux.plugins.module_utils._checkpoint.model import check_id
from ansible_collections.netopt.linux.plugins.module_utils._checkpoint.store import new_id
from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.plugin_utils import _rollout_waves as rollout_waves
from ansible_collections.netopt.linux.plugins.plugin_utils._rollout_health import unhealthy
from ansible_collections.netopt.linux.plugins.plugin_utils._rollout_host import (
    GOOD,
    fared,
    known,
    may_hold,
    undone_elsewhere,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ansible_collections.netopt.linux.plugins.plugin_utils._rollout_own import Own

CONFIRM_DEFAULT_S = 120.0
CONFIRM_MAX_S = 86400.0
ROOM = 2.0  # how much longer than what a rollout can need its hosts wait for their confirmation


@dataclass(frozen=True)
class Rollout:
    """One rollout as a task of its playbook sees it.

    Attributes:
        options: the task's.
        everything: the variables of all hosts.
        own: gives what is a host's own, by its name.
        waves: the hosts of each wave.
        index: the present wave, from 0.
        forks: hosts worked on at once.
        check: whether changes are only predicted.
    """

    options: dict[str, Any]
    everything: Mapping[str, Any]
    own: Callable[[str], Own]
    waves: list[list[str]]
    index: int
    forks: int
    check: bool

    @classmethod
    def of(
        cls, options: dict[str, Any], variables: Mapping[str, Any], *, own: Callable[[str], Own], check: bool
    ) -> Rollout:
        """Return the rollout that a task belongs to.

        Raises:
            WavesError: its options make no rollout.
        """
        hosts = [str(host) for host in variables["ansible_play_hosts_all"]]
        planned = rollout_waves.plan(hosts, rollout_waves.sizes(options["waves"], options["canary"]))
        first = str(variables["ansible_play_batch"][0])
        index = next(number for number, wave in enumerate(planned) if first in wave)
        chosen = dict(options, max_failures=rollout_waves.limit(options["max_failures"]))
        if chosen["confirm_at"] is None:
            chosen["confirm_at"] = "end" if chosen["confirm"] == "manual" else "wave"
        if chosen["confirm"] == "manual" and chosen["confirm_at"] == "wave":
            raise rollout_waves.WavesError(
                "netopt_confirm_at: a change that a person confirms is confirmed at the end of a rollout, not by wave"
            )
        forks = int(variables.get("ansible_forks") or 5)
        return cls(chosen, variables["hostvars"], own, planned, index, forks, check)

    def begin(self) -> dict[str, Any]:
        """Wait where a pause is wanted, and return what the tasks of the wave need to know.

        Raises:
            WavesError: the time to confirm would be too long, the checkpoint's name is none, or a host's ports are.
        """
        for host in self.waves[self.index]:
            self.own(host)
        before = self._before()
        if before is not None:
            if self.options["pause_s"] and not self.check and not before["resting"]:
                time.sleep(self.options["pause_s"])
            agreed = {key: before[key] for key in ("checkpoint_id", "confirm", "guard_s", "confirm_timeout_s")}
        else:
            agreed = {"checkpoint_id": self._identity(), **self._times()}
        state = self._state(before)
        state[self.index].update(started=_now(), status="stopped")
        reason = f"the run ended in wave {self.index + 1} of {len(self.waves)}"
        began = before["began"] if before is not None else time.monotonic()
        return {**agreed, "number": self.index + 1, "began": began, "rollout": self._told(state, reason)}

    def end(self) -> dict[str, Any]:
        """Look at the hosts of the wave, and return whether the rollout goes on and what is left to do about whom."""
        wave = self._wave()
        results = {host: self._result(host) for host in self.waves[self.index]}
        statuses = {host: fared(result) for host, result in results.items()}
        good = [host for host, status in statuses.items() if status in GOOD]
        ill = {} if self.check else self._gate(good)
        before = self._before() or {"failed_hosts": [], "unhealthy": {}}
        failed = [*before["failed_hosts"], *(host for host in results if host not in good or host in ill)]
        ill = {**before["unhealthy"], **ill}
        mine = [host for host in self.waves[self.index] if host in failed]
        reason = rollout_waves.too_many(
            failed=len(failed),
            hosts=sum(map(len, self.waves)),
            wave_failed=len(mine),
            wave_hosts=len(results),
            failures=self.options["max_failures"],
        )
        reason = reason and f"{reason}, in wave {self.index + 1} of {len(self.waves)}"
        undone = any(undone_elsewhere(result, wave["checkpoint_id"]) for result in results.values())
        reason = reason or ("somebody has rolled the change back" if undone else self._out_of_time(wave))
        state = self._state(wave)
        status = "failed" if reason else "done"
        state[self.index].update(finished=_now(), status=status, gate=_gate(len(results), mine, ill, reason))
        last = self.index == len(self.waves) - 1
        return {
            **{key: wave[key] for key in ("checkpoint_id", "confirm", "guard_s", "confirm_timeout_s", "began")},
            "number": self.index + 1,
            "failed_hosts": failed,
            "unhealthy": ill,
            "stop": bool(reason),
            "resting": all(status == "unchanged" for status in statuses.values()),
            "rollout": self._told(state, reason),
            "finish": self._to_finish(failed, ill, stopped=bool(reason), undone=undone) if reason or last else {},
        }

    def _to_finish(self, failed: list[str], ill: Mapping[str, str], *, stopped: bool, undone: bool) -> dict[str, str]:
        """Return what is left to do about which hosts: confirm, extend, restore, ask, or report once more."""
        back = stopped and self.options["on_failure"] == "roll_back" and not self.check
        at_end = self.options["confirm_at"] == "end" and not self.check
        keep = "confirmed" if self.options["confirm"] == "auto" else "extended"
        deeds = {}
        for wave in self.waves[: self.index + 1]:
            for host in wave:
                result = self._result(host)
                if (back or host in ill) and may_hold(result) and not self.check:
                    deeds[host] = "restored"
                elif host in failed:
                    deeds[host] = "report"
                elif at_end and fared(result) == "applied":
                    deeds[host] = keep
                elif undone and fared(result) == "applied" and not self.check:
                    deeds[host] = "listed"
        return deeds

    def _gate(self, hosts: list[str]) -> dict[str, str]:
        """Return why hosts do not pass the gate, by host."""
        places = {
            host: (_address(host, self.everything[host]), ports) for host in hosts if (ports := self.own(host).ports)
        }
        return unhealthy(places, wait_s=self.options["gate_wait_s"])

    def _identity(self) -> str:
        try:
            return check_id(self.options["checkpoint_id"] or new_id())
        except NetoptError as error:
            raise rollout_waves.WavesError(error.message) from None

    def _times(self) -> dict[str, Any]:
        """Return who confirms the change on a host, and how long hosts wait for it while the rollout goes on."""
        asked = self.options["confirm_timeout_s"]
        wanted = CONFIRM_DEFAULT_S if asked is None else asked
        if self.options["confirm_at"] == "wave":
            return {"confirm": "auto", "guard_s": wanted, "confirm_timeout_s": wanted}
        needed = self._needed_s(self.waves)
        if needed > CONFIRM_MAX_S:
            raise rollout_waves.WavesError(
                f"netopt_confirm_at: the first hosts may have to wait {needed:.0f} s for the end of the rollout, and a "
                f"change waits {CONFIRM_MAX_S:.0f} s for its confirmation at most; confirm by wave, or pause less"
            )
        return {
            "confirm": "manual",
            "guard_s": min(CONFIRM_MAX_S, max(wanted, ROOM * needed)),
            "confirm_timeout_s": wanted,
        }

    def _needed_s(self, ahead: list[list[str]]) -> float:
        """Return how many seconds these waves can take, and the confirmation of all hosts after them."""
        owns = [[self.own(host) for host in wave] for wave in ahead]
        gated = any(own.ports for wave in owns for own in wave)
        needed = rollout_waves.needed_s(
            [len(wave) for wave in ahead],
            forks=self.forks,
            pause_s=self.options["pause_s"],
            gate_wait_s=float(self.options["gate_wait_s"]) if gated else 0.0,
        )
        for wave in owns:
            needed += sum(own.measuring_s for own in wave if own.in_turn)
            needed += rollout_waves.rounds_s([own.measuring_s for own in wave if not own.in_turn], forks=self.forks)
        return needed + rollout_waves.wave_s(sum(map(len, self.waves)), forks=self.forks, gate_wait_s=0.0)

    def _out_of_time(self, wave: Mapping[str, Any]) -> str | None:
        """Return why hosts would restore themselves before the rollout's end, ``None`` where they would not."""
        if self.options["confirm_at"] == "wave" or self.check:
            return None
        left = wave["guard_s"] - (time.monotonic() - wave["began"])
        following = self.waves[self.index + 1 :]
        ahead = self._needed_s(following) + (self.options["pause_s"] if following else 0.0)
        if left >= ahead:
            return None
        return (
            f"the first hosts wait for their confirmation for another {max(0.0, left):.0f} s, and what is left to do "
            f"can take {ahead:.0f} s"
        )

    def _state(self, latest: Mapping[str, Any] | None) -> list[dict[str, Any]]:
        """Return each wave as it was told last."""
        if latest is not None:
            return [dict(wave) for wave in latest["rollout"]["waves"]]
        return [
            {"number": number, "hosts": hosts, "started": None, "finished": None, "status": "not_begun", "gate": None}
            for number, hosts in enumerate(self.waves, start=1)
        ]

    def _told(self, state: list[dict[str, Any]], reason: str | None) -> dict[str, Any]:
        return {
            "waves": state,
            "stopped": reason is not None,
            "reason": reason,
            "on_failure": self.options["on_failure"],
            "confirm": self.options["confirm_at"],
        }

    def _wave(self) -> dict[str, Any]:
        found = known(self.everything, self.waves[self.index], "netopt_wave")
        if found is None:
            raise rollout_waves.WavesError("netopt_rollout: the wave was not begun, so it cannot be ended")
        return found

    def _before(self) -> dict[str, Any] | None:
        """Return the verdict on the wave before this one, ``None`` for the first."""
        for hosts in reversed(self.waves[: self.index]):
            found = known(self.everything, hosts, "netopt_gate")
            if found is not None:
                return found
        return None

    def _result(self, host: str) -> dict[str, Any]:
        found: dict[str, Any] = self.everything[host].get("optimize_applied") or {}
        return found


def _gate(hosts: int, failed: list[str], ill: Mapping[str, str], reason: str | None) -> dict[str, Any]:
    first = next((f"; {host}: {ill[host]}" for host in failed if host in ill), "")
    return {"ok": reason is None, "message": f"{hosts - len(failed)} of {hosts} hosts are well{first}"}


def _address(host: str, variables: Mapping[str, Any]) -> str:
    return str(variables.get("netopt_gate_address") or variables.get("ansible_host") or host)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
