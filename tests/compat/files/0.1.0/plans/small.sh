#!/bin/bash
# Preview of plan 5a1fc212743d5b73f4e0f5cf081ffeef60cd131903d8697f6a247e80999108ce. `netopt apply` never runs this text.
set -eu
sysctl -w net.ipv4.tcp_max_syn_backlog=4096
