# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Words of ethtool for a plan: features, rings, coalescing, channels and pause frames."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from mcp_bridge.collection.feature_names import is_known, plan_name
from mcp_bridge.collection.nic_words import MAX, NIC_NAMES

from .found import Setting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .found import Found, Place

_WORDS = {"on": True, "off": False, "1": True, "0": False, "true": True, "false": False}


def _pairs(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Return words two by two; the last one has nothing where a variable of the script was empty."""
    return zip_longest(words[::2], words[1::2], fillvalue="nothing")


def take_features(words: Sequence[str], place: Place, text: str, ifaces: tuple[str, ...], found: Found) -> None:
    """Take in pairs of features and on or off, ``gro on lro off``."""
    for name, word in _pairs(words):
        if is_known(name) and word in _WORDS:
            found.set(Setting(("offloads", plan_name(name)), _WORDS[word], place, text), ifaces)
        else:
            found.leave_out(place, text, f"No plan sets the feature {name} to {word}.")


def take_queues(
    group: str, words: Sequence[str], place: Place, text: str, ifaces: tuple[str, ...], found: Found
) -> None:
    """Take in pairs of ethtool's words, ``rx 1024 tx 512``, for a group of ``nic``."""
    for name, said in _pairs(words):
        word = name.replace("-", "_")
        wanted = int(said) if said.isdecimal() else MAX if said == MAX else _WORDS.get(said)
        if f"{group}.{word}" in NIC_NAMES and wanted is not None:
            found.set(Setting(("nic", group, word), wanted, place, text), ifaces)
        else:
            found.leave_out(place, text, f"No plan sets {name} of {group} to {said}.")
