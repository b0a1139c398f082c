#!/usr/bin/python
# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action plugin of the same name, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: netopt_rollout
short_description: Lead a change from wave to wave
version_added: 0.1.0
description:
  - Divides the hosts of a play into waves, decides after each wave whether the next one begins, and says what is left
    to do about which host.
  - The playbook C(netopt.linux.rollout) is made of it; it has no use outside of that. Its variables are described in
    C(docs/rollouts.md).
author:
  - The NetOpt Authors (@netopt)
extends_documentation_fragment:
  - netopt.linux.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
  platform:
    platforms: linux
requirements:
  - the Python package C(netopt) on the controller
options:
  stage:
    description:
      - V(begin) waits where a pause is wanted, V(end) looks at the hosts of the wave. Both run once for all of them.
        What is a host's own they look up in its variables.
      - V(prepare) takes away what an interrupted attempt at the same rollout has left on a host.
      - V(finish) confirms or restores a host, or lets it fail where it has failed in its wave.
    type: str
    choices: [prepare, begin, end, finish]
    required: true
  waves:
    description:
      - Sizes of the waves, as a list or as text with commas. A number of hosts, or a share of all hosts such as V(10%).
      - The last one holds for all waves that are left. All hosts at once unless given.
    type: raw
  canary:
    description:
      - How many hosts, or which share of them, go ahead of these waves.
    type: raw
  pause_s:
    description:
      - Seconds between two waves.
    type: float
    default: 0
  max_failures:
    description:
      - How many hosts, or which share of all hosts, may fail before the rollout stops.
      - It stops in any case after a wave in which every host failed.
    type: raw
    default: 0
  on_failure:
    description:
      - What becomes of the hosts that have taken the change when the rollout stops.
    type: str
    choices: [stay, roll_back]
    default: stay
  confirm_at:
    description:
      - Whether each host keeps the change in its wave, or all of them keep it at the end.
      - V(wave) unless given, and V(end) where O(confirm=manual).
    type: str
    choices: [wave, end]
  confirm:
    description:
      - Whether the rollout confirms the change or somebody else does.
    type: str
    choices: [auto, manual]
    default: auto
  confirm_timeout_s:
    description:
      - Seconds after which a host restores itself unless its change is confirmed; with O(confirm_at=end) counted from
        the end of the rollout. 120 unless given.
    type: float
  gate_wait_s:
    description:
      - Seconds that hosts may take to take connections on the ports of the gate.
    type: float
    default: 10
  checkpoint_id:
    description:
      - Name of the checkpoint on every host. One is made up unless given.
    type: str
notes:
  - Behind its wave a host has to take connections from the controller on the TCP ports that its variable
    C(netopt_gate_tcp) lists. They are made to its variable C(netopt_gate_address), C(ansible_host) or its name.
  - How long a wave can take depends on what C(netopt_plan) has each of its hosts measure.
seealso:
  - module: netopt.linux.netopt_apply
"""

EXAMPLES = r"""
# What the playbook netopt.linux.rollout does around the role, in a play whose serial is the waves. To roll a plan out,
# run netopt.linux.apply with netopt_waves, netopt_canary, netopt_pause_s, netopt_max_failures, netopt_on_failure.
- name: Begin the wave
  netopt.linux.netopt_rollout:
    stage: begin
    canary: 1
    waves: ["10%", "100%"]
    pause_s: 60
    max_failures: "5%"
    on_failure: roll_back
  run_once: true
  register: netopt_wave

- name: Look at the wave
  netopt.linux.netopt_rollout:
    stage: end
    canary: 1
    waves: ["10%", "100%"]
    max_failures: "5%"
    on_failure: roll_back
  run_once: true
"""

RETURN = r"""
number:
  description: Number of the wave, from 1.
  returned: for O(stage=begin) and O(stage=end)
  type: int
checkpoint_id:
  description: Name of the checkpoint on every host.
  returned: for O(stage=begin) and O(stage=end)
  type: str
rollout:
  description:
    - How the rollout stands, with C(waves) (C(number), C(hosts), C(started), C(finished), C(status), C(gate)),
      C(stopped), C(reason), C(on_failure) and C(confirm).
  returned: for O(stage=begin) and O(stage=end)
  type: dict
stop:
  description: Whether the rollout ends with this wave since too much went wrong.
  returned: for O(stage=end)
  type: bool
unhealthy:
  description: Why hosts do not pass the gate, by host.
  returned: for O(stage=end)
  type: dict
finish:
  description: What is left to do at the end of the rollout, by host.
  returned: for O(stage=end)
  type: dict
report:
  description: The host's last report, see M(netopt.linux.netopt_apply).
  returned: for O(stage=finish)
  type: dict
"""
