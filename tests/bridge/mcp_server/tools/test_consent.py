# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person is asked before a change: all of the plan, all of the hosts, what can hurt first, or nothing at all."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from mcp_bridge.access.errors import AccessError
from mcp_bridge.consent import host_words
from mcp_bridge.consent.consent_text import about_apply, about_checkpoint
from mcp_bridge.errors import PlanError
from mcp_bridge.mcp_server.tools.consent import CHARACTERS_MAX, LINES_MAX, question
from mcp_bridge.models import Rollout
from mcp_bridge.planning.checked_plan import check
from mcp_bridge.policy import load_policy
from mcp_bridge.runs.apply_options import ApplyOptions
from mcp_bridge.runs.registry import RunRegistry
from tests.bridge.plan_strategies import PLANS, RULES

POLICY = load_policy()
QUEUES = {
    "type": "mq",
    "per_queue": {"type": "htb", "htb_classes": [{"classid": "1:10", "rate_mbit": 1}], "default_class": "10"},
}
KEPT = "It is kept as soon as each host is reached over a new connection; one that is not within 120 s restores itself."
AWAY = "taken away, as before netopt or as another plan wants it"


def asked(plan: Mapping[str, Any], hosts: str = "1 host (h)", **options: Any) -> str:
    """Return the question about a plan."""
    rendered = check(plan, POLICY).rendered
    return question(about_apply([rendered], hosts, ApplyOptions(**options), confirm_s=120))


def limits(*ports: int, **fields: Any) -> list[dict[str, Any]]:
    """Return connection limits that differ in their port alone."""
    return [{"protocol": "tcp", "port": port, "limit": 9, **fields} for port in ports]


def changes(**fields: Any) -> dict[str, Any]:
    """Return a plan."""
    return {"iface": "eth0", "changes": fields}


def test_what_can_hurt_comes_first_and_nothing_is_cut() -> None:
    """A translation and an MTU behind forty limits are read before them; every line of the question is looked at."""
    plan = changes(
        sysctl={"net.ipv4.tcp_fin_timeout": 23, "net.core.somaxconn": 4096},
        connection_limits=limits(*range(1, 41), limit=1_000_000),
        nat_rules=[{"type": "dnat", "protocol": "tcp", "port": 443, "to_addr": "203.0.113.66"}],
        mtu=1400,
    )
    digest = check(plan, POLICY).rendered.digest
    assert asked(plan, "3 hosts (d1, w1, w2)", persist=True).splitlines() == [
        "Change the network settings of 3 hosts (d1, w1, w2)?",
        "Interface eth0:",
        "  nat_rules: type=dnat protocol=tcp port=443 to_addr=203.0.113.66",
        "  connection_limits: 40 rules, port=1-40, each: protocol=tcp limit=1000000 mask=32 action=reject",
        "  mtu = 1400",
        "Note: A dnat without dst also takes what is on its way through the host to others (nat_rules[0])",
        "Note: The limit also counts new management connections (connection_limits[21])",
        KEPT,
        "A checkpoint allows to undo it.",
        "It comes back after a restart of the host.",
        "Other settings:",
        "  sysctl.net.core.somaxconn = 4096",
        "  sysctl.net.ipv4.tcp_fin_timeout = 23",
        f"Digest {digest[:12]}",
    ]


def test_kernel_parameters_that_can_hurt() -> None:
    """Forwarding and the end of IPv6 are told with what can hurt; a name that only looks alike is not."""
    keys = {"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.disable_ipv6": 1, "net.ipv4.ip_forward_use_pmtu": 0}
    lines = asked(changes(sysctl=keys, mtu=1400)).splitlines()
    assert lines[2:5] == ["  mtu = 1400", *(f"  sysctl.{key} = 1" for key in sorted(keys) if keys[key])]
    assert lines.index("  sysctl.net.ipv4.ip_forward_use_pmtu = 0") > lines.index("Other settings:")


