# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judges a plan as the playbook's first task does, and prints which packages that has imported, as JSON."""

from __future__ import annotations

import json
import sys

before = set(sys.modules)

from ansible_collections.netopt.linux.plugins.plugin_utils._policy import judge  # noqa: E402 - what it brings is asked

judge({"iface": "auto", "profile": "server"}, digest=None)
print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - before})))
