# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Table ``inet netopt`` in the kernel: exact restores, drift, refusals, and other tables left as they are."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Tools
from ansible_collections.netopt.linux.plugins.module_utils._host.scratch_namespace import in_scratch_namespace
from ansible_collections.netopt.linux.plugins.module_utils._nft import kernel as nft_kernel
from ansible_collections.netopt.linux.plugins.module_utils._nft import subsystem as nft_subsystem
from tests.kernel.nft_namespaces import Namespace, run

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")

TOOLS = Tools()
LIST = "nft list table inet netopt"
ROOT = Path(__file__).parents[2]
LIMIT = {"protocol": "tcp", "port": 22, "limit": 5}
PLAN: dict[str, Any] = {
    "connection_limits": [
        LIMIT,
        LIMIT,
        {**LIMIT, "mask": 24, "action": "drop"},
        {**LIMIT, "protocol": "udp", "mask": 0},
    ],
    "rate_limits": [{"rate": "1000/second", "burst": 50}, {"rate": "10/hour", "protocol": "tcp", "per_source": True}],
    "connection_tracking": {"drop_invalid": True, "max_connections": 1000},
    "dscp": [{"match": {"sports": ["80", "70-90"]}, "dscp": 46}, {"match": {}, "dscp": 0}],
    "nat_rules": [{"type": "masquerade"}, {"type": "dnat", "protocol": "tcp", "port": 80, "to_addr": "2001:db8::1"}],
}

# What container engines and firewalld leave behind, in the shapes that iptables-nft and firewalld make.
FOREIGN = """
table ip nat {
	chain DOCKER { iifname "docker0" counter packets 3 bytes 180 return
		iifname != "docker0" tcp dport 8080 counter packets 7 bytes 420 dnat to 172.17.0.2:80
	}
	chain PREROUTING { type nat hook prerouting priority dstnat; policy accept;
		fib daddr type local counter packets 11 bytes 660 jump DOCKER
	}
	chain POSTROUTING { type nat hook postrouting priority srcnat; policy accept;
		oifname != "docker0" ip saddr 172.17.0.0/16 counter packets 5 bytes 300 masquerade
	}
}
table ip filter {
	chain DOCKER-USER { counter packets 13 bytes 780 return
	}
	chain FORWARD { type filter hook forward priority filter; policy drop;
		counter packets 13 bytes 780 jump DOCKER-USER
	}
}
table inet firewalld {
	set trusted { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.168.0.0/16 }; }
	chain filter_INPUT { type filter hook input priority filter + 10; policy accept;
		ct state { established, related } counter packets 17 bytes 1020 accept
		ip saddr @trusted counter packets 19 bytes 1140 accept
		reject with icmpx admin-prohibited
	}
}
"""

# A table by the same name that netopt could not have made.
HANDMADE = """
table inet netopt {
	comment "made by hand"
	counter hits { packets 4 bytes 5
	}
	quota monthly { over 5 mbytes used 3 bytes
	}
	limit slow { rate 5/second
	}
	set counted { type ipv4_addr; size 65535; flags dynamic; elements = { 10.0.0.1 ct count over 5 }; }
	set paced { type ipv4_addr; size 100; flags dynamic,timeout; timeout 1h
		elements = { 10.0.0.1 limit rate over 10/minute burst 7 packets expires 50m,
			10.0.0.2 limit rate over 10/minute }; }
	set nets { type ipv4_addr; flags interval; elements = { 10.0.0.0/8 comment "home", 11.0.0.1-11.0.0.7 }; }
	set many { type inet_service
		elements = { 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 33, 35, 37 }; }
	set seen { type ipv4_addr; counter; elements = { 10.0.0.9 counter packets 5 bytes 7 }; }
	map verdicts { type inet_service : verdict; elements = { 80 : drop, 90 : jump deeper }; }
	map targets { type ipv4_addr . inet_service : ipv4_addr . inet_service
		elements = { 1.2.3.4 . 80 : 10.0.0.1 . 8080 }; }
	chain deeper { counter packets 2 bytes 99 drop comment "counter packets 1 bytes 1 { reject"
	}
	chain input { type filter hook input priority 7; policy drop;
		tcp dport { 80, 90-100, 120-130, 140-150, 160-170, 180-190, 200-210 } counter packets 9 bytes 90 accept
		meta l4proto { tcp, udp } th dport 80 accept
		counter name "hits" quota name "monthly" limit name "slow" accept
		quota over 10 mbytes used 5 bytes drop
		udp dport vmap @verdicts
		udp dport vmap { 1 : drop, 2 : accept }
		ip protocol udp reject
		ip6 nexthdr udp reject with icmpx port-unreachable comment "bare when listed"
		meta nfproto ipv4 reject with icmp port-unreachable
		tcp dport 1 reject with tcp reset
		ct state new add @counted { ip saddr & 255.255.255.0 ct count over 5 } drop
		update @paced { ip saddr limit rate over 10/minute } drop
		ip saddr @nets log prefix "netopt: " group 2 drop
		tcp dport 2222 jump { counter packets 6 bytes 60 accept; }
		meta mark set numgen inc mod 2 map { 0 : 1, 1 : 2 }
	}
}
"""


