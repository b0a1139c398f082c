# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan with a link: what the profile makes of it, on a host too, and what it is refused for."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from mcp_bridge.access.authorize import cards_of
from mcp_bridge.collection import plans
from mcp_bridge.errors import PlanError
from mcp_bridge.hosts import profile_plans
from mcp_bridge.models import Issue
from mcp_bridge.planning import planner
from mcp_bridge.planning.checked_plan import CheckedPlan, check
from mcp_bridge.policy import Policy, load_policy
from mcp_bridge.policy.errors import PolicyError
from mcp_bridge.policy.loader import policy_directory
from mcp_bridge.validator import profile_changes, validate

HOME = {"up_mbit": 20, "down_mbit": 100}
SHAPER = {"egress_mbit": 19, "ingress_mbit": 90}  # 95 % of what leaves, 90 % of what arrives
WITH_CAKE: dict[str, Any] = {
    "initial_netns": True,
    "virtualization": "none",
    "cpus": 4,
    "qdiscs": {"cake": True},
    "interfaces": {"eth0": {"type": "ethernet"}},
}
WITHOUT_CAKE = {**WITH_CAKE, "qdiscs": {"cake": False}}
FQ_CODEL = {"type": "fq_codel", "params": {}}


@pytest.fixture(scope="module")
def policy() -> Policy:
    """Return the shipped policy."""
    return load_policy()


def made(policy: Policy, profile: str = "gaming", **more: Any) -> CheckedPlan:
    """Return a plan with a profile, checked."""
    return check({"iface": "eth0", "profile": profile, **more}, policy)


def on_host(checked: CheckedPlan, facts: dict[str, Any], link: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the changes of a plan as they fit a host, whose inventory tells of an uplink or of none."""
    inputs = checked.target_inputs
    told = inputs.plan.get("link") or link
    return plans.adapt(inputs.plan["changes"], inputs.adaptations, facts, "eth0", link=told).changes


def issues(policy: Policy, plan: dict[str, Any]) -> list[Issue]:
    """Return what is wrong with a plan."""
    return validate({"iface": "eth0", **plan}, policy).issues


@pytest.mark.parametrize("profile", ["gaming", "streaming", "video_calls", "bulk_transfer", "server"])
def test_both_ways_below_the_rates(policy: Policy, profile: str) -> None:
    """What leaves and what arrives is shaped by cake below the link's rates; all else is as without a link."""
    changes = made(policy, profile, link=HOME).rendered.plan.changes.dump()
    assert changes["shaper"] == SHAPER
    assert changes["qdisc"]["type"] == changes["ingress"]["qdisc"]["type"] == "cake"
    assert set(cards_of(changes, policy)) <= set(policy.profiles[profile].active_cards)  # whoever may use it may do so
    usual = profile_changes(policy.profiles[profile], policy)
    assert {field: changes.get(field) for field in usual if field != "qdisc"} == {
        field: value for field, value in usual.items() if field != "qdisc"
    }


def test_the_text_shows_it(policy: Policy) -> None:
    """The commands are there to be seen before anything is applied, overhead and all; nothing is warned of."""
    checked = made(policy, link={**HOME, "overhead_bytes": 18})
    assert "cake bandwidth 19mbit diffserv4 nat overhead 18" in checked.rendered.tc_script
    assert "cake bandwidth 90mbit besteffort nat overhead 18 ingress" in checked.rendered.tc_script
    assert issues(policy, {"profile": "gaming", "link": HOME}) == []


def test_canonical(policy: Policy) -> None:
    """A plan that was normalised is normal, and has the digest that it had."""
    for changes in ({}, {"mtu": 1400}, {"qdisc": FQ_CODEL}, {"htb_classes": [{"classid": "1:10", "rate_mbit": 5}]}):
        checked = made(policy, link=HOME, changes=changes)
        assert check(checked.rendered.plan, policy).digest == checked.digest


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({"qdisc": FQ_CODEL}, {"qdisc": FQ_CODEL, "shaper": SHAPER}),
        ({"shaper": {"egress_mbit": 5}}, {"shaper": {"egress_mbit": 5}, "qdisc": {"type": "cake"}}),
        ({"mtu": 1400}, {"mtu": 1400, "shaper": SHAPER, "qdisc": {"type": "cake"}, "ingress": {}}),
        (
            {"htb_classes": [{"classid": "1:10", "rate_mbit": 5}]},
            {"htb_classes": [{}], "shaper": SHAPER, "ingress": {}},
        ),
    ],
)
def test_what_the_plan_says_wins(policy: Policy, own: dict[str, Any], expected: dict[str, Any]) -> None:
    """A shaper, a qdisc or classes of the plan's own stay as they are; the link adds what they leave open."""
    changes = made(policy, link=HOME, changes=own).rendered.plan.changes.dump()
    assert set(changes) == set(expected)
    assert changes.get("shaper") == expected.get("shaper")
    assert (changes.get("qdisc") or {}).get("type") == (expected.get("qdisc") or {}).get("type")


