# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes an impairment with an end where no namespace can be made, waits for the end, and prints what was seen."""

from __future__ import annotations

import json

from tests.kernel.transaction_host import transaction_host
from tests.waiting import until

CHANGES = {"qdisc": {"type": "fq_codel", "params": {}}, "netem": {"delay_ms": 5, "duration_s": 6}}
SHOW = "tc qdisc show dev eth0"

with transaction_host(may_make_namespaces=False) as host:
    before = host.view()
    report = host.apply(CHANGES, labels=["netem"], checkpoint_id="one")
    during = host.shell(SHOW)
    until(lambda: "netem" not in host.shell(SHOW), 60, "the end of the impairment", every_s=0.5)
    after = host.shell(SHOW)
    undone = host.checkpoint("restored", id="one")["report"]
    seen = {"report": report, "during": during, "after": after}
    print(json.dumps({**seen, "undone": undone["status"], "told": undone["warnings"], "same": host.view() == before}))