@pytest.fixture
def namespace() -> Iterator[None]:
    """Be in a namespace of one's own for a test."""
    made = Namespace()
    try:
        with made.inside():
            yield
    finally:
        made.close()


def resolved(changes: dict[str, Any], ifaces: tuple[str, ...] = ("eth0", "eth1")) -> dict[str, Any]:
    """Return the state that changes lead to, made in a scratch namespace."""
    intent = nft_subsystem.intent(changes, ifaces)
    found: dict[str, Any] = in_scratch_namespace(lambda: nft_kernel.resolve(intent, nft_subsystem.ABSENT, TOOLS))
    return found


def lead_to(wanted: dict[str, Any]) -> int:
    """Perform what leads to a state, prove that it is there, and return the number of steps."""
    steps = nft_subsystem.operations(nft_kernel.observe({}, TOOLS), wanted)
    for step in steps:
        nft_kernel.perform(step, TOOLS)
    assert nft_subsystem.operations(nft_kernel.observe({}, TOOLS), wanted) == []
    return len(steps)


def listing() -> str:
    """Return the table as nft lists it, with the time that elements have left blanked out."""
    return re.sub(r"expires \w+", "expires", run(LIST))


@pytest.mark.usefixtures("namespace")
def test_a_second_run_changes_nothing() -> None:
    """One transaction makes the table, none is needed after it, one takes it away."""
    wanted = resolved(PLAN)
    assert [lead_to(wanted), lead_to(wanted), lead_to(nft_subsystem.ABSENT), lead_to(nft_subsystem.ABSENT)] == [
        1,
        0,
        1,
        0,
    ]
    assert run("nft list ruleset") == ""


@pytest.mark.usefixtures("namespace")
def test_other_tables_keep_every_byte() -> None:
    """Docker's and firewalld's tables read the same, counters included, through making, changing and removing ours."""
    run("nft -f -", stdin=FOREIGN)
    before = run("nft list ruleset")
    assert "packets 19 bytes 1140" in before
    for wanted in (resolved(PLAN), resolved({"connection_limits": [LIMIT]}), resolved({"dscp": [{"dscp": 1}]})):
        assert lead_to(wanted) == 1
        assert before == run("nft list ruleset").replace(run(LIST), "")
    lead_to(nft_subsystem.ABSENT)
    assert before == run("nft list ruleset")


@pytest.mark.usefixtures("namespace")
def test_the_script_under_bash_gives_what_the_module_gives() -> None:
    """Run twice by hand in an empty namespace, the preview leads to the wanted state itself."""
    script = nft_subsystem.render(nft_subsystem.intent(PLAN, ("eth0", "eth1")))
    for _ in range(2):
        assert run("bash", stdin=script) == ""
        assert lead_to(resolved(PLAN)) == 0
    by_hand = run(LIST)
    lead_to(nft_subsystem.ABSENT)
    lead_to(resolved(PLAN))
    assert by_hand == run(LIST)


@pytest.mark.parametrize("before", [HANDMADE, "table inet netopt { }", "table inet netopt { flags dormant; }", ""])
@pytest.mark.usefixtures("namespace")
def test_a_restore_is_exact(before: str) -> None:
    """Counters, quotas, elements, nested chains and odd spellings read after a restore as they did before."""
    run("nft -f -", stdin=before)
    text = listing() if before else ""
    snapshot = json.loads(json.dumps(nft_kernel.observe({}, TOOLS)))
    lead_to(resolved(PLAN))
    lead_to(snapshot)
    assert text == (listing() if before else run("nft list ruleset"))


