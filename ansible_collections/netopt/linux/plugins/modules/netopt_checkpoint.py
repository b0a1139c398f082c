#!/usr/bin/python
# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible module: the checkpoints of a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: netopt_checkpoint
short_description: Checkpoints and plans in force of a host
version_added: 0.1.0
description:
  - Every change that M(netopt.linux.netopt_apply) makes has a checkpoint on the host. This module lists them, restores
    the state before a change, confirms a change for good or gives it more time to be confirmed, and removes
    checkpoints.
  - It also writes a state down by hand, to come back to it later.
  - Restoring compares each setting with what was there before and with what the change had set. A setting that is
    neither was changed by somebody else since; it is reported by name, and restored or kept as asked.
author:
  - The NetOpt Authors (@netopt)
extends_documentation_fragment:
  - netopt.linux.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: partial
    details:
      - O(state=extended) counts from now, so each run moves the time again.
  platform:
    platforms: linux
requirements:
  - root on the host
options:
  state:
    description:
      - V(present) writes down what O(iface), O(sysctl) and O(nft) name, unless the checkpoint is there.
      - V(restored) restores the state of the checkpoint. Changes made after it are undone first, newest first.
      - V(confirmed) keeps a change that waits for its confirmation.
      - V(extended) lets a change that waits for its confirmation wait until O(confirm_timeout_s) from now. Where it
        does not wait any more that is an error, which says what has become of it.
      - V(accepted) lets what a change has left behind stay as it is, after a rollback of it that failed
        (V(restore_failed)). The next change is possible then. The checkpoint stays, and V(restored) tries it again.
      - V(absent) removes the checkpoint and changes nothing else.
      - V(listed) returns the checkpoints and changes nothing.
      - V(plans) returns which plans are in force on the host, and changes nothing.
      - V(verified) compares the host with what the changes in force have set, of each setting the newest, and changes
        nothing. Where something differs it says so as check mode does, with the status V(would_change).
    type: str
    choices: [absent, accepted, confirmed, extended, listed, plans, present, restored, verified]
    default: listed
  id:
    description:
      - Name of the checkpoint. With O(state=present) one is made up unless given, the same on every host of the task.
      - With O(state=verified) only what this change set is compared; all changes in force unless given.
      - On a host that has no such checkpoint V(restored), V(confirmed), V(extended), V(accepted) and V(verified) do
        nothing and report V(skipped).
    type: str
  label:
    description:
      - What a person calls the checkpoint, for O(state=present).
    type: str
  iface:
    description:
      - Interfaces whose MTU, offloads, queues and queueing disciplines are written down, for O(state=present). V(auto)
        is that of the default route, or all where several default routes are equal. A glob such as V(en*) is all that
        match.
    type: list
    elements: str
    default: []
  sysctl:
    description:
      - Kernel parameters that are written down, for O(state=present).
    type: list
    elements: str
    default: []
  nft:
    description:
      - Whether the table C(inet netopt) is written down, for O(state=present).
    type: bool
    default: true
  on_conflict:
    description:
      - What becomes of settings that somebody else has changed since, for O(state=restored).
    type: str
    choices: [keep, restore]
    default: restore
  confirm_timeout_s:
    description:
      - Seconds from now within which the change has to be confirmed, for O(state=extended). From 5 to 86400; fewer
        than were left is allowed.
    type: float
  fail_on_drift:
    description:
      - Fail where a setting differs, for O(state=verified). The message names the settings, what was wanted and found.
    type: bool
    default: false
seealso:
  - module: netopt.linux.netopt_apply
"""

EXAMPLES = r"""
- name: See which changes can be undone
  netopt.linux.netopt_checkpoint:
  register: known

- name: Undo a change and those made after it
  netopt.linux.netopt_checkpoint:
    state: restored
    id: 20260101T120000Z-4f2a1c

- name: Take another ten minutes to look at a change that waits for its confirmation
  netopt.linux.netopt_checkpoint:
    state: extended
    id: 20260101T120000Z-4f2a1c
    confirm_timeout_s: 600

- name: See whether anybody has changed by hand what netopt has set
  netopt.linux.netopt_checkpoint:
    state: verified
  register: verified

- name: See which plans are in force, and what each sets
  netopt.linux.netopt_checkpoint:
    state: plans
  register: plans

- name: Write down the state of the uplink before working on it by hand
  netopt.linux.netopt_checkpoint:
    state: present
    label: before the maintenance
    iface: [auto]
    sysctl: [net.ipv4.ip_forward]
