# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An organisation's policy over the shipped one: what it adds, replaces and sets aside, and all faults at once."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from mcp_bridge.policy import PolicyError, load_policy
from mcp_bridge.policy.loader import shipped_directory
from mcp_bridge.validator import validate

OWN = """
id: sysctl.vm_min_free_kbytes
name: Memory kept free
description: Memory that the kernel keeps free for itself.
risk: { level: medium, note: Too much leaves programs short. }
effect: { when: now, namespaced: false }
keys:
  vm.min_free_kbytes: { about: The memory, unit: KiB, min: 1024, max: 4194304 }
sources: ["kernel Documentation/admin-guide/sysctl/vm.rst, min_free_kbytes"]
"""
PROFILE = """
profiles:
  - name: quiet
    description: Nothing but a longer memory.
    objectives: {}
    defaults: { sysctl: { vm.min_free_kbytes: 65536 } }
    active_cards: [sysctl.vm_min_free_kbytes]
    validation: { probes: [ping], duration_s: 10 }
    sources:
      sysctl.vm.min_free_kbytes: "judgement: what the storage people ask for"
      validation: "judgement: ten seconds are enough"
"""
DROPPED = """
adaptations:
  - id: own_namespace_keys
    when: { initial_netns: { eq: false } }
    drop: { sysctl: [vm.min_free_kbytes] }
    message: The key belongs to the whole machine
    sources: ["kernel Documentation/admin-guide/sysctl/vm.rst"]
constraints:
  - id: bbr_without_fq
    level: plan
    severity: error
    message: We want fq
    hint: Set it.
    sources: ["judgement: a rule of the house"]
"""


def own_policy(folder: Path, **files: str) -> Path:
    """Return a folder with files of a policy, ``config_cards/NAME`` for a card."""
    for name, text in files.items():
        path = folder / ("config_cards/" * name.startswith("sysctl.") + f"{name}.yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def issues(policy_dir: Path, **sysctl: object) -> list[str]:
    """Return what is said against a plan with these keys."""
    plan = {"iface": "eth0", "changes": {"sysctl": sysctl}}
    return [issue.message for issue in validate(plan, load_policy(policy_dir)).issues]


def test_what_is_added(tmp_path: Path) -> None:
    """A card, a profile and a rule of one's own stand beside all the shipped ones."""
    own = own_policy(tmp_path, **{"sysctl.vm_min_free_kbytes": OWN}, profiles=PROFILE, rules=DROPPED)
    policy, shipped = load_policy(own), load_policy(shipped_directory())

    assert set(policy.cards) == {*shipped.cards, "sysctl.vm_min_free_kbytes"}
    assert list(policy.profiles) == [*shipped.profiles, "quiet"]
    assert [rule.id for rule in policy.rules.adaptations] == [
        *(rule.id for rule in shipped.rules.adaptations),
        "own_namespace_keys",
    ]
    assert policy.digest != shipped.digest
    assert issues(own, **{"vm.min_free_kbytes": 65536}) == []
    assert issues(own, **{"vm.min_free_kbytes": 1}) == ["Value is below minimum allowed: 1024"]


def test_what_is_replaced(tmp_path: Path) -> None:
    """A rule, a range and a size of one's own replace the shipped ones; the shipped card follows the range."""
    limits = """
ranges:
  sysctl.net.ipv4.tcp_syncookies: { min: 1, max: 1, source: "judgement: of the house" }
  sysctl.net.ipv4.conf.{iface}.rp_filter: { min: 1, max: 2, source: "judgement: of the house" }
"""
    sizes = "max_hosts: 7\nsources: { max_hosts: 'judgement: of the house' }\n"
    rules = DROPPED.partition("constraints:")[2]
    own = own_policy(tmp_path, limits=limits, validation_limits=sizes, rules=f"constraints:{rules}")
    policy = load_policy(own)

    assert policy.rules.constraints["bbr_without_fq"].severity == "error"
    assert policy.validation_limits.max_hosts == 7
    shown = policy.cards["sysctl.tcp_syncookies"].parameters[0]
    assert (shown.min, shown.max) == (1, 1)
    assert issues(own, **{"net.ipv4.tcp_syncookies": 2}) == ["Value exceeds maximum allowed: 1"]
    assert issues(own, **{"net.ipv4.conf.all.rp_filter": 0}) == ["Value is below minimum allowed: 1"]


def test_a_card_of_one_interface_comes_before_its_family(tmp_path: Path) -> None:
    """A card of a single interface's key has its own range; the other interfaces keep the family's."""
    card = OWN.replace("sysctl.vm_min_free_kbytes", "sysctl.uplink").replace(
        "vm.min_free_kbytes: { about: The memory, unit: KiB, min: 1024, max: 4194304 }",
        "net.ipv4.conf.eth0/100.rp_filter: { about: Loose on the uplink, min: 2, max: 2 }",
    )
    own = own_policy(tmp_path, **{"sysctl.uplink": card})
    assert issues(own, **{"net.ipv4.conf.eth0/100.rp_filter": 1}) == ["Value is below minimum allowed: 2"]
    assert issues(own, **{"net/ipv4/conf/eth0.100/rp_filter": 2}) == []
    assert issues(own, **{"net.ipv4.conf.eth1.rp_filter": 1}) == []


def test_an_own_card_of_a_key_that_has_one(tmp_path: Path) -> None:
    """Its range holds for the key, wherever the shipped one stands; one of the own ``limits.yaml`` comes first."""
    shipped = load_policy(shipped_directory())
    named = {name for profile in shipped.profiles.values() for name in profile.sources}
    rules = (shipped_directory() / "rules.yaml").read_text(encoding="utf-8")
    whole = {
        key: one
        for key in shipped.sysctl_cards
        if "{" not in key
        and f"sysctl.{key}" not in named
        and key not in rules
        and (one := shipped.limits.ranges[f"sysctl.{key}"]).type == "int"
        and one.min < one.max
        and not one.bits
    }
    in_limits = {key for key in whole if shipped.sysctl_cards[key].sysctl}
    assert len(in_limits) > 5
    assert len(whole) > 3 * len(in_limits)
    keys = "".join(f"\n  {key}: {{ about: Ours, min: {one.max}, max: {one.max} }}" for key, one in whole.items())
    card = OWN.replace("sysctl.vm_min_free_kbytes", "sysctl.ours")
    card = card.replace("\n  vm.min_free_kbytes: { about: The memory, unit: KiB, min: 1024, max: 4194304 }", keys)
    own = own_policy(tmp_path, **{"sysctl.ours": card})
    for key, one in whole.items():
        assert issues(own, **{key: one.min}) == [f"Value is below minimum allowed: {one.max}"], key
    key, one = next((key, one) for key, one in whole.items() if key in in_limits)
    ours = f"ranges: {{ sysctl.{key}: {{ min: {one.min}, max: {one.max}, source: 'judgement: ours' }} }}\n"
    changed = card.replace(f"\n  {key}: {{ about: Ours, min: {one.max}, max: {one.max} }}", "")
    own_policy(tmp_path, limits=ours, **{"sysctl.ours": changed})
    assert issues(own, **{key: one.min}) == []


def test_the_shipped_policy_is_set_aside(tmp_path: Path) -> None:
    """With replace: true what the folder holds is all there is."""
    own = Path(shutil.copytree(shipped_directory(), tmp_path / "policy"))
    (own / "policy.yaml").write_text("replace: true\n", encoding="utf-8")
    (own / "config_cards" / "sysctl.icmp.yaml").unlink()
    assert "sysctl.icmp" not in load_policy(own).cards
    (own / "policy.yaml").write_text("replace: false\n", encoding="utf-8")
    assert "sysctl.icmp" in load_policy(own).cards


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("kernel.core_pattern", "it names a program that the kernel runs"),
        ("vm.drop_caches", "writing it is an action"),
        ("net.ipv4.tcp_fastopen_key", "holds a secret"),
        ("dev.raid.speed_limit_max", "may cover keys below net., vm., fs., kernel."),
        ("net.ipv4.conf.eth0.100.rp_filter", "Write the key as net.ipv4.conf.eth0/100.rp_filter"),
        ("net.core.{iface}.x", "stands where an interface has keys"),
        ("vm/min_free_kbytes", "is not a dotted sysctl key"),
    ],
)
def test_keys_that_no_card_may_cover(tmp_path: Path, key: str, problem: str) -> None:
    """A card of such a key is refused, and the reason is told."""
    own = own_policy(tmp_path, **{"sysctl.vm_min_free_kbytes": OWN.replace("vm.min_free_kbytes:", f'"{key}":')})
    with pytest.raises(PolicyError, match=re.escape(problem)):
        load_policy(own)


