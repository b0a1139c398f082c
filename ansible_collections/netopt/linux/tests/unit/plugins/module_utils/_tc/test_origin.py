# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an interface's tree was before any plan, and how it gets that again."""

from __future__ import annotations

from typing import Any

from ansible_collections.netopt.linux.plugins.module_utils._common.intents import together
from ansible_collections.netopt.linux.plugins.module_utils._tc.intent import Intent
from ansible_collections.netopt.linux.plugins.module_utils._tc.objects import INGRESS, ROOT, TcObject, ifb_name
from ansible_collections.netopt.linux.plugins.module_utils._tc.origin import claims, give_back, remember

QUEUE = TcObject("qdisc", "pfifo", 0x70000, ROOT, options=b"").as_dict()
HOOK = TcObject("qdisc", "ingress", 0xFFFF0000, INGRESS, options=b"").as_dict()
DEVICE = {"default": False, "objects": [], "link": {"kind": "ifb"}}
STATE: dict[str, Any] = {
    "interfaces": {
        "eth0": {"default": False, "objects": [QUEUE, HOOK]},
        "wan0": {"default": True, "objects": []},
        ifb_name("eth0"): DEVICE,
    }
}
EGRESS = Intent(ifaces=("wan0",), qdisc={"type": "fq_codel", "params": {}})
BOTH = Intent(ifaces=("eth0",), shaper={"egress_mbit": 9, "ingress_mbit": 9})


def test_claims_and_origins() -> None:
    """Root and ingress are kept apart, the latter with our device."""
    kept = remember(together([BOTH, EGRESS]), STATE)
    assert claims(together([BOTH, EGRESS])) == set(kept)
    assert kept == {
        "eth0 root": {"default": False, "objects": [QUEUE]},
        "eth0 ingress": {"hook": {"objects": [HOOK]}, "device": DEVICE},
        "wan0 root": {"default": True, "objects": []},
    }


def test_give_back() -> None:
    """The part that nobody claims any more is as before; the other stays asked for."""
    kept = remember(together([BOTH, EGRESS]), STATE)
    assert give_back(BOTH, {}, kept) is BOTH
    egress = Intent(ifaces=("eth0",), shaper={"egress_mbit": 9})
    found = give_back(egress, {name: kept[name] for name in ("eth0 ingress", "wan0 root")}, {})
    assert found.of("eth0").former_hook == kept["eth0 ingress"]
    assert found.of("eth0").shaper == {"egress_mbit": 9}
    assert found.of("eth0").former_root is None
    assert found.of("wan0") == Intent(ifaces=("wan0",), former_root=kept["wan0 root"])
