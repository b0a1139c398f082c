# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What netem spares, and the class of what leaves by a VLAN, on a kernel of its own that has both."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.effects.netem_program import FRAMES, PLANS, SENT
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


def test_a_vlan_on_top_meets_the_class(found: dict[str, Any]) -> None:
    """What leaves by a VLAN on top of the interface falls into the class of its port."""
    assert found["vlan"]["1:10"] == SENT