def test_all_faults_at_once(tmp_path: Path) -> None:
    """Whatever is wrong in whichever files is told together, each with its file, line and path."""
    wrong = OWN.replace("level: medium", "level: huge").replace("min: 1024", "min: 9999999").replace("name:", "nam:")
    own = own_policy(
        tmp_path,
        **{"sysctl.vm_min_free_kbytes": wrong, "sysctl.other": OWN},
        limits="ranges: { mtu: { min: 9, max: 1, source: short }, link: 5 }\n",
        rules="adaptations: {",
        policy="replace: false\n",
    )
    with pytest.raises(PolicyError) as caught:
        load_policy(own)
    places = {(fault.file.name, fault.path) for fault in caught.value.faults}
    assert places == {
        ("sysctl.vm_min_free_kbytes.yaml", "nam"),
        ("sysctl.vm_min_free_kbytes.yaml", "name"),
        ("sysctl.vm_min_free_kbytes.yaml", "risk.level"),
        ("sysctl.vm_min_free_kbytes.yaml", "keys.vm.min_free_kbytes"),
        ("sysctl.other.yaml", "id"),
        ("limits.yaml", "ranges.mtu.source"),
        ("limits.yaml", "ranges.link"),
        ("rules.yaml", ""),
    }
    assert str(caught.value).count("\n") == len(caught.value.faults) - 1
    assert all(fault.line for fault in caught.value.faults)


def test_faults_of_the_shipped_cards_against_own_limits(tmp_path: Path) -> None:
    """A profile that an own range makes impossible is told, with the range."""
    limits = "ranges:\n  sysctl.net.core.busy_poll: { min: 0, max: 0, source: 'judgement: no polling' }\n"
    with pytest.raises(
        PolicyError, match=r"profiles.yaml:\d+: profiles\[0\].*busy_poll: Value exceeds maximum allowed: 0"
    ):
        load_policy(own_policy(tmp_path, limits=limits))


def test_a_default_out_of_its_own_bounds(tmp_path: Path) -> None:
    """A default that every apply would be refused for is a fault of the file."""
    own = own_policy(tmp_path, validation_limits="confirm_timeout_min_s: 300\n")
    with pytest.raises(PolicyError, match="confirm_timeout_default_s must be 300 to 86400, and is 120"):
        load_policy(own)
