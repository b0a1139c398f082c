# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a file or folder as the server does: ``load_program.py access|policy|document PATH``."""

from __future__ import annotations

import sys
from pathlib import Path

from mcp_bridge.access.loader import load_access
from mcp_bridge.policy import load_policy
from mcp_bridge.policy.yaml_file import Document

READERS = {"access": load_access, "policy": load_policy, "document": Document}

READERS[sys.argv[1]](Path(sys.argv[2]))
