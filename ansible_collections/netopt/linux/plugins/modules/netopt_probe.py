#!/usr/bin/python
# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible module: delay, loss and throughput as a host sees them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: netopt_probe
short_description: Measure delay, jitter, loss and throughput from a host
version_added: 0.1.0
description:
  - Measures round-trip times by ICMP echo and by TCP connects, a probe every O(interval_s) for O(duration_s), all
    targets at the same time; then throughput with iperf3, so that its load does not disturb the delays, and the delays
    once more beside the load.
  - A probe is sent when its time has come, whether or not those before it were answered, so a slow answer does not hide
    how slow the next ones would have been.
  - Counts meanwhile what the kernel counts of TCP retransmissions, dropped packets, queues and softnet.
  - A target that does not answer is a result, not a failure of the module.
author:
  - The NetOpt Authors (@netopt)
extends_documentation_fragment:
  - netopt.linux.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  platform:
    platforms: linux
  idempotent:
    support: full
options:
  ping:
    description:
      - Hosts to send ICMP echo requests to.
    type: list
    elements: str
    default: []
  tcp:
    description:
      - Services to connect to, as C(host:port) or C([address]:port).
    type: list
    elements: str
    default: []
  iperf:
    description:
      - Host with an iperf3 server, to which throughput is measured, or the name of a host of the inventory, which then
        serves meanwhile. The link is fully loaded.
    type: str
  iperf_port:
    description:
      - Port of the iperf3 server; that of iperf3 itself unless given.
    type: int
  both_ways:
    description:
      - Whether the load of O(iperf) goes both ways at once. Delays are then measured to its host, where neither O(ping)
        nor O(tcp) says another one.
    type: bool
    default: false
  without_idle:
    description:
      - Whether delays are measured beside the load of O(iperf) alone, and not before it.
    type: bool
    default: false
  duration_s:
    description:
      - For how many seconds to measure delays, and again throughput; 1 to 600.
    type: int
    default: 10
  interval_s:
    description:
      - How many seconds lie between two probes to a target; V(0.02) and more. Those who are not root send ICMP echo
        requests every 0.2 s at most.
    type: float
    default: 0.2
  samples:
    description:
      - Whether to return single times and stretches of throughput as well.
    type: bool
    default: false
  serve_port:
    description:
      - Measure nothing, and serve one client of iperf3 on this port instead, one that measures for O(duration_s). The
        server ends with its client, or when none came, or with this module.
    type: int
"""

EXAMPLES = r"""
- name: Measure to the gateway and to a web server
  netopt.linux.netopt_probe:
    ping:
      - 192.0.2.254
    tcp:
      - www.example.com:443
    duration_s: 20
  register: before

- name: Measure throughput
  netopt.linux.netopt_probe:
    iperf: 192.0.2.10
"""

RETURN = r"""
served:
  description: Whether a client came and was served.
  returned: when O(serve_port) is given
  type: bool
measurements:
  description: What was measured.
  returned: success
  type: dict
  contains:
    ping:
      description:
        - By target C(sent), C(received), C(loss_pct), C(min_ms), C(mean_ms), C(p50_ms), C(p95_ms), C(p99_ms), C(max_ms)
          and C(jitter_ms), the mean difference of consecutive times; C(message) where something went wrong. Beside the
          load of O(iperf) C(loaded_p50_ms), C(loaded_p95_ms) and C(loaded_loss_pct). With O(samples) C(samples_ms) too,
          each time in the order of the probes, V(null) for one that was lost.
      type: dict
      returned: always
    tcp:
      description: The same by service; a time is that of one connect.
      type: dict
      returned: always
    iperf:
      description:
        - C(throughput_mbps) as received, C(reverse_mbps) with O(both_ways), and C(retransmits); C(message) where
          something went wrong. With O(samples) also C(intervals_mbps), the throughput of each half second. The first
          second of the flow is left out.
      type: dict
      returned: when O(iperf) is given
    counters:
      description:
        - How far the host's counters went on meanwhile - C(tcp_segments) sent and C(tcp_retransmits),
          C(interface_drops), C(softnet_dropped), C(softnet_time_squeeze), and of the root queueing disciplines
          C(qdisc_drops), C(qdisc_overlimits) and C(qdisc_requeues).
        - C(backlog_packets_max) and C(backlog_bytes_max) are the most that was seen waiting in those, looking every
          half second.
      type: dict
      returned: always
    duration_s:
      description: How long it took.
      type: float
      returned: always
  sample:
    ping:
      192.0.2.254:
        sent: 100
        received: 100
        loss_pct: 0.0
        p95_ms: 0.412
        jitter_ms: 0.034
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.netopt.linux.plugins.module_utils._modules.probe import ARGUMENT_SPEC, run


def main() -> None:
    """Measure."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    result = run(module.params, check=module.check_mode, diff=False)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