@pytest.mark.usefixtures("namespace")
def test_a_snapshot_of_our_own_table_brings_its_counters_back() -> None:
    """What rules have counted and remembered is part of a snapshot, and does not count as a difference."""
    wanted = resolved(PLAN)
    lead_to(wanted)
    run("nft -f -", stdin="add element inet netopt connlimit_tcp_v4 { 10.0.0.7 . 22 ct count over 5 }\n")
    counted = run(LIST).replace("counter packets 0 bytes 0", "counter packets 8 bytes 640")
    run("nft -f -", stdin=nft_subsystem.CLEAR + counted)
    before, snapshot = listing(), nft_kernel.observe({}, TOOLS)
    assert "10.0.0.7" in before
    assert "packets 8 bytes 640" in before
    assert nft_subsystem.operations(snapshot, wanted) == []
    lead_to(nft_subsystem.ABSENT)
    lead_to(snapshot)
    assert before == listing()


@pytest.mark.parametrize(
    ("command", "key"),
    [
        ("add rule inet netopt input tcp dport 99 drop", "table inet netopt chain input rule 17"),
        ("insert rule inet netopt input tcp dport 99 drop", "table inet netopt chain input rule 1"),
        ("flush chain inet netopt egress", "table inet netopt chain egress rule 1"),
        ("add set inet netopt mine { type ipv4_addr; }", "table inet netopt set mine"),
        ("add chain inet netopt mine", "table inet netopt chain mine"),
        ("add chain inet netopt input { policy drop; }", "table inet netopt chain input hook"),
        ("delete table inet netopt", "table inet netopt chain input rule 1"),
        ("table inet netopt { flags dormant; }", "table inet netopt"),
    ],
)
@pytest.mark.usefixtures("namespace")
def test_drift_is_seen_and_mended(command: str, key: str) -> None:
    """A change made by hand shows up under its place, and one step takes it back."""
    wanted = resolved(PLAN)
    lead_to(wanted)
    before = run(LIST)
    run("nft -f -", stdin=f"{command}\n")
    assert key in {change.key for change in nft_subsystem.diff(nft_kernel.observe({}, TOOLS), wanted)}
    assert lead_to(wanted) == 1
    assert before == run(LIST)


@pytest.mark.parametrize(
    ("changes", "key", "message"),
    [
        ({"rate_limits": [{"rate": f"{2**64 - 1}/second"}]}, "rate_limits[0]", "Value too large"),
        (
            {"connection_limits": [LIMIT, {**LIMIT, "port": 1, "action": "drop"}], "dscp": [{"dscp": 64}]},
            "dscp[0]",
            "64",
        ),
        ({"rate_limits": [{"rate": "5/second"}, {"rate": "5/second", "burst": 0}]}, "rate_limits[1]", "burst"),
    ],
)
def test_a_refusal_names_the_entry(changes: dict[str, Any], key: str, message: str) -> None:
    """What nft or the kernel refuses is reported with the plan's path, the rule and what was said."""
    with pytest.raises(NetoptError) as caught:
        resolved(changes)
    assert ("rehearse", key) == (caught.value.stage, caught.value.key)
    assert message in caught.value.message
    assert f'comment "{key}"' in str(caught.value.wanted)


@pytest.mark.usefixtures("namespace")
def test_a_transaction_that_fails_changes_nothing() -> None:
    """When the last line is refused, the table before it is untouched."""
    lead_to(resolved(PLAN))
    before = run(LIST)
    broken = {**resolved({"dscp": [{"dscp": 1}]})}
    broken["text"] = broken["text"].replace("\t}\n}\n", "\t\tdnat ip to 10.0.0.1\n\t}\n}\n")
    (step,) = nft_subsystem.operations(nft_kernel.observe({}, TOOLS), broken)
    with pytest.raises(NetoptError) as caught:
        nft_kernel.perform(step, TOOLS)
    assert (caught.value.stage, caught.value.wanted) == ("apply", "dnat ip to 10.0.0.1")
    assert before == run(LIST)