def test_rules_that_are_taken_away_can_hurt() -> None:
    """What is taken away is told with what can hurt, whatever it is; a plan with a name has no need to say so."""
    plan = changes(
        dscp=[],
        qdisc={"type": "fq", "params": {}},
        connection_tracking={},
        connection_limits=limits(443),
    )
    lines = asked(plan).splitlines()
    assert lines[1:5] == [
        "Interface eth0:",
        "  connection_limits: protocol=tcp port=443 limit=9 mask=32 action=reject",
        f"  connection_tracking: {AWAY}",
        f"  dscp: {AWAY}",
    ]
    keys = asked(changes(sysctl={"net.core.somaxconn": None, "net.core.rmem_max": 1048576}, offloads={"gro": None}))
    assert f"  sysctl.net.core.somaxconn: {AWAY}" in keys.splitlines()
    assert f"  offloads.gro: {AWAY}" in keys.splitlines()
    named = asked({"name": "web", **changes(mtu=1400, dscp=[])})
    assert AWAY not in named
    assert "Plan web, interface eth0:" in named.splitlines()


def test_the_example_in_the_documentation() -> None:
    """The question that docs/access.md shows is the one that is asked, but for the digest."""
    text = (Path(__file__).parents[4] / "docs" / "access.md").read_text(encoding="utf-8")
    shown = text.partition("```text\n")[2].partition("```")[0].splitlines()
    plan = changes(
        sysctl={"net.ipv4.tcp_fin_timeout": 23},
        connection_limits=limits(*range(1, 41), limit=1_000_000),
        nat_rules=[{"type": "dnat", "protocol": "tcp", "port": 443, "to_addr": "203.0.113.66"}],
        mtu=1400,
    )
    hosts = host_words.told(["db1", *(f"web{number:02}" for number in range(1, 41))], dict)
    assert asked(plan, hosts, confirm_timeout_s=120).splitlines()[:-1] == shown[:-1]


TOLD: list[tuple[str, list[dict[str, Any]], list[str]]] = [
    ("one", limits(1), ["port=1 limit=9"]),
    ("two", limits(1, 2), ["2 rules, port=1,2, each: protocol=tcp limit=9"]),
    ("equal", limits(5, 5, 5), ["3 rules, all equal: protocol=tcp port=5 limit=9"]),
    ("equal, then another", limits(5, 5, 6), ["3 rules, port=5,5,6, each"]),
    ("not in order", limits(3, 1, 2), ["port=3,1,2, each"]),
    ("in rows", limits(1, 2, 3, 80, 443, 444, 445), ["7 rules, port=1-3,80,443-445, each"]),
    ("spread", limits(*range(1, 20, 2), 65535), ["11 rules, port=1,3,5,7,9,11,13,15,17,19,65535 (1 to 65535), each"]),
    (
        "one that differs in between",
        [*limits(1, 2, 3), *limits(4, limit=1_000_000), *limits(5, 6, 7)],
        ["3 rules, port=1-3, each: protocol=tcp limit=9", "port=4 limit=1000000", "3 rules, port=5-7, each"],
    ),
    (
        "one that differs at the end",
        [*limits(1, 2, 3), *limits(4, action="drop")],
        ["3 rules, port=1-3", "port=4 limit=9 mask=32 action=drop"],
    ),
    (
        "another field",
        [*limits(1), *limits(1, limit=10), *limits(1, limit=11)],
        ["3 rules, limit=9-11, each: protocol=tcp port=1 mask"],
    ),
    ("two fields", [*limits(1), *limits(2, limit=10)], ["port=1 limit=9", "port=2 limit=10"]),
]


@pytest.mark.parametrize(("rules", "told"), [case[1:] for case in TOLD], ids=[case[0] for case in TOLD])
def test_rules_that_are_alike(rules: list[dict[str, Any]], told: list[str]) -> None:
    """Rules are told together where they differ in one field alone, with all its values; any other stands out."""
    lines = [line for line in asked(changes(connection_limits=rules)).splitlines() if "connection_limits:" in line]
    assert len(lines) == len(told)
    for line, words in zip(lines, told, strict=True):
        assert words in line


