# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several intents as one."""

from __future__ import annotations

from ansible_collections.netopt.linux.plugins.module_utils._common.intents import Intents, together
from ansible_collections.netopt.linux.plugins.module_utils._link.subsystem import Intent

ONE, OTHER, NOTHING = Intent(ifaces=("eth0", "eth1"), mtu=1400), Intent(ifaces=("wan0",), mtu=1300), Intent()


def test_one_stands_for_itself() -> None:
    """An intent alone needs nothing around it, and asks the same of each interface."""
    assert together([ONE]) is ONE
    assert ONE.parts == (ONE,)
    assert ONE.of("eth1") is ONE


def test_several() -> None:
    """Each interface is asked what its part asks; nothing is asked where no part does."""
    every = together([ONE, OTHER])
    assert list(every) == [ONE, OTHER]
    assert every.ifaces == ("eth0", "eth1", "wan0")
    assert every.of("wan0") is OTHER
    assert bool(every) is True
    assert bool(together([NOTHING, NOTHING])) is False
    assert bool(Intents(())) is False