def test_without_cake(policy: Policy) -> None:
    """Where the kernel has no cake, htb shapes and fq_codel queues, both ways; the report says so."""
    checked = made(policy, link=HOME)
    found = on_host(checked, WITHOUT_CAKE)
    assert (found["qdisc"], found["ingress"]["qdisc"], found["shaper"]) == (FQ_CODEL, FQ_CODEL, SHAPER)
    inputs = checked.target_inputs
    adapted = plans.adapt(inputs.plan["changes"], inputs.adaptations, WITHOUT_CAKE, "eth0", link=HOME)
    assert any(note.startswith("no_cake: The kernel has no cake") for note in adapted.notes)
    assert on_host(checked, WITH_CAKE)["qdisc"]["type"] == "cake"


def test_without_cake_a_users_own_stays(policy: Policy) -> None:
    """Of a plan with changes of its own, a host fits what the link added and nothing else."""
    cake = {"type": "cake", "params": {"diffserv": "diffserv3"}}
    checked = made(policy, link=HOME, changes={"qdisc": cake, "sysctl": {"net.core.busy_poll": 50}})
    found = on_host(checked, {**WITHOUT_CAKE, "cpus": 2})
    assert (found["qdisc"], found["sysctl"]) == (cake, {"net.core.busy_poll": "50"})
    added = made(policy, link=HOME, changes={"sysctl": {"net.core.busy_poll": 50}})
    found = on_host(added, {**WITHOUT_CAKE, "cpus": 2})
    assert (found["qdisc"], found["sysctl"]) == (FQ_CODEL, {"net.core.busy_poll": "50"})


def test_the_inventory_tells(policy: Policy) -> None:
    """A host whose inventory tells of its uplink comes to the same as by a plan with this link."""
    bare = made(policy)
    assert on_host(bare, WITH_CAKE, HOME) == on_host(made(policy, link=HOME), WITH_CAKE)
    assert on_host(bare, WITHOUT_CAKE, HOME) == on_host(made(policy, link=HOME), WITHOUT_CAKE)
    assert "shaper" not in on_host(bare, WITH_CAKE)
    assert on_host(bare, WITH_CAKE)["qdisc"] == on_host(bare, WITHOUT_CAKE)["qdisc"] == {"type": "fq", "params": {}}


def test_the_plan_wins_over_the_inventory(policy: Policy) -> None:
    """A plan's own link counts, and what a plan takes away is not shaped."""
    assert on_host(made(policy, link=HOME), WITH_CAKE, {"up_mbit": 1, "down_mbit": 1})["shaper"] == SHAPER
    away = made(policy, changes={"shaper": None})
    assert on_host(away, WITH_CAKE, HOME).get("shaper") is None


def test_bounds_of_the_inventory(policy: Policy) -> None:
    """An uplink of the inventory keeps to the policy's bounds, as one of a plan does."""
    for link, key in (
        ({**HOME, "up_mbit": 500_000}, "netopt_link.up_mbit"),
        ({**HOME, "down_mbit": 0.008}, "netopt_link.down_mbit"),
        ({**HOME, "overhead_bytes": 300}, "netopt_link.overhead_bytes"),
    ):
        with pytest.raises(NetoptError) as caught:
            on_host(made(policy), WITH_CAKE, link)
        assert caught.value.key == key


