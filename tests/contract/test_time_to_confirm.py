# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bounds of the time to confirm are the same wherever it is asked for."""

from __future__ import annotations

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._checkpoint.model import CONFIRM_TIMEOUT_S, check_timeout
from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from mcp_bridge.policy import load_policy


def test_policy_and_hosts_have_the_same_bounds() -> None:
    """What the policy lets through a host does not refuse."""
    limits = load_policy().validation_limits
    shipped = (limits.confirm_timeout_min_s, limits.confirm_timeout_max_s)
    assert shipped == CONFIRM_TIMEOUT_S


@pytest.mark.parametrize("seconds", [4.9, 86400.5, -1, float("nan")])
def test_time_out_of_bounds_is_refused(seconds: float) -> None:
    """The refusal names the option and the bounds."""
    with pytest.raises(NetoptError, match=r"confirm_timeout_s is .*, wanted 5 to 86400 s"):
        check_timeout(seconds)


@pytest.mark.parametrize("seconds", [5, 120.5, 86400])
def test_time_within_bounds_is_taken(seconds: float) -> None:
    """The bounds belong to it."""
    assert check_timeout(seconds) == seconds
