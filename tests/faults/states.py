# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""States that hosts are in before a change, made by hand, and the change that touches every subsystem."""

from __future__ import annotations

from typing import Any

CHANGES: dict[str, Any] = {
    "sysctl": {"net.ipv4.ip_forward": "1", "net.ipv4.tcp_fin_timeout": "15", "net.core.somaxconn": "8192"},
    "mtu": 1400,
    "offloads": {"tso": False, "gso": False},
    "shaper": {"egress_mbit": 100, "ingress_mbit": 50},
    "qdisc": {"type": "pfifo", "params": {"limit": 200}},
    "htb_classes": [
        {"classid": "1:10", "rate_mbit": 50, "ceil_mbit": 100, "leaf": {"type": "bfifo", "params": {}}},
        {"classid": "1:20", "rate_mbit": 20, "match": [{"proto": "tcp", "dports": ["443", "8000-8003"]}]},
    ],
    "connection_limits": [{"protocol": "tcp", "port": 443, "limit": 100, "mask": 32, "action": "reject"}],
    "dscp": [{"match": {"proto": "udp", "dports": ["5060"]}, "dscp": 46}],
}
SMALL: dict[str, Any] = {"sysctl": {"net.ipv4.tcp_fin_timeout": "15"}}

FOREIGN_NFT = """
nft -f - <<END
table ip other {
  chain input {
    counter packets 7 bytes 700
    tcp dport 22 accept
  }
  set seen { type ipv4_addr; flags timeout; }
  map ports { type inet_service : verdict; elements = { 80 : accept, 443 : drop }; }
}
table inet netopt {
  chain mine { counter packets 3 bytes 99 accept comment "by hand"
  }
}
END
"""
OWN_HTB = """
tc qdisc add dev eth0 root handle a: htb default 0x30 r2q 7
tc class add dev eth0 parent a: classid a:1 htb rate 900mbit ceil 900mbit burst 20k
tc class add dev eth0 parent a:1 classid a:20 htb rate 300mbit ceil 800mbit prio 3 quantum 3000
tc class add dev eth0 parent a:1 classid a:30 htb rate 30mbit
tc class add dev eth0 parent a:20 classid a:21 htb rate 7mbit ceil 9mbit
tc qdisc add dev eth0 parent a:21 handle 77: bfifo limit 12345
tc qdisc add dev eth0 parent a:30 handle 30: tbf rate 5mbit burst 9kb latency 33ms
tc filter add dev eth0 parent a: protocol ip prio 5 handle 800:0:1 u32 match ip dport 53 0xffff flowid a:21
tc filter add dev eth0 parent a: protocol ipv6 prio 9 u32 match u8 0x11 0xff at 6 flowid a:30
tc filter add dev eth0 parent a:1 protocol ip prio 4 u32 match ip src 10.0.0.0/8 flowid a:30 action mirred egress \
  redirect dev peer0
"""
INGRESS = """
tc qdisc add dev eth0 handle ffff: ingress
tc filter add dev eth0 parent ffff: protocol ip prio 7 u32 match ip protocol 17 0xff \
  action mirred egress mirror dev peer0
"""
SYSCTLS = """
sysctl -qw net.ipv4.tcp_fin_timeout=42 net.ipv4.conf.eth0.accept_redirects=0 net.ipv4.conf.all.rp_filter=1
sysctl -qw net.ipv4.tcp_rmem='8192 87380 1000000'
ip link set eth0 mtu 1434
ethtool -K eth0 gso off >/dev/null
"""

STATES = {
    "as the kernel made it": "",
    "a shaper of its own": OWN_HTB + FOREIGN_NFT + SYSCTLS,
    "ingress and a token bucket": INGRESS
    + "tc qdisc add dev eth0 root handle 5: tbf rate 10mbit burst 5kb latency 70ms\n"
    + FOREIGN_NFT,
}
