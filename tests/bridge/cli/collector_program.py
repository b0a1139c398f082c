# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints after how many objects Python looks for garbage: as it starts, once netopt was called, and as netopt alone."""

from __future__ import annotations

import gc
import json
import sys

from mcp_bridge.cli import main

found = [gc.get_threshold()[0]]
sys.argv[1:] = ["--version"]
for words in (["--version"], None):
    main(words)
    found.append(gc.get_threshold()[0])
print(json.dumps(found))