PORT_PROTOCOLS = st.sampled_from(["tcp", "udp", "sctp"])
PORTS = st.integers(1, 65535)
RANGES = st.lists(st.tuples(PORTS, PORTS).map(lambda pair: f"{min(pair)}-{max(pair)}") | PORTS.map(str), max_size=4)
RATES = st.builds("{}/{}".format, st.integers(1, 10**6), st.sampled_from(["second", "minute", "hour", "day"]))
MATCHES = st.sampled_from([(None, "10.0.0.0/8"), ("192.0.2.1/32", None), ("::/0", "2001:db8::/32"), (None, None)])


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return dicts with any of the fields."""
    return st.fixed_dictionaries({}, optional=fields)


LIMITS = st.builds(
    lambda protocol, ports, limit, more: {"protocol": protocol, **ports, "limit": limit, **more},
    PORT_PROTOCOLS,
    st.sampled_from([{"port": 1}, {"port": 2}, {"port": 3}, {"ports": ["1", "3-9"]}, {}]),
    st.integers(0, 2**32 - 1),
    optional(mask=st.integers(0, 32), action=st.sampled_from(["reject", "drop"])),
)
RATE_LIMITS = st.builds(
    lambda rate, ports, more: {"rate": rate, **ports, **more},
    RATES,
    st.sampled_from([{}, {"port": 7}, {"ports": ["80", "443", "8000-8100"]}]),
    optional(
        burst=st.integers(1, 10**4),
        protocol=PORT_PROTOCOLS,
        per_source=st.booleans(),
        per=st.sampled_from(["connections", "packets"]),
    ),
)
DSCP = st.builds(
    lambda proto, sports, dports, pair, dscp: {
        "match": {"proto": proto, "sports": sports, "dports": dports, "src": pair[0], "dst": pair[1]},
        "dscp": dscp,
    },
    st.none() | PORT_PROTOCOLS,
    RANGES,
    RANGES,
    MATCHES,
    st.integers(0, 63),
)
NAT = st.builds(
    lambda kind, more, to_port: {
        "type": kind,
        **more,
        **({} if kind == "masquerade" else {"to_addr": "192.0.2.9"}),
        **({"to_port": to_port} if to_port else {}),
    },
    st.sampled_from(["snat", "dnat", "masquerade"]),
    optional(protocol=PORT_PROTOCOLS, port=PORTS, src=st.just("10.0.0.0/8"), iface=st.just("eth7")),
    st.none() | PORTS,
)
CHANGES = st.fixed_dictionaries(
    {
        "connection_limits": st.lists(LIMITS, max_size=5),
        "rate_limits": st.lists(RATE_LIMITS, max_size=4),
        "dscp": st.lists(DSCP, max_size=4),
        "nat_rules": st.lists(NAT, max_size=4),
        "connection_tracking": optional(accept_established=st.booleans(), drop_invalid=st.booleans()),
    }
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(old=CHANGES, new=CHANGES)
def test_any_plan_loads_is_idempotent_and_can_be_taken_back(old: dict[str, Any], new: dict[str, Any]) -> None:
    """From any plan to any other and back: each loads, needs nothing more afterwards, and is restored exactly."""

    def there_and_back() -> list[str]:
        first, second = (
            nft_kernel.resolve(nft_subsystem.intent(plan, ("eth0",)), nft_subsystem.ABSENT, TOOLS)
            for plan in (old, new)
        )
        lead_to(first)
        snapshot = nft_kernel.observe({}, TOOLS)
        lead_to(second)
        lead_to(snapshot)
        return [str(snapshot["text"]), str(nft_kernel.observe({}, TOOLS)["text"])]

    before, after = in_scratch_namespace(there_and_back)
    assert before == after


def module(**options: Any) -> dict[str, Any]:
    """Return what the module netopt_nft prints when it runs in the current namespace."""
    done = subprocess.run(
        [sys.executable, "-m", "ansible_collections.netopt.linux.plugins.modules.netopt_nft"],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": options}),
        capture_output=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
    )
    assert done.stdout, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.usefixtures("namespace")
def test_the_module_checks_applies_and_removes() -> None:
    """Check mode says what would change and changes nothing; then applied, unchanged, mended, removed."""
    options = {"iface": ["lo"], "connection_limits": [LIMIT], "dscp": [{"dscp": 0}]}
    checked = module(**options, _ansible_check_mode=True, _ansible_diff=True)
    assert (checked["report"]["status"], run("nft list ruleset")) == ("would_change", "")
    assert "connlimit_tcp_v4" in checked["diff"][0]["after"]
    assert [module(**options)["report"]["status"] for _ in range(2)] == ["applied", "unchanged"]
    run("nft flush chain inet netopt egress")
    assert module(**options)["report"]["status"] == "applied"
    assert [module(state="absent")["report"]["status"] for _ in range(2)] == ["applied", "unchanged"]
    assert run("nft list ruleset") == ""


@pytest.mark.usefixtures("namespace")
def test_the_module_says_what_is_wrong() -> None:
    """A refusal comes back as one line with the option's path, and nothing is touched."""
    failed = module(iface=["lo"], dscp=[{"match": {"src": "10.0.0.1", "dst": "::1"}, "dscp": 1}])
    assert failed["failed"]
    assert failed["msg"].startswith("dscp[0].match: IPv4 and IPv6 cannot both match one packet")
    assert run("nft list ruleset") == ""
