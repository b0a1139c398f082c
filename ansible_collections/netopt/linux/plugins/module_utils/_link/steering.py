# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which CPUs work on the packets of a device's queues: RPS, XPS and the flows of RFS. Pure.

Of a device a State has ``steering``: ``{word: {queue: value}}`` of the files that it has below
``/sys/class/net/IFACE/queues``, sets of CPUs as lists (``0-3,8``); and ``cpus``: ``{"online": list, "numa": list or
None, "nodes": count}``. A wanted state has ``{"*": value}`` where all queues are to have one value, also those that
channels bring along.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from .._common.change import Change, Operation
from .._common.errors import NetoptError
from .._plan.nic_words import ALL_CPUS, CPUS_WANTED, NO_CPUS, NUMA, cpu_list, cpus_of, list_of, power_of_two

if TYPE_CHECKING:
    from collections.abc import Mapping

EACH = "*"
LOST_QUEUES = "lost_queues"
QUEUES = {"rps_cpus": "rx", "rps_flow_cnt": "rx", "xps_cpus": "tx"}
MASKS = ("rps_cpus", "xps_cpus")
DIGITS = 8  # of a mask's parts, which commas part (lib/bitmap-str.c)
BASE = "/sys/class/net"
ONLINE = "/sys/devices/system/cpu/online"
# makes a mask of a list of CPUs, for a shell
_AWK = (
    "awk -F- '{for (c = $1 + 0; c <= $NF + 0; c++) {on[c] = 1; if (c > top) top = c}} "
    "END {for (n = int(top / 4); n >= 0; n--) "
    '{printf "%x", on[4 * n] + 2 * on[4 * n + 1] + 4 * on[4 * n + 2] + 8 * on[4 * n + 3]; '
    'if (n && n % 8 == 0) printf ","}}\''
)


def list_of_mask(text: str) -> str:
    """Return the list of a mask such as ``00000001,0000000f``."""
    bits = int(text.strip().replace(",", "") or "0", 16)
    return list_of(cpu for cpu in range(bits.bit_length()) if bits >> cpu & 1)


def mask_of(text: str) -> str:
    """Return the mask of a list, as the kernel takes it."""
    digits = f"{sum(1 << cpu for cpu in cpus_of(text)):x}"
    first = len(digits) % DIGITS
    parts = [digits[:first], *(digits[at : at + DIGITS] for at in range(first, len(digits), DIGITS))]
    return ",".join(filter(None, parts))


def written(word: str, value: Any) -> str:
    """Return a value as it is written into a queue's file."""
    return mask_of(value) if word in MASKS else str(value)


def _said(word: str, value: Any) -> str:
    return (value or NO_CPUS) if word in MASKS else str(value)


def render(iface: str, asked: Mapping[str, Any]) -> list[str]:
    """Return the commands that set what a plan asks of the queues of an interface."""
    found = []
    for word, value in asked.items():
        queues = f"{BASE}/{shlex.quote(iface)}/queues/{QUEUES[word]}-*/{word}"
        found.append(f'for queue in {queues}; do {_text_of(iface, word, value)} >"$queue"; done')
    return found


def _text_of(iface: str, word: str, value: Any) -> str:
    """Return the command that prints what is written into a queue's file."""
    if word not in MASKS:
        return f"echo {power_of_two(value)}"
    if value == ALL_CPUS:
        return f"tr , '\\n' <{ONLINE} | {_AWK}"
    if value == NUMA:
        node = f"$(cat {BASE}/{shlex.quote(iface)}/device/numa_node 2>/dev/null)"
        cpus = f"cat /sys/devices/system/node/node{node}/cpulist 2>/dev/null || cat {ONLINE}"
        return f"{{ {cpus}; }} | tr , '\\n' | {_AWK}"
    return f"echo {mask_of('' if value == NO_CPUS else value)}"


def with_lost_queues(former: Mapping[str, Any], lost: Mapping[str, Any], link: Mapping[str, Any]) -> dict[str, Any]:
    """Return what queues are given back, with those that are not there now as channels that come back bring them."""
    found = {word: dict(values) for word, values in former.items()}
    for word, queues in lost.items():
        there = link["steering"].get(word, {})
        gone = {queue: value for queue, value in queues.items() if queue not in there}
        if gone:
            found[word] = {**gone, **found.get(word, {})}
    return found


