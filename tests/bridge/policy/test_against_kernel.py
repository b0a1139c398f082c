# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the cards and profiles say about namespaces, held against the kernel that runs the tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._host.scratch_namespace import (
    ScratchUnavailableError,
    in_scratch_namespace,
)
from ansible_collections.netopt.linux.plugins.module_utils._transaction.adapt_profile import adapt
from mcp_bridge.models.changes import Changes
from mcp_bridge.policy import Range, load_policy
from mcp_bridge.policy.sysctl_keys import canonical, refused

SINCE_6_8 = {"net.core.optmem_max"}  # per namespace on recent kernels only; the card says so


def _file(key: str) -> Path:
    return Path("/proc/sys") / key.replace(".", "/")


def _writable(keys: list[str]) -> dict[str, bool]:
    """Return which keys take their own value back in this namespace."""
    found = {}
    for key in keys:
        try:
            with _file(key).open("r+", encoding="ascii") as file:
                value = file.read()
                file.seek(0)
                file.write(value)
        except OSError:
            found[key] = False
        else:
            found[key] = True
    return found


def _in_namespace(keys: list[str]) -> dict[str, bool]:
    """Return the same for a new network namespace, or skip the test where there can be none."""
    if os.geteuid() != 0:
        pytest.skip("needs root to make a network namespace")
    try:
        result: dict[str, bool] = in_scratch_namespace(lambda: _writable(keys))
    except ScratchUnavailableError as error:
        pytest.skip(f"no network namespaces here: {error}")
    return result


def test_cards_know_what_is_per_namespace() -> None:
    """Each key that this kernel has is writable in a namespace exactly when its card says so."""
    cards = load_policy().sysctl_cards
    places = {key: key.replace("{iface}", "lo") for key in cards if key not in SINCE_6_8}
    there = {key: place for key, place in places.items() if _file(place).exists()}
    found = _in_namespace(sorted(there.values()))
    wrong = [key for key, place in there.items() if found[place] != cards[key].effect_of(key).namespaced]
    assert wrong == []


BOUND_BY_ANOTHER = ("_thresh", "unprivileged_port_start")


def _not_taken(ranges: dict[str, Range]) -> tuple[int, list[str]]:
    """Return how many keys were tried in this namespace, and the bounds that it does not take."""
    tried, wrong = 0, []
    for key, span in ranges.items():
        file = _file(key.replace("{iface}", "lo"))
        if not file.exists() or not os.access(file, os.W_OK):
            continue
        tried += 1
        before = file.read_text(encoding="ascii")
        for number in (span.min, span.max):
            try:
                file.write_text(str(number), encoding="ascii")
            except OSError:
                wrong.append(f"{key}={number}")
        file.write_text(before, encoding="ascii")
    return tried, wrong


def test_the_kernel_takes_what_cards_allow() -> None:
    """Both bounds of each number are taken, but for keys that bound one another."""
    policy = load_policy()
    spans = {key: policy.limits.at(f"sysctl.{key}") for key in policy.sysctl_cards}
    ranges = {
        key: span
        for key, span in spans.items()
        if span and span.type == "int" and not key.endswith(BOUND_BY_ANOTHER) and policy.effect_of(key).namespaced
    }
    _in_namespace([])
    tried, wrong = in_scratch_namespace(lambda: _not_taken(ranges))
    assert tried > 100
    assert wrong == []


def test_every_key_of_this_kernel_has_a_card() -> None:
    """Whatever lies below net on the kernel that runs the tests can be set by a plan, or is refused for a reason."""
    policy = load_policy()
    tree = Path("/proc/sys")
    keys = [canonical(str(path.relative_to(tree))) for path in (tree / "net").rglob("*") if path.is_file()]
    assert len(keys) > 100
    assert [key for key in keys if policy.card_of(key) is None and refused(key) is None] == []


@pytest.mark.parametrize("name", sorted(load_policy().profiles))
def test_profiles_apply_in_a_namespace(name: str) -> None:
    """What is left of a profile in a namespace can be written there and reads back as wanted."""
    policy = load_policy()
    changes = Changes.model_validate(policy.profiles[name].changes).dump()
    facts = {"initial_netns": False, "memory_mb": 8192, "cpus": 4, "kernel_version": [6, 1], "sysctl": {}}
    wanted = adapt(changes, policy.rules.adaptations_for(name), facts, "eth0").changes["sysctl"]
    present = {key: value for key, value in wanted.items() if _file(key).exists()}
    assert present

    def write() -> dict[str, str]:
        for key, value in present.items():
            _file(key).write_text(value, encoding="ascii")
        return {key: " ".join(_file(key).read_text(encoding="ascii").split()) for key in present}

    _in_namespace([])
    assert in_scratch_namespace(write) == present
