# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Divides hosts into the waves of a rollout, and says how many may fail and how long it can take; pure.

The sizes mean what they mean to ansible-core's ``serial``, which makes the batches.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ALL = "100%"
HOST_S = 10.0  # for as long does OpenSSH try to reach a host, as ansible-core tells it to (timeout)
WAVE_S = 10.0  # what comes before and after the hosts of a wave
_SHARE = re.compile(r"([0-9]{1,3})%")
_COUNT = re.compile(r"[0-9]{1,6}")


class WavesError(ValueError):
    """What was asked for is no rollout; the text says what is wanted."""


def sizes(waves: object = None, canary: object = None) -> list[int | str]:
    """Return the sizes of waves in one form: whole numbers and ``"10%"``.

    Args:
        waves: a list, or text with commas: ``"1,10%,100%"``; nothing for all hosts at once.
        canary: how many hosts go ahead of these, as another wave.

    Raises:
        WavesError: one of them is no size.
    """
    listed = waves.split(",") if isinstance(waves, str) else waves
    if not listed:
        listed = [ALL]
    if not isinstance(listed, (list, tuple)):
        listed = [listed]
    found = [_size(one, "netopt_waves") for one in listed]
    return found if canary in (None, "") else [_size(canary, "netopt_canary"), *found]


def _size(value: object, name: str) -> int | str:
    text = str(value).strip()
    share = _SHARE.fullmatch(text)
    if share and 1 <= int(share[1]) <= 100:
        return f"{int(share[1])}%"
    if not isinstance(value, bool) and _COUNT.fullmatch(text) and int(text) >= 1:
        return int(text)
    raise WavesError(f"{name}: {text!r} is no size of a wave; a number of hosts from 1, or 1% to 100%, is wanted")


def plan(hosts: Sequence[str], wanted: Sequence[int | str]) -> list[list[str]]:
    """Return the hosts of each wave in their order.

    A share is one of all hosts, rounded down, and one host at least. The last size holds for all waves that are left.

    Args:
        hosts: their names.
        wanted: as ``sizes`` returns them.
    """
    waves: list[list[str]] = []
    begun = 0
    while begun < len(hosts):
        size = wanted[min(len(waves), len(wanted) - 1)]
        number = max(1, _of(size, len(hosts)))
        waves.append(list(hosts[begun : begun + number]))
        begun += number
    return waves


def most(wanted: Sequence[int | str], hosts: int) -> int:
    """Return how many waves that many hosts take."""
    return len(plan([""] * hosts, wanted))


def limit(value: object) -> int | str:
    """Return a limit of failures in one form: a whole number from 0, or ``"10%"``.

    Raises:
        WavesError: it is none.
    """
    text = str(value).strip()
    share = _SHARE.fullmatch(text)
    if share and int(share[1]) <= 100:
        return f"{int(share[1])}%"
    if not isinstance(value, bool) and _COUNT.fullmatch(text):
        return int(text)
    raise WavesError(f"netopt_max_failures: {text!r}; a number of hosts from 0, or 0% to 100%, is wanted")


def allowed(failures: int | str, hosts: int) -> int:
    """Return how many of so many hosts may fail; a share is rounded down."""
    return _of(failures, hosts)


def _of(size: int | str, hosts: int) -> int:
    return hosts * int(size[:-1]) // 100 if isinstance(size, str) else size


def rounds_s(hosts_s: Sequence[float], *, forks: int) -> float:
    """Return how many seconds hosts take together, the longest ones first, of the seconds that each of them takes."""
    return sum(sorted(hosts_s, reverse=True)[:: max(1, forks)])


def wave_s(hosts: int, *, forks: int, gate_wait_s: float) -> float:
    """Return how many seconds a wave of so many hosts can take when none of them answers at once."""
    return WAVE_S + rounds_s([HOST_S] * hosts, forks=forks) + gate_wait_s


def needed_s(counts: Sequence[int], *, forks: int, pause_s: float, gate_wait_s: float) -> float:
    """Return how many seconds a rollout can take from the first host of its first wave to the last of its last one.

    Args:
        counts: the hosts in each wave.
        forks: hosts worked on at once.
        pause_s: seconds between two waves.
        gate_wait_s: for how long hosts may take to pass the gate.
    """
    pauses = pause_s * max(0, len(counts) - 1)
    return pauses + sum(wave_s(count, forks=forks, gate_wait_s=gate_wait_s) for count in counts)


def too_many(*, failed: int, hosts: int, wave_failed: int, wave_hosts: int, failures: int | str) -> str | None:
    """Return why a rollout is not to go on, ``None`` where it is.

    Args:
        failed: hosts of all waves so far that failed.
        hosts: hosts of the whole rollout.
        wave_failed: those of the last wave that failed.
        wave_hosts: its hosts.
        failures: the limit.
    """
    permitted = allowed(failures, hosts)
    if failed > permitted:
        share = f" ({failures} of {hosts})" if isinstance(failures, str) else ""
        return f"{failed} of {hosts} hosts failed, and {permitted}{share} may"
    if wave_hosts and wave_failed == wave_hosts:
        return f"every host of the wave failed ({wave_hosts})"
    return None