def merged(asked: Mapping[str, Any], link: Mapping[str, Any], iface: str) -> dict[str, Any]:
    """Return the values that a plan leads to on the queues of a device.

    Raises:
        NetoptError: the device has no such queues, or the host not these CPUs.
    """
    return {word: {EACH: _value(word, value, link, iface)} for word, value in asked.items()}


def _value(word: str, value: Any, link: Mapping[str, Any], iface: str) -> Any:
    if not link["steering"].get(word):
        raise _refusal(
            f"{iface} has no queues whose {word} can be set",
            iface,
            word,
            value,
            f"ls /sys/class/net/{iface}/queues/* shows what there is; xps_cpus needs several transmit queues, and in a "
            f"network namespace /sys has to be that of the namespace. Leave changes.steering.{word} out for this host.",
        )
    if word not in MASKS:
        return power_of_two(value)
    cpus = link["cpus"]
    if value == ALL_CPUS:
        return cpus["online"]
    if value == NO_CPUS:
        return ""
    if value == NUMA:
        if cpus["numa"] is None and cpus["nodes"] > 1:
            raise _refusal(
                f"{iface} belongs to no NUMA node, and this host has {cpus['nodes']}",
                iface,
                word,
                value,
                f"Name the CPUs, or say {ALL_CPUS}.",
            )
        return cpus["online"] if cpus["numa"] is None else cpus["numa"]
    if cpu_list(value) is None:
        raise _refusal(f"{value!r} are no CPUs", iface, word, value, f"Write {CPUS_WANTED}.")
    lacking = cpus_of(value) - cpus_of(cpus["online"])
    if lacking:
        raise _refusal(
            f"This host has the CPUs {cpus['online']}, and not {list_of(lacking)}",
            iface,
            word,
            value,
            f"Name CPUs that are online, or say {ALL_CPUS}.",
        )
    return list_of(cpus_of(value))


def _refusal(message: str, iface: str, word: str, value: Any, hint: str) -> NetoptError:
    return NetoptError(message, stage="rehearse", key=f"{iface} {word}", wanted=str(value), hint=hint)


def _to_write(now: Mapping[str, Any], then: Mapping[str, Any]) -> dict[str, Any]:
    """Return what has to be written, by queue; of several queues, all at once."""
    if EACH in then:
        return dict(then) if any(value != then[EACH] for value in now.values()) else {}
    return {queue: value for queue, value in then.items() if queue in now and now[queue] != value}


def diff(iface: str, now: Mapping[str, Any], then: Mapping[str, Any]) -> list[Change]:
    """Return what differs, as a person would read it."""
    return [
        Change("link", f"{iface} {word}", _told(word, now[word]), _told(word, values))
        for word, values in then.items()
        if word in now and _to_write(now[word], values)
    ]


def _told(word: str, values: Mapping[str, Any]) -> str:
    """Return the values of a device's queues, as one where all have the same."""
    if len(set(values.values())) == 1:
        return _said(word, next(iter(values.values())))
    return "; ".join(f"{queue}: {_said(word, value)}" for queue, value in values.items())


def operations(iface: str, now: Mapping[str, Any], then: Mapping[str, Any], *, other_queues: bool) -> list[Operation]:
    """Return the steps from one state to another, one for each word.

    Args:
        iface: the interface.
        now: what its queues have.
        then: what they shall have.
        other_queues: whether steps before these change which queues there are.
    """
    found = []
    for word, values in then.items():
        todo = (dict(values) if other_queues else _to_write(now[word], values)) if word in now else {}
        if todo:
            payload = {"do": "steering", "iface": iface, "word": word, "values": todo}
            found.append(Operation("link", f"{iface} {word}", _command(iface, word, todo), payload))
    return found


def _command(iface: str, word: str, values: Mapping[str, Any]) -> str:
    if EACH in values:
        queues = f"{BASE}/{shlex.quote(iface)}/queues/{QUEUES[word]}-*/{word}"
        return f'for queue in {queues}; do echo {written(word, values[EACH])} >"$queue"; done'
    return "; ".join(
        f"echo {written(word, value)} >{BASE}/{shlex.quote(iface)}/queues/{queue}/{word}"
        for queue, value in values.items()
    )
