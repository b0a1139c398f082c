#!/bin/bash
# Preview of plan d33c52cbd318d6372f436aa2af6ae52f72cff2b55994a04823bf61bd59b1be38. `netopt apply` never runs this text.
set -eu
# changes.shaper: The shaper has no qdisc to queue with; packets wait in a plain pfifo
sysctl -w net.ipv4.tcp_fin_timeout=25
set -eu
tc qdisc replace dev eth0 root pfifo
tc qdisc replace dev eth0 root handle 1: htb default 1
tc class add dev eth0 parent 1: classid 1:1 htb rate 800mbit ceil 800mbit burst 100000b cburst 100000b quantum 200000
if ip link show dev ifb-eth0 >/dev/null 2>&1; then tc qdisc del dev eth0 ingress; fi
if ip link show dev ifb-eth0 >/dev/null 2>&1; then ip link del dev ifb-eth0; fi
