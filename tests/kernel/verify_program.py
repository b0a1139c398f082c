# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compares a host with all that its checkpoints hold, and prints what differs, as JSON."""

from __future__ import annotations

import json

from ansible_collections.netopt.linux.plugins.module_utils._checkpoint.store import Store
from ansible_collections.netopt.linux.plugins.module_utils._drift.verify import verify
from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Tools

print(json.dumps([one.as_dict() for one in verify(Store(), Tools()).drift]))