@pytest.mark.parametrize(
    ("plan", "options", "words"),
    [
        (changes(mtu=1400), {}, ["It lasts until the host restarts."]),
        (changes(mtu=1400), {"persist": True}, ["It comes back after a restart of the host."]),
        (changes(mtu=1400), {"confirm_timeout_s": 77}, ["Each host restores itself after 77 s unless"]),
        (
            changes(mtu=1400),
            {"rollout": Rollout(waves=["10%"], canary=2, pause_s=9, gate_tcp=[443], gate_wait_s=33, max_failures="5%")},
            ["In waves: 2, then 10%; 9 s between", "port 443 within 33 s", "more than 5% hosts fail", "keep it."],
        ),
        (
            changes(mtu=1400),
            {"rollout": Rollout(on_failure="roll_back", confirm="end"), "confirm_timeout_s": 600},
            ["hosts that have it roll back", "after 600 s from the end of the rollout"],
        ),
        (changes(netem={"loss_pct": 50}), {}, ["netem.loss_pct = 50", "netem.duration_s = 300"]),
        (
            {**changes(mtu=1400), "validate": {"targets": {"iperf": "db"}, "objectives": {"throughput_mbps": 900}}},
            {},
            ["Each host measures before and after", "targets.iperf = db", "objectives.throughput_mbps = 900"],
        ),
        ({"iface": ["eth0", "eth1"], "profile": "server"}, {}, ["Interface eth0, eth1, profile server.", "may adapt"]),
        (changes(dscp=[{"match": {}, "dscp": "EF"}]), {}, ["dscp: match=everything dscp=46"]),
        (changes(rate_limits=[{"rate": "9/hour"}] * 3), {}, ["(3 times, from rate_limits[0] to rate_limits[2])"]),
        (
            changes(dscp=[{"match": {"dports": [80, 443]}, "dscp": 8}, {"match": {"dports": [8080]}, "dscp": 8}]),
            {},
            ["dscp: 2 rules, match.dports=80,443|8080, each: dscp=8"],
        ),
    ],
)
def test_all_that_is_asked_for(plan: dict[str, Any], options: dict[str, Any], words: list[str]) -> None:
    """How a change goes, how long it lasts, what is measured and what a rule leaves open is in it."""
    text = asked(plan, **options)
    for word in words:
        assert word in text


@pytest.mark.parametrize(
    "plan",
    [
        changes(qdisc={"type": "htb"}, htb_classes=[{"classid": f"1:{n}", "rate_mbit": n} for n in range(2, 102)]),
        changes(dscp=[{"match": {"src": f"10.0.{n}.0/24"}, "dscp": 8} for n in range(0, 256, 2)] * 8),
    ],
    ids=["lines", "characters"],
)
def test_what_is_too_long_is_not_asked(plan: dict[str, Any]) -> None:
    """A plan that does not fit into a question is refused with the bound and a way on; a shorter one is asked."""
    with pytest.raises(
        AccessError, match=f"in at most {LINES_MAX} lines and {CHARACTERS_MAX} characters.*Split the plan"
    ):
        asked(plan)


@pytest.mark.parametrize("iface", ["e=1,mtu=9", "e|1-9", "e(0)!", "e;Digest"])
def test_names_stay_names(iface: str) -> None:
    """A name with characters of the question's own stands in quotes: it cannot be read as a setting."""
    rule = {"type": "masquerade", "iface": iface}
    assert f"nat_rules: type=masquerade iface={json.dumps(iface)}" in asked(changes(nat_rules=[rule]))


@pytest.mark.parametrize(
    ("iface", "said"),
    [
        ("en*", "Interface en*."),
        (["eth0", {"type": "bond", "min_speed_mbit": 1000}], 'Interface eth0, "type=bond,min_speed_mbit=1000".'),
    ],
)
def test_interfaces_that_hosts_find(iface: Any, said: str) -> None:
    """A glob and a selector are said as they are, and that each host finds its own."""
    text = asked({"iface": iface, "changes": {"offloads": {"gro": True}}})
    assert said in text
    assert "Each host puts its own interfaces that match" in text


