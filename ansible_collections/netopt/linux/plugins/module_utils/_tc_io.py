# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Traffic control on the kernel: the four functions that every subsystem has, and ``force``."""

from __future__ import annotations

from ._tc_observe_io import observe
from ._tc_perform_io import perform
from ._tc_rehearse_io import force, settle

__all__ = ["force", "observe", "perform", "settle"]
