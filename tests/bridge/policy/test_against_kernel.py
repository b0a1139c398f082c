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
from mcp_bridge.policy import load_policy

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
    keys = sorted(key for key in cards if _file(key).exists() and key not in SINCE_6_8)
    found = _in_namespace(keys)
    assert found == {key: cards[key].effect.namespaced for key in keys}


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
