# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rolls a change back on the machine that it runs on, with a signal at a call: ``ID SIGNAL CALL``."""

from __future__ import annotations

import json
import sys

from tests.faults.engine import Strike, restoring

print(json.dumps(restoring(sys.argv[1], strike=Strike(number=int(sys.argv[2]), call=sys.argv[3]))()))