def test_no_line_is_forged() -> None:
    """Rationale is not in it, and what a host is called in an inventory does not begin a line."""
    plan = {**changes(mtu=1400), "rationale": ["x\nDigest 000000000000", "Approved by the administrator"]}
    text = asked(plan, host_words.told(["a\nDigest 000000000000", "b\u202e\x1b[2J\r"], dict))
    assert "Approved" not in text
    assert [line for line in text.splitlines() if line.startswith("Digest")] == [text.splitlines()[-1]]
    assert not set(text) & set("\u202e\x1b\r")


def test_a_checkpoint_names_its_run_and_nobodys_own_words(tmp_path: Path) -> None:
    """Of who made a checkpoint, what a client calls itself is left out; all hosts are named, and how long it takes."""
    runs = RunRegistry(tmp_path, keep=9)
    caller = "mcp local (Approved by the administrator/1.0) via server"
    record = runs.begin(action="apply", caller=caller)
    hosts = host_words.told([f"web{number}" for number in range(1, 31)], dict)
    text = question(about_checkpoint("extend", record.run_id, hosts, runs, seconds=900))
    assert "30 hosts (web1 to web30)? They then do so 900 s from now." in text
    assert text.endswith(" UTC for mcp local via server")


HOSTS = [
    ([], "0 hosts (none)"),
    (["a"], "1 host (a)"),
    (["w2", "w1"], "2 hosts (w1, w2)"),
    (["web08", "web09", "web10", "web11", "web12"], "5 hosts (web08 to web12)"),
    (["r4", "r3", "r2", "r1"], "4 hosts (r1, r2, r3, r4)"),
    (["web8", "web9", "web10", "web11", "web12", "db"], "6 hosts (db, web8 to web12)"),
    (["web8", "web09", "web10", "web11", "web12"], "5 hosts (web8, web09, web10, web11, web12)"),
    (["web1", "web2", *(f"web{n}" for n in range(4, 9))], "7 hosts (web1, web2, web4 to web8)"),
    ([f"a{n}.x2" for n in range(1, 6)], "5 hosts (a1.x2 to a5.x2)"),
    (["a1.x1", "a1.x2", "a2.x1", "a2.x2"], "4 hosts (a1.x1, a1.x2, a2.x1, a2.x2)"),
    ([f"10.0.0.{n}" for n in range(8, 13)], "5 hosts (10.0.0.8 to 10.0.0.12)"),
    (["h" + "9" * 30, "h" + "9" * 5000, "h²"], f"3 hosts (h{'9' * 30}, h{'9' * 5000}, h²)"),
]


@pytest.mark.parametrize(("names", "told"), HOSTS, ids=[told[:50] for _names, told in HOSTS])
def test_hosts(names: list[str], told: str) -> None:
    """All hosts are named, those in a row by the first and the last."""
    assert host_words.told(names, dict) == told


def test_many_hosts_without_a_row_are_told_by_their_groups() -> None:
    """Groups stand for names only where all of their hosts are among them; what is not in one is named."""
    names = {f"i-{number * 7919:06x}x" for number in range(400)}
    ordered = sorted(names)
    groups = {
        "web": set(ordered[:250]),
        "db": set(ordered[250:398]),
        "eu": set(ordered[:100]),
        "mixed": {*ordered[:300], "another"},
    }
    told = host_words.told(names, lambda: groups)
    left = ", ".join(ordered[398:])
    assert told == f"400 hosts (all 250 of the group web, all 148 of the group db, {left})"
    assert len(host_words.told(names, dict)) > CHARACTERS_MAX / 2


@given(st.sets(st.from_regex(r"[a-c]?[0-9]{0,3}(-[0-9]{1,2})?", fullmatch=True).filter(bool), max_size=60))
def test_names_can_be_read_back(names: set[str]) -> None:
    """What is said names these hosts and no other: rows are counted through and give the same names."""
    found = []
    for part in filter(None, host_words.in_rows(names).split(", ")):
        first, _, last = part.partition(" to ")
        found.append(first)
        while last and found[-1] != last:
            found.append(_after(found[-1], first, last))
    assert sorted(found) == sorted(names)


def _after(name: str, first: str, last: str) -> str:
    """Return the name after one, in a row of which the ends are known."""
    start, end, current = (re.split(r"([0-9]+)", text) for text in (first, last, name))
    (place,) = [index for index, part in enumerate(start) if part != end[index]]
    current[place] = str(int(current[place]) + 1).zfill(len(current[place]))
    return "".join(current)


