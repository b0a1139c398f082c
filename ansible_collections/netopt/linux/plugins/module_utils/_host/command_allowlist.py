# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The programs that may run on a target, and the check that says so.

The data is ``policy/allowlist.yaml``, which explains its form. It is repeated here because the target has no YAML;
``python -m mcp_bridge.policy.target_allowlist`` writes it, and a test says that the two are equal.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NOTHING_MORE = "$"
SHOWN = 8  # how many of the permitted forms an error lists

# Begin of what allowlist.yaml says.
ALLOWLIST: dict[str, list[str]] = {
    "tc": [
        "-V $",
        "qdisc show",
        "class show",
        "filter show",
        "-[djs] qdisc show",
        "-[djs] class show",
        "-[djs] filter show",
        "-[djs] -[djs] qdisc show",
        "-[djs] -[djs] class show",
        "-[djs] -[djs] filter show",
        "-[djs] -[djs] -[djs] qdisc show",
        "-[djs] -[djs] -[djs] class show",
        "-[djs] -[djs] -[djs] filter show",
        "-batch -",
        "-d -batch - $",
        "qdisc add",
        "qdisc replace",
        "qdisc change",
        "qdisc del",
        "class add",
        "class replace",
        "class change",
        "class del",
        "filter add",
        "filter replace",
        "filter change",
        "filter del",
    ],
    "nft": [
        "-[vV] $",
        "--version $",
        "list",
        "-[ajnsty] list",
        "-[ajnsty] -[ajnsty] list",
        "-[ajnsty] -[ajnsty] -[ajnsty] list",
        "-[ajnsty] -[ajnsty] -[ajnsty] -[ajnsty] list",
        "-c -f - $",
        "-c -j -f - $",
        "-f - $",
        "-j -f - $",
        "delete table inet netopt $",
    ],
    "ip": [
        "-V $",
        "link show",
        "addr show",
        "route show",
        "route get",
        "rule show",
        "neigh show",
        "-[46djs] link show",
        "-[46djs] addr show",
        "-[46djs] route show",
        "-[46djs] route get",
        "-[46djs] rule show",
        "-[46djs] neigh show",
        "-[46djs] -[46djs] link show",
        "-[46djs] -[46djs] addr show",
        "-[46djs] -[46djs] route show",
        "-[46djs] -[46djs] route get",
        "-[46djs] -[46djs] rule show",
        "-[46djs] -[46djs] neigh show",
        "-[46djs] -[46djs] -[46djs] link show",
        "-[46djs] -[46djs] -[46djs] addr show",
        "-[46djs] -[46djs] -[46djs] route show",
        "-[46djs] -[46djs] -[46djs] rule show",
        "-[46djs] -[46djs] -[46djs] neigh show",
        "-batch -",
        "link add",
        "link set",
        "link del",
        "addr add",
        "addr replace",
        "addr del",
        "route add",
        "route append",
        "route replace",
        "route del",
        "-[46] addr add",
        "-[46] addr replace",
        "-[46] addr del",
        "-[46] route add",
        "-[46] route append",
        "-[46] route replace",
        "-[46] route del",
        "-[46] neigh replace",
    ],
    "ethtool": [
        "[!-]* $",
        "-[acgiklmSTx]",
        "--json -[acgiklmSTx]",
        "--version $",
        "-K",
    ],
    "sysctl": [
        "-n",
        "-e -n",
        "-N",
        "-a",
        "--version $",
        "-w",
        "-q -w",
    ],
    "modprobe": [
        "-n",
        "-q -n",
        "tcp_* $",
        "sch_* $",
        "cls_* $",
        "act_* $",
        "nf_* $",
        "nft_* $",
        "ifb $",
        "-q tcp_* $",
        "-q sch_* $",
        "-q cls_* $",
        "-q act_* $",
        "-q nf_* $",
        "-q nft_* $",
        "-q ifb $",
        "ifb numifbs=0 $",
        "-q ifb numifbs=0 $",
        "br_netfilter $",
        "-r br_netfilter $",
        "-r tcp_* $",
        "-r sch_* $",
        "-r cls_* $",
        "-r act_* $",
        "-r nf_* $",
        "-r nft_* $",
        "-r ifb $",
    ],
    "modinfo": [""],
    "systemctl": [
        "cat",
        "is-active",
        "is-enabled",
        "is-system-running",
        "list-timers",
        "list-units",
        "show",
        "status",
        "--version $",
        "daemon-reload $",
        "disable netopt*",
        "disable --now netopt*",
        "enable netopt*",
        "enable --now netopt*",
        "reset-failed netopt*",
        "start netopt*",
        "stop netopt*",
        "--quiet disable netopt*",
        "--quiet enable netopt*",
        "--quiet start netopt*",
        "--quiet stop netopt*",
    ],
    "systemd-run": [
        "--version $",
        "--unit=netopt*",
        "--unit netopt*",
        "--quiet --unit=netopt*",
        "--collect --unit=netopt*",
        "--quiet --collect --unit=netopt*",
    ],
    "systemd-detect-virt": [""],
    "conntrack": [
        "-C",
        "-L",
        "-S",
        "--version $",
    ],
    "ss": [
        "-s $",
        "-[HOaeilmnotux]",
        "-[tu][aeilmnop]*",
        "-H[aeilmnoptu]*",
        "-V $",
    ],
    "ping": [
        "-c",
        "-[46nq] -c",
        "-[46nq] -[46nq] -c",
        "-[46nq] -[46nq] -[46nq] -c",
        "-V $",
    ],
    "traceroute": [
        "-[46mnqw]",
        "[!-]* $",
    ],
    "tracepath": [
        "-[46mn]",
        "[!-]* $",
    ],
    "dig": [
        "+*",
        "@*",
        "-[46tx]",
        "[!-]*",
    ],
    "host": [
        "-[46RWt]",
        "[!-]*",
    ],
    "nslookup": [
        "-timeout=*",
        "-type=*",
        "[!-]*",
    ],
    "resolvectl": [
        "status",
        "statistics",
        "--no-pager status",
        "--no-pager statistics",
    ],
    "hostname": [
        "$",
        "-I $",
        "-f $",
        "-s $",
    ],
    "hostnamectl": [
        "$",
        "status",
        "--json=*",
        "--no-pager status",
    ],
    "nmcli": [
        "-t -f * general",
        "-t -f * device status",
        "-t -f * device show",
        "-t -f * connection show",
        "-t general status",
        "-t device status",
        "-t device show",
        "general status",
        "device status",
        "device show",
        "connection show",
        "--version $",
    ],
    "iw": [
        "dev $",
        "dev * info $",
        "dev * link $",
        "dev * scan",
        "dev * station dump",
        "list $",
        "phy $",
        "reg get $",
    ],
    "iwconfig": [
        "$",
        "[!-]* $",
    ],
    "iwlist": [
        "[!-]* scan",
        "[!-]* scanning",
        "scan $",
        "scanning $",
    ],
    "arp": [
        "-n $",
        "-an $",
        "-a -n $",
    ],
    "nstat": [
        "$",
        "-[ajsz]*",
        "--json",
    ],
    "iptables": [
        "-S",
        "-L",
        "-n -L",
        "-t * -S",
        "-t * -L",
        "-t * -n -L",
        "-w -t * -S",
        "-V $",
    ],
    "ip6tables": [
        "-S",
        "-L",
        "-n -L",
        "-t * -S",
        "-t * -L",
        "-t * -n -L",
        "-w -t * -S",
        "-V $",
    ],
    "iptables-save": [
        "$",
        "-c $",
        "-t * $",
        "-c -t * $",
        "-t * -c $",
    ],
    "ip6tables-save": [
        "$",
        "-c $",
        "-t * $",
        "-c -t * $",
        "-t * -c $",
    ],
    "iperf3": [
        "-c",
        "-J -c",
        "-s -1 -p",
        "--version $",
    ],
    "uname": ["-[amnrsv] $"],
    "tuned-adm": ["active $"],
    "firewall-cmd": ["--state $"],
}

