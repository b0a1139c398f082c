#!/bin/bash
# Preview of plan 6cd94cdd489622d4c66c490214628b7df43e42b89d52d594959f655bbcaf1edd. `netopt apply` never runs this text.
set -eu
sysctl -w net.ipv4.ip_forward=1
sysctl -w net.ipv4.tcp_fin_timeout=15
ip link set dev eth0 mtu 1400
ethtool -K eth0 tso off
set -eu
tc qdisc replace dev eth0 root pfifo
tc qdisc replace dev eth0 root handle 1: htb default fffe
tc class add dev eth0 parent 1: classid 1:1 htb rate 900mbit ceil 900mbit burst 112500b cburst 112500b quantum 200000
tc class add dev eth0 parent 1:1 classid 1:10 htb rate 200mbit ceil 200mbit burst 25000b cburst 25000b quantum 200000
tc class add dev eth0 parent 1:1 classid 1:fffe htb rate 1mbit ceil 900mbit cburst 112500b
if ip link show dev ifb-eth0 >/dev/null 2>&1; then tc qdisc del dev eth0 ingress; fi
if ip link show dev ifb-eth0 >/dev/null 2>&1; then ip link del dev ifb-eth0; fi
nft -f - <<'NFT'
table inet netopt
delete table inet netopt
table inet netopt {
	chain nat_postrouting {
		type nat hook postrouting priority srcnat - 5; policy accept;
		oifname "eth0" meta nfproto ipv4 ip saddr 192.0.2.0/24 masquerade comment "nat_rules[0]"
	}
}
NFT
