#!/bin/bash
# Preview of plan 9cf422628ecbee8e6b22145911c9e34180e1ccac169f225020b2298ecdb15642. `netopt apply` never runs this text.
set -eu
sysctl -w net.ipv4.tcp_fin_timeout=31