PACKAGES: dict[str, str] = {
    "tc": "iproute2",
    "nft": "nftables",
    "ip": "iproute2",
    "ethtool": "ethtool",
    "sysctl": "procps",
    "modprobe": "kmod",
    "modinfo": "kmod",
    "systemctl": "systemd",
    "systemd-run": "systemd",
    "systemd-detect-virt": "systemd",
    "conntrack": "conntrack",
    "ss": "iproute2",
    "ping": "iputils-ping",
    "traceroute": "traceroute",
    "tracepath": "iputils-tracepath",
    "dig": "bind9-dnsutils",
    "host": "bind9-host",
    "nslookup": "bind9-dnsutils",
    "resolvectl": "systemd-resolved",
    "hostname": "hostname",
    "hostnamectl": "systemd",
    "nmcli": "network-manager",
    "iw": "iw",
    "iwconfig": "wireless-tools",
    "iwlist": "wireless-tools",
    "arp": "net-tools",
    "nstat": "iproute2",
    "iptables": "iptables",
    "ip6tables": "iptables",
    "iptables-save": "iptables",
    "ip6tables-save": "iptables",
    "iperf3": "iperf3",
    "uname": "coreutils",
    "tuned-adm": "tuned",
    "firewall-cmd": "firewalld",
}
# End of what allowlist.yaml says.


def _permits(entry: str, arguments: Sequence[str]) -> bool:
    """Return whether the arguments begin with the words of an entry."""
    words = entry.split()
    if words and words[-1] == NOTHING_MORE:
        words.pop()
        if len(arguments) != len(words):
            return False
    return len(arguments) >= len(words) and all(map(fnmatchcase, arguments, words))


def refuse(argv: Sequence[str], allowlist: Mapping[str, Sequence[str]]) -> str | None:
    """Return why a command may not run, or ``None`` when it may.

    Args:
        argv: the program's bare name and its arguments.
        allowlist: ``{program: [words that the arguments may begin with]}``.
    """
    if not argv:
        return "there is no command"
    program = argv[0]
    if program not in allowlist:
        return f"{program} is not on the allowlist"
    entries = allowlist[program]
    if any(_permits(entry, argv[1:]) for entry in entries):
        return None
    forms = [f"{program} {entry}".strip() for entry in entries]
    more = f" and {len(forms) - SHOWN} more" if len(forms) > SHOWN else ""
    return f"{program} may only be run as: {'; '.join(forms[:SHOWN])}{more}"
