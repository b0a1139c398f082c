# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``netopt adopt`` makes of a host of ``transaction_host``, without a way there."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from mcp_bridge.adopt.hosts import checked, from_host

if TYPE_CHECKING:
    from mcp_bridge.adopt.found import LeftOut
    from mcp_bridge.adopt.plans import Adopted
    from mcp_bridge.policy import Policy
    from tests.kernel.transaction_host import Host

INFO = (sys.executable, "-m", "tests.kernel.info_program")


def adopted(host: Host, policy: Policy, *, iface: str = "auto") -> tuple[list[Adopted], list[LeftOut]]:
    """Return the plans that say what a host holds, and what none of them says."""
    told = json.loads(host.run(*INFO))
    assert told["problems"] == []
    info = told["info"]
    return from_host(checked(info["beyond_defaults"]), info["devices"], policy, iface=iface, name="found")
