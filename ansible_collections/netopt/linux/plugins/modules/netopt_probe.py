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
  - Measures round-trip times by ICMP echo and by TCP connects, five probes in a second for O(duration_s), all targets
    at the same time; then throughput with iperf3, so that its load does not disturb the delays.
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
      - Host with an iperf3 server, to which throughput is measured. The link is fully loaded meanwhile.
    type: str
  duration_s:
    description:
      - For how many seconds to measure delays, and again throughput; 1 to 600.
    type: int
    default: 10
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
measurements:
  description: What was measured.
  returned: success
  type: dict
  contains:
    ping:
      description:
        - By target C(sent), C(received), C(loss_pct), C(min_ms), C(mean_ms), C(p50_ms), C(p95_ms), C(p99_ms), C(max_ms)
          and C(jitter_ms), the mean difference of consecutive times; C(message) where something went wrong.
      type: dict
      returned: always
    tcp:
      description: The same by service; a time is that of one connect.
      type: dict
      returned: always
    iperf:
      description: C(throughput_mbps) as received and C(retransmits); C(message) where something went wrong.
      type: dict
      returned: when O(iperf) is given
    counters:
      description: How far the host's counters of retransmissions and drops went on meanwhile.
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

from ansible_collections.netopt.linux.plugins.module_utils._probe_entry import ARGUMENT_SPEC, run


def main() -> None:
    """Measure."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    result = run(module.params, check=module.check_mode, diff=False)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
