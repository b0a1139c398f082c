# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The effect of a plan is gone once the plan is."""

from __future__ import annotations

import os

import pytest

from tests.effects.lab import lab
from tests.effects.sender_rows import BY_ADDRESS, MASQUERADE, MET, REST, UNSHAPED, classes
from tests.effects.traffic import PASSING, class_of
from tests.kernel.transaction_host import IFACE

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root")]


def test_classes_by_sender() -> None:
    """Packets find the class of their sender until the plan is removed or replaced, behind a masquerade that stays."""
    with lab() as made:
        for name, changes in (("nat", MASQUERADE), ("tree", classes(BY_ADDRESS))):
            report = made.machine.ask(plan={"name": name, "iface": IFACE, "changes": changes})
            assert report["status"] == "applied", report["error"]
        assert class_of(PASSING)(made) == MET
        other = {"name": "tree", "iface": IFACE, "changes": classes({"dports": ["1"]})}
        assert made.machine.ask(plan=other)["status"] == "applied"
        assert class_of(PASSING)(made) == REST
        assert made.machine.ask(remove=["tree"])["status"] == "applied"
        assert class_of(PASSING)(made) == UNSHAPED
