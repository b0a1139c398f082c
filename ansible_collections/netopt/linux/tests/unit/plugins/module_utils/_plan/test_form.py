# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan may write in two ways reaches the parts of a target in one."""

from __future__ import annotations

from copy import deepcopy

from ansible_collections.netopt.linux.plugins.module_utils._plan.form import one_form


def test_one_form() -> None:
    """Single ports become lists, what is null is left out, and a second name becomes the first; the plan stays."""
    match = {"proto": None, "dports": "443"}
    plan = {
        "iface": "eth0",
        "profile": None,
        "validation": {"duration_s": 5},
        "changes": {
            "mtu": None,
            "offloads": {"gro": None, "gso": True},
            "dscp": [{"match": match, "dscp": 46}],
            "htb_classes": [
                {"classid": "1:10", "rate_mbit": 5, "match": [{"sports": 53, "dports": ["1-9"]}]},
                {"classid": "1:20", "rate_mbit": 5, "match": None},
            ],
        },
    }
    assert one_form(plan) == {
        "iface": "eth0",
        "validate": {"duration_s": 5},
        "changes": {
            "mtu": None,
            "offloads": {"gro": None, "gso": True},
            "dscp": [{"match": {"dports": ["443"]}, "dscp": 46}],
            "htb_classes": [
                {"classid": "1:10", "rate_mbit": 5, "match": [{"sports": [53], "dports": ["1-9"]}]},
                {"classid": "1:20", "rate_mbit": 5},
            ],
        },
    }
    assert match == {"proto": None, "dports": "443"}
    assert one_form({"iface": "eth0"}) == {"iface": "eth0"}
    named = {"name": "web", "iface": "eth0", "changes": {"mtu": None, "sysctl": {"a.b": None, "a.c": "1"}}}
    assert one_form(named)["changes"] == {"sysctl": {"a.c": "1"}}


def test_what_is_in_that_form_is_not_copied() -> None:
    """Classes that need nothing are the very same ones, however many; the plan that was given stays as it was."""
    classes = [{"classid": f"1:{number:x}", "rate_mbit": 1, "match": [{"dst": "10.0.0.1"}]} for number in range(2, 9)]
    plan = {"iface": "eth0", "changes": {"htb_classes": classes}}
    assert all(one is other for one, other in zip(one_form(plan)["changes"]["htb_classes"], classes))
    classes[3]["match"] = [{"dports": 80}, {"dscp": "EF"}]
    before = deepcopy(plan)
    found = one_form(plan)["changes"]["htb_classes"]
    assert [one is other for one, other in zip(found, classes)] == [True, True, True, False, True, True, True]
    assert found[3]["match"] == [{"dports": [80]}, {"dscp": 46}]
    assert plan == before