def test_drafts(policy: Policy) -> None:
    """A plan drafted for a host has its uplink and what its kernel can do; what that lacks does not come back."""
    fitted = planner.fit("gaming", "eth0", WITHOUT_CAKE, None, policy, link=HOME)
    changes = fitted.plan.changes.dump()
    assert (changes["qdisc"], changes["shaper"]) == (FQ_CODEL, SHAPER)
    assert fitted.plan.link is not None
    assert check(fitted.plan, policy).rendered.plan == fitted.plan
    neither = {**WITHOUT_CAKE, "qdiscs": {"cake": False, "fq_codel": False}}
    fitted = planner.fit("gaming", "eth0", neither, None, policy, link=HOME)
    assert {entry.key for entry in fitted.left_out} == {"qdisc", "ingress"}
    assert (fitted.plan.link, fitted.kept) == (None, ())
    overridden = planner.fit("gaming", "eth0", WITH_CAKE, {"qdisc": FQ_CODEL}, policy, link=HOME).plan.changes.dump()
    assert (overridden["qdisc"], overridden["shaper"], overridden.get("ingress")) == (FQ_CODEL, SHAPER, None)
    with pytest.raises(PlanError):
        planner.fit("gaming", "eth0", None, None, policy, link={"up_mbit": 20})


def test_drafts_by_the_inventory(policy: Policy) -> None:
    """Hosts with other uplinks get other plans, and those without get none of it."""
    links = {"one": HOME, "two": {"up_mbit": 5, "down_mbit": 20}}
    drafts = profile_plans.group(
        dict.fromkeys(("one", "two", "three"), WITH_CAKE),
        "gaming",
        iface="eth0",
        overrides={},
        policy=policy,
        links=links,
    )
    assert {
        draft.pattern: (draft.plan.changes.dump().get("shaper") or {}).get("egress_mbit") for draft in drafts.plans
    } == {
        "one": 19,
        "two": 4.75,
        "three": None,
    }


def test_wireless(policy: Policy) -> None:
    """A wireless interface keeps its own queues, unless an uplink behind it is shaped."""
    wireless = {**WITH_CAKE, "interfaces": {"eth0": {"type": "wireless"}}}
    assert "qdisc" not in on_host(made(policy), wireless)
    assert on_host(made(policy, link=HOME), wireless)["qdisc"]["type"] == "cake"


def test_what_a_profile_cannot_do_without(policy: Policy) -> None:
    """A profile whose purpose needs the link says so, and how to tell it; with a link there is nothing to say."""
    for profile in ("gaming", "video_calls"):
        (said,) = [line for line in made(policy, profile).warnings if line.startswith("Without a link")]
        assert "link: {up_mbit, down_mbit}" in said
        assert "netopt_link" in said
        assert not [line for line in made(policy, profile, link=HOME).warnings if "Without a link" in line]


def test_refused(policy: Policy) -> None:
    """A link that nothing shapes by, and rates beyond the policy's, are errors that say what to write."""
    (without,) = issues(policy, {"link": HOME, "changes": {"mtu": 1400}})
    assert (without.path, without.severity) == ("link", "error")
    assert "profile: gaming" in (without.hint or "")
    (slow,) = issues(policy, {"profile": "gaming", "link": {**HOME, "up_mbit": 0.001}})
    assert slow.path == "link.up_mbit"
    (missing,) = issues(policy, {"profile": "gaming", "link": {"up_mbit": 20}})
    assert missing.path == "link.down_mbit"


def test_a_profile_that_says_nothing_of_links(tmp_path: Path) -> None:
    """With an organisation's profile that has no word on links a plan's link is refused, and hosts get no rule."""
    shipped = yaml.safe_load((policy_directory() / "profiles.yaml").read_text(encoding="utf-8"))
    own = next(profile for profile in shipped["profiles"] if profile["name"] == "gaming")
    del own["link"]
    own["sources"] = {name: text for name, text in own["sources"].items() if not name.startswith("link.")}
    (tmp_path / "profiles.yaml").write_text(yaml.safe_dump({"profiles": [own]}), encoding="utf-8")
    laid_over = load_policy(tmp_path)
    (issue,) = issues(laid_over, {"profile": "gaming", "link": HOME})
    assert (issue.path, issue.severity) == ("link", "error")
    assert not [rule for rule in made(laid_over).target_inputs.adaptations if "shape" in rule]


def test_only_queues_in_a_profiles_link(tmp_path: Path) -> None:
    """A profile's link sets the queues; its rates come from the uplink."""
    folder = Path(shutil.copytree(policy_directory(), tmp_path / "policy"))
    path = folder / "profiles.yaml"
    text = path.read_text(encoding="utf-8")
    broken = text.replace("      defaults:\n        qdisc:", "      defaults:\n        mtu: 1400\n        qdisc:", 1)
    path.write_text(broken, encoding="utf-8")
    with pytest.raises(PolicyError, match="the rates come from the uplink"):
        load_policy(folder)
