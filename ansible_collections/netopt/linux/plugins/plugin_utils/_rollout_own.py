# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is each host's own in a rollout: the ports of its gate, and for how long it measures; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleError
from ansible.module_utils.common.validation import check_type_dict, check_type_int, check_type_list

from ansible_collections.netopt.linux.plugins.module_utils._probe import targets as probe_targets
from ansible_collections.netopt.linux.plugins.plugin_utils._rollout_waves import WavesError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MEASURED = 3
LONGEST_S = 3600  # no plan may measure for longer at a time
PORTS = range(1, 65536)


@dataclass(frozen=True)
class Own:
    """What a host's own variables say.

    Attributes:
        ports: TCP ports that are to take connections behind its wave.
        measuring_s: for how many seconds it can measure: before the change, and up to twice after it.
        in_turn: whether it measures throughput, for which hosts wait for each other.
    """

    ports: tuple[int, ...] = ()
    measuring_s: float = 0.0
    in_turn: bool = False


def own(host: str, read: Callable[[str], Any]) -> Own:
    """Return what is a host's own.

    Args:
        host: its name.
        read: gives a variable of the host by its name, ``None`` where it has none.

    Raises:
        WavesError: its ports are none.
    """
    wanted = _measures(host, read)
    return Own(_ports(host, read), _measuring_s(wanted), bool(wanted["iperf"]))


def _ports(host: str, read: Callable[[str], Any]) -> tuple[int, ...]:
    try:
        ports = tuple(check_type_int(port) for port in check_type_list(read("netopt_gate_tcp") or []))
    except (AnsibleError, TypeError) as error:
        raise WavesError(f"netopt_gate_tcp of {host}: {error}") from None
    wrong = [port for port in ports if port not in PORTS]
    if wrong:
        raise WavesError(f"netopt_gate_tcp of {host}: {wrong[0]} is no port; numbers from 1 to 65535 are wanted")
    return ports


def _measures(host: str, read: Callable[[str], Any]) -> dict[str, Any]:
    """Return what a host's plan has it measure: nothing where that is no plan, which is found out on its turn."""
    nothing = {"ping": [], "tcp": [], "iperf": None, "duration_s": 0}
    try:
        given = read("netopt_given")  # as netopt has checked them, by digest
        mine = given["plans"][given["hosts"][host]] if given else {}
        plans = mine.get("plans") or [mine.get("plan") or read("netopt_plan") or {}]
        if not given and read("netopt_plans"):
            plans = check_type_list(read("netopt_plans"))
        each = [check_type_dict(plan) for plan in plans]
        specs = [check_type_dict(plan.get("validate") or plan.get("validation") or {}) for plan in each]
        spec: dict[str, Any] = next((one for one in specs if one.get("targets")), {})
        seconds = min(LONGEST_S, check_type_int(spec.get("duration_s") or 10))
        return {**nothing, **check_type_dict(spec.get("targets") or {}), "duration_s": seconds}
    except (AnsibleError, TypeError):
        return nothing


def _measuring_s(wanted: Mapping[str, Any]) -> float:
    if not any(wanted[name] for name in ("ping", "tcp", "iperf")):
        return 0.0
    return MEASURED * (probe_targets.time_s(wanted) + probe_targets.AWAITED_S)
