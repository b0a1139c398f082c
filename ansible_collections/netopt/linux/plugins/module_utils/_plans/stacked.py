# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refuses an MTU below one that another plan wants on top of it: the kernel lowers that without a word. Pure."""

from __future__ import annotations

from typing import Any, Mapping

from .._common.errors import NetoptError
from .compose import MTU
from .conflicts import plan_text
from .record import InForce

FOLLOW = ("vlan", "macvlan", "macvtap", "ipvlan", "ipvtap")  # their MTU is that of the device below at most


def refuse_mtu_below(record: InForce, interfaces: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse plans of which one wants a larger MTU than another one leaves below it.

    Args:
        record: what is to be in force.
        interfaces: facts by name; ``upper`` is ``{name: kind}`` of what stands on an interface.

    Raises:
        NetoptError: names both interfaces, both plans and both values.
    """
    wanted = {iface: one for one in record.sections if one.field == MTU for iface in one.ifaces}
    for iface, below in wanted.items():
        for name, kind in ((interfaces.get(iface) or {}).get("upper") or {}).items():
            above = wanted.get(name)
            if above is not None and kind in FOLLOW and int(above.said) > int(below.said):
                raise NetoptError(
                    f"{above.path} of {name}: {plan_text(above.plan)} wants {above.said}, and {plan_text(below.plan)} "
                    f"{below.said} for {iface} below it",
                    stage="plan",
                    key=above.path,
                    wanted=f"{above.said} or more for {iface}",
                    hint=f"The kernel lowers the MTU of {name} together with that of {iface}. Lower the MTU of {name} "
                    f"first, or leave more to {iface}. Nothing was changed.",
                )
