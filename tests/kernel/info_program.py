# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints what netopt_info tells of this host for ``netopt adopt``, as JSON."""

from __future__ import annotations

import json
import sys

from ansible_collections.netopt.linux.plugins.module_utils._modules.info import BEYOND_DEFAULTS, DEVICES, run

if __name__ == "__main__":
    options = {"gather": [BEYOND_DEFAULTS, DEVICES], "iface": [], "sysctl": []}
    sys.stdout.write(json.dumps(run(options, check=False, diff=False)))
