# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Serves throughput measurements for a second, as a module does: ``serve_program.py PORT``."""

from __future__ import annotations

import sys

from ansible_collections.netopt.linux.plugins.module_utils._probe.iperf_server import serve

serve({"serve_port": int(sys.argv[1]), "duration_s": 1})
