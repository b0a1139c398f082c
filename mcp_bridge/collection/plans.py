# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan's text, digest and allowlist, plans that contradict one another, and a profile's values for one host."""

from __future__ import annotations

from ansible_collections.netopt.linux.plugins.module_utils._host.command_allowlist import ALLOWLIST
from ansible_collections.netopt.linux.plugins.module_utils._plan.form import digest_of
from ansible_collections.netopt.linux.plugins.module_utils._plans.change import refuse_together
from ansible_collections.netopt.linux.plugins.module_utils._subsystems.render import (
    TEXT_FIELDS,
    digest,
    render,
)
from ansible_collections.netopt.linux.plugins.module_utils._sysctl.subsystem import CONNECTION_TRACKING
from ansible_collections.netopt.linux.plugins.module_utils._transaction.adapt_profile import adapt

__all__ = [
    "ALLOWLIST",
    "CONNECTION_TRACKING",
    "TEXT_FIELDS",
    "adapt",
    "digest",
    "digest_of",
    "refuse_together",
    "render",
]
