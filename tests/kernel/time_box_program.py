# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leaves a change behind whose first half ends after a second; kernel parameters stand for netem."""

from __future__ import annotations

import time

from ansible_collections.netopt.linux.plugins.module_utils._checkpoint.model import CONFIRMED, Content, Header
from ansible_collections.netopt.linux.plugins.module_utils._checkpoint.store import Store, boot_id, now_utc
from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Tools
from ansible_collections.netopt.linux.plugins.module_utils._subsystems.table import TABLE
from ansible_collections.netopt.linux.plugins.module_utils._transaction.rehearse import resolve
from ansible_collections.netopt.linux.plugins.module_utils._transport.restore_archive import restore_archive
from tests.kernel.intents import intents_of

FIN, SYN = "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_max_syn_backlog"

tools = Tools()
intents = intents_of({"sysctl": {FIN: "15", SYN: "1000"}}, ())
scopes = {"sysctl": TABLE["sysctl"].pure.scope(intents["sysctl"])}
before = {"sysctl": TABLE["sysctl"].kernel.observe(scopes["sysctl"], tools)}
after = resolve(intents, before, tools)
calm = resolve(intents_of({"sysctl": {FIN: "60", SYN: "1000"}}, ()), before, tools)
for operation in TABLE["sysctl"].pure.operations(before["sysctl"], after["sysctl"]):
    TABLE["sysctl"].kernel.perform(operation, tools)
Store().create(
    Header(
        id="boxed",
        sequence=1,
        created=now_utc(),
        boot_id=boot_id(),
        status=CONFIRMED,
        ends_at=time.monotonic() + 1,
    ),
    Content(scopes=scopes, before=before, after=after, ending=calm),
    restore_archive(),
)
