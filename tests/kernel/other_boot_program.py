# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Has a checkpoint come from an earlier boot: ``python -m tests.kernel.other_boot_program ID``."""

from __future__ import annotations

import sys
from dataclasses import replace

from ansible_collections.netopt.linux.plugins.module_utils._checkpoint.store import Store

store = Store()
store.update(replace(store.header(sys.argv[1]), boot_id="another"))