# what stands in a question, read back: by another way than it was written


def leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield every value of a rule as text, by its path."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(f"{path}.{key}" if path else key, inner)
    elif isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        for number, inner in enumerate(value):
            yield from leaves(f"{path}[{number}]", inner)
    elif value == {}:
        yield from [(path, "everything")] if path.endswith("match") else []
    else:
        parts = value if isinstance(value, list) else [value]
        yield path, ",".join(part if isinstance(part, str) else json.dumps(part) for part in parts)


def settings_of(path: str, value: Any) -> dict[str, Any]:
    """Return what a question is to name of a setting: by path a value, or the rules in their order."""
    if value is None:  # taken away
        return {path: []}
    if isinstance(value, dict) and value:
        return {name: one for key, inner in value.items() for name, one in settings_of(f"{path}.{key}", inner).items()}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return {path: [{name: "none" if said == "null" else said for name, said in leaves("", rule)} for rule in value]}
    return dict(leaves(path, value))


def unquoted(text: str) -> str:
    """Return a value without quotes."""
    return json.loads(text) if text.startswith('"') else text


def read(text: str) -> dict[str, Any]:
    """Return the settings that a question names: by path a value, or the rules in their order."""
    named = re.search(r"^Plan (\S+), interface ", text, re.MULTILINE)
    found: dict[str, Any] = {"name": named[1]} if named else {}
    for line in re.findall(r"^  (.*)$", text, re.MULTILINE):
        path, sign, said = re.fullmatch(r"(\S+?)( =|:) (.*)", line).groups()  # type: ignore[union-attr]
        if sign == " =":
            found[path] = unquoted(said)
            continue
        if said == AWAY:
            found[path] = []
            continue
        alike = re.fullmatch(r"(\d+) \w+, (?:all equal|(\S+?)=(.*?)(?: \(\S+ to \S+\))?, each): (.*)", said)
        count, field, values, same = alike.groups() if alike else ("1", None, "", said)
        pairs = re.findall(r'(\S+?)=("(?:[^"\\]|\\.)*"|\S+)(?: |$)', same)
        rule = {key: unquoted(value) for key, value in pairs}
        told = list(expanded(values)) if field else [""] * int(count)
        assert len(told) == int(count)
        found.setdefault(path, []).extend({**rule, **({field: value} if field else {})} for value in told)
    return found


def expanded(values: str) -> Iterator[str]:
    """Yield the values that stand for one field of several rules."""
    if re.search(r'\|(?=(?:[^"]*"[^"]*")*[^"]*$)', values):  # not within quotes
        yield from values.split("|")
        return
    for part in re.findall(r'"(?:[^"\\]|\\.)*"|[^,]+', values):
        ends = re.fullmatch(r"(\d+)-(\d+)", part)
        yield from map(str, range(int(ends[1]), int(ends[2]) + 1)) if ends else [unquoted(part)]


@pytest.mark.long
@settings(deadline=None)
@example(plan={"iface": "eth0", "changes": {"qdisc": QUEUES}})
@given(plan=PLANS | RULES)
def test_the_plan_can_be_read_back_from_the_question(plan: dict[str, Any]) -> None:
    """For any plan that is valid: all rules, values and their order are in the question, or it is not asked."""
    try:
        rendered = check(plan, POLICY).rendered
    except PlanError:
        assume(False)  # noqa: FBT003 - hypothesis takes it so
    lines = about_apply([rendered], "1 host (h)", ApplyOptions(), confirm_s=120)
    if len(lines) > LINES_MAX or len("\n".join(lines)) > CHARACTERS_MAX:
        with pytest.raises(AccessError):
            question(lines)
        return
    data = rendered.plan.dump()
    wanted: dict[str, Any] = {}
    for name, value in [*data["changes"].items(), *data.get("validate", {}).items()]:
        wanted |= settings_of(name, value)
    wanted |= {"name": data["name"]} if "name" in data else {}
    assert read(question(lines)) == wanted
    assert ", ".join(rendered.plan.ifaces) in lines[1]
