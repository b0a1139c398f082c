# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Applies changes on the machine that it runs on, struck where asked, and prints the report; all of it as JSON."""

from __future__ import annotations

import json
import sys

from tests.faults.engine import Strike, applying

asked = json.load(sys.stdin)
strike = Strike(**asked.pop("strike")) if "strike" in asked else None
print(json.dumps(applying(asked.pop("changes"), strike=strike, **asked)()))