"""

RETURN = r"""
report:
  description: What came of it on this host, in the shape that M(netopt.linux.netopt_apply) documents.
  returned: always
  type: dict
checkpoints:
  description: The checkpoints that it was about, oldest first.
  returned: always
  type: list
  elements: dict
  contains:
    id:
      description: Its name.
      type: str
      returned: always
    label:
      description: What a person calls it.
      type: str
      returned: always
    created:
      description: When it was made, UTC.
      type: str
      returned: always
    status:
      description:
        - V(armed) while a change is being made, V(applied) until it is confirmed, V(confirmed), V(rolled_back),
          V(restore_failed), V(accepted), or V(snapshot) for a state written down by hand.
      type: str
      returned: always
    digest:
      description: Digest of the plan.
      type: str
      returned: always
    note:
      description: How it came to its status.
      type: str
      returned: always
    this_boot:
      description: Whether it was made since the host was last started.
      type: bool
      returned: always
    time_boxed:
      description: Whether a part of the change still ends by itself.
      type: bool
      returned: always
    confirm_in_s:
      description: Seconds that are left to confirm the change, V(null) where it does not wait for that.
      type: float
      returned: always
changing:
  description: What is being done to the network of the host at this moment, V(null) where nothing is.
  returned: when O(state=listed)
  type: str
  sample: netopt_apply, checkpoint 20260101T120000Z-4f2a1c
kept:
  description: What was reported of the change when it was made, in the shape of RV(report).
  returned: when O(state=listed), O(id) is given, and the host has kept it
  type: dict
plans:
  description: The plans in force, the one without a name first, then by their names.
  returned: when O(state=plans)
  type: list
  elements: dict
  contains:
    name:
      description: Its name, V(null) for the plan without one.
      type: str
      returned: always
    digest:
      description: Digest of the plan that was applied last under this name, V(null) where it had none.
      type: str
      returned: always
    checkpoint_id:
      description: The change that set it last.
      type: str
      returned: always
    since:
      description: When that was, UTC.
      type: str
      returned: always
    by:
      description: Who asked for it, V(null) where that is not known.
      type: str
      returned: always
    sections:
      description: What it sets.
      type: list
      elements: dict
      returned: always
      contains:
        path:
          description: Where in C(changes) of a plan it stands.
          type: str
          returned: always
        ifaces:
          description: The interfaces that it is for, none for kernel parameters.
          type: list
          elements: str
          returned: always
        value:
          description: What the plan says.
          type: raw
          returned: always
        checkpoint_id:
          description: The change that set it.
          type: str
          returned: always
        persist:
          description: Whether it is there again after a restart.
          type: bool
          returned: always
  sample:
    - name: base
      digest: 3f0b1c9a0d7e5a64c2f1e8b7d6a5948372615049f8e7d6c5b4a3928170615243
      checkpoint_id: 20260101T120000Z-4f2a1c
      since: "2026-01-01T12:00:00Z"
      by: operator@controller
      sections:
        - path: sysctl.net.core.somaxconn
          ifaces: []
          value: "16384"
          checkpoint_id: 20260101T120000Z-4f2a1c
          persist: false
drift:
  description: The settings that are not as the changes in force have set them, in the order of applying.
  returned: when O(state=verified)
  type: list
  elements: dict
  contains:
    subsystem:
      description: V(sysctl), V(link), V(route), V(tc) or V(nft).
      type: str
      returned: always
    key:
      description: The setting in the tool's own terms.
      type: str
      returned: always
    wanted:
      description: What the change set, V(null) where it took the setting away.
      type: str
      returned: always
    found:
      description: What is there now, V(null) where there is nothing.
      type: str
      returned: always
    checkpoint_id:
      description: The change that set it.
      type: str
      returned: always
    owner:
      description: Who has the setting now, where that can be known.
      type: str
      returned: always
  sample:
    - subsystem: sysctl
      key: net.ipv4.tcp_fin_timeout
      wanted: "15"
      found: "60"
      checkpoint_id: 20260101T120000Z-4f2a1c
      owner: null
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.netopt.linux.plugins.module_utils._modules.checkpoint import ARGUMENT_SPEC, CONSTRAINTS, run


def main() -> None:
    """Do what is asked of the checkpoints."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True, **CONSTRAINTS)
    result = run(module.params, check=module.check_mode, diff=module._diff)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
