# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Has an earlier version's program apply a plan: ``earlier_program.py ARCHIVE MODULE``, what is asked as JSON."""

from __future__ import annotations

import importlib
import json
import sys

sys.path.insert(0, sys.argv[1])
entry = importlib.import_module(sys.argv[2])
print(json.dumps(entry.run(json.load(sys.stdin), check=False, diff=False)["report"]))
