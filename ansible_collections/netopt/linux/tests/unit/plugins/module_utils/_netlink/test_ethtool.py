# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Messages of the netlink family ethtool: the numbers of their attributes are those of the kernel's header."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._netlink.ethtool import MESSAGES, EthtoolSocket
from ansible_collections.netopt.linux.plugins.module_utils._plan.nic_words import GROUPS

HEADER = Path("/usr/include/linux/ethtool_netlink.h")
OTHERWISE = {
    "frames": "max_frames",
    "adaptive_rx": "use_adaptive_rx",
    "adaptive_tx": "use_adaptive_tx",
    "cqe_mode_rx": "use_cqe_mode_rx",
    "cqe_mode_tx": "use_cqe_mode_tx",
    "sample_interval": "rate_sample_interval",
}


def test_every_word_has_a_number() -> None:
    """What a plan may say can be sent, and nothing has the number of something else."""
    for group, words in GROUPS.items():
        known = MESSAGES[group]
        assert set(known.values) == set(words)
        numbers = [*known.values.values(), *known.most.values()]
        assert len(numbers) == len(set(numbers))


def enumerated(name: str) -> dict[str, int]:
    """Return the members of one of the header's enumerations by name, in lower case."""
    text = HEADER.read_text(encoding="utf-8")
    (body,) = [
        part
        for part in re.findall(r"enum (?:\w+ )?\{(.*?)\}", text, re.DOTALL)
        if f"{name}_UNSPEC" in part or f"{name}_NONE" in part
    ]
    words = re.findall(r"^\s*(?:ETHTOOL_(?:A|MSG)_)(\w+)", body, re.MULTILINE)
    return {word.lower(): number for number, word in enumerate(words)}


@pytest.mark.skipif(not HEADER.exists(), reason="needs the kernel's headers")
@pytest.mark.parametrize("group", MESSAGES)
def test_numbers_are_those_of_the_header(group: str) -> None:
    """Attributes and commands are numbered as the kernel does."""
    known = MESSAGES[group]
    numbers = enumerated(f"A_{group.upper()}")
    for word, number in known.values.items():
        name = OTHERWISE.get(word, word.replace("frames", "max_frames") if group == "coalesce" else word)
        name = word if word.startswith("tx_aggr") else name
        name = f"{name}_count" if group == "channels" else name
        if f"{group}_{name}" in numbers or not word.startswith("tx_aggr"):  # older headers lack these
            assert numbers[f"{group}_{name}"] == number, word
    assert all(numbers[f"{group}_{word}_max"] == number for word, number in known.most.items())
    commands = enumerated("MSG_USER")
    assert (commands[f"{group}_get"], commands[f"{group}_set"]) == (known.get, known.set)


def test_a_device_without_any() -> None:
    """The loopback device has none of them, and that is no error."""
    with EthtoolSocket() as kernel:
        assert [kernel.read("lo", group) for group in MESSAGES] == [({}, {})] * len(MESSAGES)
