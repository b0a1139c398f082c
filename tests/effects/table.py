# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of effects: rows of each part of a plan, collected from files of their own."""

from __future__ import annotations

from tests.effects import (
    beside_rows,
    class_rows,
    crossed_rows,
    device_rows,
    ingress_rows,
    limit_rows,
    machine_rows,
    mark_rows,
    nft_rows,
    own_kernel_rows,
    sender_rows,
    sysctl_rows,
)
from tests.effects.row import batches

ROWS = (
    *nft_rows.ROWS,
    *crossed_rows.CROSSED,
    *class_rows.ROWS,
    *ingress_rows.ROWS,
    *limit_rows.ROWS,
    *mark_rows.ROWS,
    *sysctl_rows.ROWS,
    *device_rows.ROWS,
    *beside_rows.ROWS,
    *own_kernel_rows.ROWS,
    *sender_rows.ROWS,
    *machine_rows.ROWS,
)
BATCHES = batches(ROWS)
