# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refuses MTUs of two plans of which the kernel would change one along with the other, without a word. Pure."""

from __future__ import annotations

from typing import Any, Mapping

from .._common.errors import NetoptError
from .._link.followers import BONDS, CAPPED
from .compose import MTU
from .conflicts import plan_text
from .record import InForce, Section


def refuse_mtu_below(record: InForce, interfaces: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse plans of which one wants a larger MTU than another one leaves below it, or another one than its bond has.

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
            if above is None:
                continue
            if kind in CAPPED and int(above.said) > int(below.said):
                raise _refusal(
                    f"{above.path} of {name}: {plan_text(above.plan)} wants {above.said}, and {plan_text(below.plan)} "
                    f"{below.said} for {iface} below it",
                    above,
                    wanted=f"{above.said} or more for {iface}",
                    hint=f"The kernel lowers the MTU of {name} together with that of {iface}. Lower the MTU of {name} "
                    f"first, or leave more to {iface}.",
                )
            if kind in BONDS and int(above.said) != int(below.said):
                raise _refusal(
                    f"{below.path} of {iface}: {plan_text(below.plan)} wants {below.said}, and {plan_text(above.plan)} "
                    f"{above.said} for {name}, whose port it is",
                    below,
                    wanted=f"{above.said} for {iface} too",
                    hint=f"The kernel gives the MTU of {name} to all its ports. Set it for {name} alone.",
                )


def _refusal(message: str, section: Section, *, wanted: str, hint: str) -> NetoptError:
    hint = f"{hint} Nothing was changed."
    return NetoptError(message, stage="plan", key=section.path, wanted=wanted, hint=hint)
