# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host knows of netem and mq: which fields need which, how much is lost, how many classes there may be."""

from __future__ import annotations

from ansible_collections.netopt.linux.plugins.module_utils._tc.netem import CLASSES_MAX, lost_pct, unmet
from ansible_collections.netopt.linux.plugins.module_utils._tc.queue_trees import CLASSES_MAX as QUEUE_CLASSES_MAX

__all__ = ["CLASSES_MAX", "QUEUE_CLASSES_MAX", "lost_pct", "unmet"]
