# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What netem spares, and the class of what leaves by a VLAN, on a kernel of its own that has both."""

from __future__ import annotations

import os
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._tc.netem import lost_pct
from tests.effects.netem_program import (
    DELAY_MS,
    FRAMES,
    JITTER_MS,
    MODELS,
    PLANS,
    RATE_MBIT,
    RATED,
    SENT,
    SOME,
    SPREADS,
)
from tests.own_kernel import answer_of

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="user-mode Linux needs root")]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what ``netem_program`` prints there."""
    return answer_of("tests.effects.netem_program", tmp_path_factory.mktemp("netem"))


@pytest.mark.parametrize("name", PLANS)
def test_netem_spares_ssh_alone(found: dict[str, Any], name: str) -> None:
    """Where all packets are lost, the answers of ssh arrive, with a tag as well, and nothing else does."""
    assert found["netem"][name] == {kind: SENT if "ssh" in kind else 0 for kind in FRAMES}


@pytest.mark.parametrize("name", SOME)
def test_netem_for_some_packets(found: dict[str, Any], name: str) -> None:
    """A match, or a class, has netem meet its packets alone; ssh is spared unless it is named."""
    met = {
        "udp": {"udp", "udp over IPv6"},
        "udp over IPv6": {"udp over IPv6"},
        "a port below tbf": {"another port"},
        "ssh by name": {"ssh", "ssh over IPv6", "ssh in a VLAN"},
        "ssh by its class": {"ssh", "ssh over IPv6", "ssh in a VLAN"},
        "udp in classes": {"udp", "udp over IPv6"},
        "udp by its class": {"udp", "udp over IPv6"},
    }.get(name, {"another port"})
    assert found["some"][name] == {kind: 0 if kind in met else SENT for kind in FRAMES}


@pytest.mark.parametrize("name", SPREADS)
def test_jitter_follows_its_distribution(found: dict[str, Any], name: str) -> None:
    """None is below a uniform jitter, some are below a normal one, some far above a Pareto one; after a restore too."""
    delays = found["delays"][name]
    early = sum(each < DELAY_MS - 1.2 * JITTER_MS for each in delays)
    late = sum(each > DELAY_MS + 1.5 * JITTER_MS for each in delays)
    if "pareto" in name:
        assert late
    else:
        assert bool(early) is name.startswith("normal"), (early, late)


@pytest.mark.parametrize("name", MODELS)
def test_models_lose_what_is_reckoned(found: dict[str, Any], name: str) -> None:
    """The share that a model of loss is judged by is what it loses."""
    assert found["lost"][name] == pytest.approx(lost_pct({"loss_model": MODELS[name]}), abs=4)


def test_rate(found: dict[str, Any]) -> None:
    """An emulated link passes nothing faster than its rate."""
    assert found["rated"] >= 0.95 * (RATED - 1) * 1000 * 8 / (RATE_MBIT * 1e6)


def test_a_vlan_on_top_meets_the_class(found: dict[str, Any]) -> None:
    """What leaves by a VLAN on top of the interface falls into the class of its port."""
    assert found["vlan"]["1:10"] == SENT


def test_a_bond_on_top_meets_the_class(found: dict[str, Any]) -> None:
    """What leaves by a bond falls into the class of its port at the member that it leaves by, all else does not."""
    assert found["bond"]["1:10"] == SENT
    assert found["bond"]["1:fffe"] >= SENT
