# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan as text: a truthful preview, bound to the plan by its digest."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .base import Strict
from .plan import ParameterPlan


class RenderedPlan(Strict):
    """The commands that lead to the state that the plan asks for.

    Run by hand with bash in an empty network namespace, they yield the kernel state that the modules
    make, and running them twice is harmless. Applying never executes this text: it renders the plan
    again and refuses when the digest differs.
    """

    sysctl_cmds: list[str] = []
    """Commands that set kernel parameters."""
    tc_script: str = ""
    """Shell script of tc commands."""
    nft_script: str = ""
    """Shell script that hands a ruleset to nft."""
    ethtool_cmds: list[str] = []
    """Commands that set interface features."""
    ip_link_cmds: list[str] = []
    """Commands that set link properties."""
    plan: ParameterPlan
    """The normalised plan."""
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """SHA-256 over canonical JSON of the plan and the text above, hexadecimal."""
    warnings: list[str] = []
    """What a person should know before applying."""
