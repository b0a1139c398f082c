#!/bin/sh
# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# What a host has of its own before netopt comes: settings, a tree of queueing disciplines, a table, and a file where
# netopt writes one. Run as root on a lab host.
set -eu
sysctl -qw net.ipv4.tcp_fin_timeout=42 net.ipv4.conf.all.accept_redirects=0 net.ipv4.tcp_rmem='8192 87380 1000000'
ip link set eth0 mtu 1434
ethtool -K eth0 gso off >/dev/null
tc -batch - <<'END'
qdisc add dev eth0 root handle a: htb default 0x30 r2q 7
class add dev eth0 parent a: classid a:1 htb rate 900mbit ceil 900mbit burst 20k
class add dev eth0 parent a:1 classid a:20 htb rate 300mbit ceil 800mbit prio 3 quantum 3000
class add dev eth0 parent a:1 classid a:30 htb rate 30mbit
class add dev eth0 parent a:20 classid a:21 htb rate 7mbit ceil 9mbit
qdisc add dev eth0 parent a:21 handle 77: bfifo limit 12345
qdisc add dev eth0 parent a:30 handle 30: tbf rate 5mbit burst 9kb latency 33ms
filter add dev eth0 parent a: protocol ip prio 5 handle 800:0:1 u32 match ip dport 53 0xffff flowid a:21
filter add dev eth0 parent a: protocol ipv6 prio 9 u32 match u8 0x11 0xff at 6 flowid a:30
END
nft -f - <<'END'
table ip other {
  chain input {
    type filter hook input priority 5; policy accept;
    tcp dport 8080 counter accept
  }
}
END
umask 027
echo 'net.ipv4.tcp_fin_timeout = 42' >/etc/sysctl.d/90-netopt.conf
