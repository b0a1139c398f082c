#!/bin/bash
# Preview of plan 77704074257cdf2538a7d1170c4ddd0804c2a140e7df4e7b6cf1ea543a0300f4. `netopt apply` never runs this text.
set -eu
sysctl -w net.ipv4.ip_forward=1
sysctl -w net.ipv4.tcp_fin_timeout=21
ip link set dev eth0 mtu 1400
ethtool -K eth0 tso off gso on
set -eu
if ! ip link show dev ifb-eth0 >/dev/null 2>&1; then ip link add name ifb-eth0 type ifb; fi
ip link set dev ifb-eth0 txqueuelen 1000 up
tc qdisc replace dev eth0 root pfifo
tc qdisc replace dev eth0 root handle 1: htb default 20
tc class add dev eth0 parent 1: classid 1:1 htb rate 700mbit ceil 700mbit burst 87500b cburst 87500b quantum 200000
tc class add dev eth0 parent 1:1 classid 1:10 htb rate 100mbit ceil 100mbit burst 12500b cburst 12500b quantum 200000
tc class add dev eth0 parent 1:1 classid 1:20 htb rate 50mbit ceil 50mbit burst 6250b cburst 6250b quantum 200000
tc qdisc add dev eth0 parent 1:20 handle 20: bfifo limit 30000b
tc filter add dev eth0 parent 1: protocol ip pref 1 u32 match ip protocol 6 0xff match u16 0x0000 0x1fff at 6 match ip dport 443 0xffff flowid 1:10
tc filter add dev eth0 parent 1: protocol ip pref 1 u32 match ip protocol 6 0xff match u16 0x0000 0x1fff at 6 match ip dport 8000 0xfffc flowid 1:10
tc filter add dev eth0 parent 1: protocol ipv6 pref 2 u32 match ip6 protocol 6 0xff match ip6 dport 443 0xffff flowid 1:10
tc filter add dev eth0 parent 1: protocol ipv6 pref 2 u32 match ip6 protocol 6 0xff match ip6 dport 8000 0xfffc flowid 1:10
tc qdisc replace dev ifb-eth0 root pfifo
tc qdisc replace dev ifb-eth0 root handle 1: htb default 1
tc class add dev ifb-eth0 parent 1: classid 1:1 htb rate 600mbit ceil 600mbit burst 75000b cburst 75000b quantum 200000
tc qdisc replace dev eth0 ingress
tc filter del dev eth0 ingress
tc filter add dev eth0 ingress protocol all pref 1 u32 match u32 0 0 action mirred egress redirect dev ifb-eth0
nft -f - <<'NFT'
table inet netopt
delete table inet netopt
table inet netopt {
	set connlimit_tcp_v4 {
		type ipv4_addr . inet_service
		flags dynamic
		size 65535
	}
	set connlimit_tcp_v6 {
		type ipv6_addr . inet_service
		flags dynamic
		size 65535
	}
	chain input {
		type filter hook input priority filter - 10; policy accept;
		iif "lo" accept comment "loopback is never limited"
		ct state established,related accept comment "connection_tracking.accept_established"
		ct state new tcp flags & (fin|syn|rst|ack) != syn accept comment "only the start of a connection is limited"
		iifname "eth0" meta nfproto ipv4 tcp dport 443 ct state new add @connlimit_tcp_v4 { ip saddr . tcp dport ct count over 100 } counter reject with tcp reset comment "connection_limits[0]"
		iifname "eth0" meta nfproto ipv6 tcp dport 443 ct state new add @connlimit_tcp_v6 { ip6 saddr & ffff:ffff:ffff:ffff:: . tcp dport ct count over 100 } counter reject with tcp reset comment "connection_limits[0]"
		iifname "eth0" udp dport 53 ct state new limit rate over 1000/second burst 50 packets counter drop comment "rate_limits[0]"
	}
	chain egress {
		type filter hook postrouting priority mangle; policy accept;
		oifname "eth0" meta nfproto ipv4 udp dport 5060 ip dscp set 46 accept comment "dscp[0]"
		oifname "eth0" meta nfproto ipv6 udp dport 5060 ip6 dscp set 46 accept comment "dscp[0]"
	}
	chain nat_postrouting {
		type nat hook postrouting priority srcnat - 5; policy accept;
		oifname "eth0" meta nfproto ipv4 ip saddr 192.0.2.0/24 masquerade comment "nat_rules[0]"
	}
}
NFT
