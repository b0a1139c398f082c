# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""MTUs that the kernel changes along with another one come back, for every kind of stack, on a kernel that has them."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.kernel.followers_program import KINDS
from tests.own_kernel import answer_of

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.long,
    pytest.mark.skipif(os.geteuid() != 0, reason="user-mode Linux needs root"),
]
ALWAYS = {"vlan", "vlan on vlan", "bridge", "bond"}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what ``followers_program`` prints there."""
    return answer_of("tests.kernel.followers_program", tmp_path_factory.mktemp("followers"))


@pytest.mark.parametrize("kind", KINDS)
def test_two_plans_on_a_stack(found: dict[str, Any], kind: str) -> None:
    """In whatever order two plans come and go, the one that stays holds, and in the end all is as in the beginning."""
    if kind not in found and kind not in ALWAYS:
        pytest.skip(f"this kernel has no {kind}")
    for order, seen in found[kind].items():
        assert seen["errors"] == [], order
        assert seen["after"] == seen["before"], order
        iface, mtu = KINDS[kind][1][order.split()[3]]
        assert seen["between"][iface] == mtu, order
