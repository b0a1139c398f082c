#!/usr/bin/python
# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible module: a whole plan as one transaction."""

from __future__ import annotations

DOCUMENTATION = r"""
module: netopt_apply
short_description: Apply network plans as one transaction, or take them away
version_added: 0.1.0
description:
  - Brings kernel parameters, interfaces, queueing disciplines and the table C(inet netopt) of nftables to what a plan
    asks for, or several plans, as one transaction. All of it holds afterwards, or all of it is as before.
  - The plan is first tried in a scratch network namespace on the host itself. Then what is there is written down, a
    watchdog that restores it is started, and only then is anything changed. What was changed is read back.
  - The watchdog restores the host when this module is killed, and when the change is not confirmed in time.
  - Only what the plan names is touched. A plan without a name sets the sections that it names and leaves all others as
    they are, whoever set them. A plan with a name replaces what was set under this name before.
  - A section that a plan names with V(null) or an empty list is taken away. What was there before any plan comes back,
    or what another plan wants.
  - Two plans that want different values for one section are refused, with both names and both values.
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
    support: full
  platform:
    platforms: linux
requirements:
  - root on the host
  - iproute2, for plans that shape traffic
  - nftables, for plans that filter, mark or translate
options:
  plan:
    description:
      - The normalised ParameterPlan, with C(iface), C(changes) and, where there are any, C(name) and C(profile).
      - C(iface) is a name, a glob such as V(en*), a dictionary of C(driver), C(type) and C(min_speed_mbit), a list of
        these, or V(auto) for that of the default route. Each host finds its own, and fails where it has none.
      - M(netopt.linux.netopt_validate) normalises a plan.
      - It may be text in JSON or YAML, where a key that is given twice is refused.
      - Unknown keys, missing ones and values of another kind are refused with their path before the host is looked at,
        with O(check_policy) and without it.
      - Values out of the bounds of the shipped policy are refused too, all at once, before the host is reached. Which
        values go together is for the policy to say, as are the bounds of a policy of your own; see O(check_policy).
      - Exactly one of O(plan), O(plans) and O(remove) is needed.
    type: dict
  plans:
    description:
      - Several plans, each as in O(plan), that are applied together. All of them hold afterwards, or none.
      - Each has a name of its own, or none.
    type: list
    elements: dict
  remove:
    description:
      - Names of plans that are taken away. What they set reads as it did before any plan set it, or as another plan in
        force wants it.
      - A host on which none of them is in force is left as it is.
    type: list
    elements: str
  judged:
    description:
      - What the policy says of each of O(plans), in the same order. C(digest) and C(adaptations) mean what the options
        of these names mean of O(plan). With O(check_policy) it is found out.
    type: list
    elements: dict
  by:
    description:
      - Who asks for the change. The host keeps it with the plan, for
        O(netopt.linux.netopt_checkpoint#module:state=plans).
      - The user and the name of the controller, unless given.
    type: str
  digest:
    description:
      - SHA-256 in hexadecimal of the plan and its rendered text. The module renders the plan again and refuses when
        the digest differs. Of several plans, one digest over those of all.
    type: str
  adaptations:
    description:
      - Rules of the policy that fit the values of a profile to the host. Leave them out for values that are meant
        exactly as they are.
    type: list
    elements: dict
    default: []
  skippable:
    description:
      - Kernel parameters that are left out, with a reason, where the kernel lacks them.
    type: dict
    default: {}
  modules:
    description:
      - Kernel modules that bring a kernel parameter, by parameter.
    type: dict
    default: {}
  labels:
    description:
      - Labels of the host. Impairments need the label C(netem).
    type: list
    elements: str
    default: []
  link:
    description:
      - The uplink behind the interface, for plans that name a profile and have no C(link) of their own. The profile
        shapes what leaves and what arrives below these rates, so that packets wait here, in short fair queues, and not
        in the modem. O(adaptations) say how; without them it has no effect.
      - The role P(netopt.linux.optimize#role) takes it from the variable C(netopt_link) of each host.
    type: dict
    suboptions:
      up_mbit:
        description: What the uplink sends at most, in Mbit/s, as measured.
        type: float
        required: true
      down_mbit:
        description: What arrives by it at most, in Mbit/s, as measured.
        type: float
        required: true
      overhead_bytes:
        description: Bytes that the link adds to each packet.
        type: int
  allowlist:
    description:
      - The programs that may run on the host, with their permitted arguments. What is shipped, unless given.
    type: dict
  checkpoint_id:
    description:
      - Name of the checkpoint. One is made up unless given, the same on every host that the task changes.
      - A task that can run more than once on a host, in a loop, with C(until) or as a handler, has each host
        make one up each time.
    type: str
  checkpoint_label:
    description:
      - What a person calls the change.
    type: str
  confirm_timeout_s:
    description:
      - Seconds in which the change has to be confirmed. Otherwise the host restores itself.
      - From V(5) to V(86400); V(0) keeps the change at once.
    type: float
    default: 120
  confirm:
    description:
      - V(auto) confirms as soon as a new connection from the controller to the host comes about.
      - V(manual) leaves it to a later M(netopt.linux.netopt_checkpoint), for example once users have said that all is
        well.
    type: str
    choices: [auto, manual]
    default: auto
  check_policy:
    description:
      - Check the plan against the policy on the controller before it is sent, as M(netopt.linux.netopt_validate) does.
        What the policy says then replaces O(digest), O(adaptations), O(skippable), O(modules) and O(allowlist); an
        O(digest) that differs is an error.
      - A plan that C(netopt) has checked itself before it started Ansible is not checked twice.
      - The role P(netopt.linux.optimize#role) always asks for it.
    type: bool
    default: false
  from_variables:
    description:
      - Take what the host's variables say, each by the name of an option behind C(netopt_), such as C(netopt_plan) and
        C(netopt_persist), in place of the task's own. One that is not there, or is empty, says nothing.
      - They are read where the task runs, which is quicker than a template for each. They never say O(check_policy) or
        O(without_bounds).
      - The role P(netopt.linux.optimize#role) is a task with this option.
    type: bool
    default: false
  persist:
    description:
      - Bring the change back after a restart of the host, with C(/etc/sysctl.d/90-netopt.conf) and with units of
        systemd that need no Python.
      - Nothing of it is written before the change is confirmed, and rolling the change back takes it away again.
      - Impairments are never persisted. On a host whose process 1 is not systemd this is an error.
    type: bool
    default: false
  without_bounds:
    description:
      - Take values that are out of the bounds of the shipped policy, and kernel parameters that it has no card for.
      - The policy itself, where O(check_policy) asks it, is not left out by this.
    type: bool
    default: false
notes:
  - An impairment is taken away by the host itself after C(changes.netem.duration_s), 300 seconds by default, and the
    rest of the plan stays. Rolling the checkpoint back then leads to the state before the whole change.
  - A change that waits for its confirmation, or an impairment that still runs on the same interface, keeps a second
    one from being made. Confirm or roll back the first one.
  - The checkpoint's folder, C(/var/lib/netopt/checkpoints/ID), holds C(restore.pyz), which restores the host by hand
    with nothing but Python.
seealso:
  - module: netopt.linux.netopt_checkpoint
  - module: netopt.linux.netopt_validate
"""

EXAMPLES = r"""
- name: Put fq on the interface of the default route and raise the backlog
  netopt.linux.netopt_apply:
    plan:
      iface: auto
      changes:
        sysctl:
          net.core.somaxconn: "8192"
        qdisc:
          type: fq
          params: {}

- name: Apply two plans as one change, each under a name of its own
  netopt.linux.netopt_apply:
    plans:
      - name: wan
        iface: wan0
        changes:
          shaper: {egress_mbit: 20}
          nat_rules:
            - type: masquerade
              iface: wan0
      - name: lan
        iface: lan0
        changes:
          rate_limits:
            - rate: 50/second
              protocol: udp
              port: 53
              per_source: true

- name: Take the plan of the LAN away, and leave the other one
  netopt.linux.netopt_apply:
    remove: [lan]

- name: Limit connections, and restore the host unless the change is confirmed within a minute
  netopt.linux.netopt_apply:
    plan:
      iface: eth0
      changes:
        connection_limits:
          - protocol: tcp
            port: 443
            limit: 100
            mask: 32
            action: reject
    checkpoint_id: 20260101T120000Z-4f2a1c
    confirm: manual  # otherwise it is confirmed at once, over the connection that the task opens for that
    confirm_timeout_s: 60

- name: Open a new connection
  ansible.builtin.meta: reset_connection

- name: Keep the change
  netopt.linux.netopt_checkpoint:
    state: confirmed
    id: 20260101T120000Z-4f2a1c
"""

RETURN = r"""
report:
  description: What came of it on this host.
  returned: always
  type: dict
  contains:
    status:
      description:
        - V(applied), V(unchanged) or V(would_change); V(failed) when nothing was touched; V(rolled_back) when the
          host is as before; V(rollback_failed) when it could not be restored.
      type: str
      returned: always
    changed:
      description: Whether the host was changed.
      type: bool
      returned: always
    diff:
      description:
        - Differences, each with C(subsystem), C(key), C(before) and C(after). What is there after a restart has the
          subsystem C(persist); what becomes of the plans in force has the subsystem C(plan).
      type: list
      elements: dict
      returned: always
    operations:
      description: The steps taken, each with C(command), C(ok) and, where it failed, C(stderr).
      type: list
      elements: dict
      returned: always
    skipped:
      description: What was left out, each with C(key) and C(reason).
      type: list
      elements: dict
      returned: always
    warnings:
      description: What is worth knowing.
      type: list
      elements: str
      returned: always
    checkpoint_id:
      description: The checkpoint that restores the host. Empty when nothing was changed.
      type: str
      returned: always
    measurements:
      description:
        - Where the plan has C(validate) with targets, C(before) and C(after) the change, with the verdicts on the
          latter. A change that misses an objective is rolled back instead of confirmed.
      type: dict
      returned: always
    error:
      description:
        - Why it failed, with C(stage), C(key), C(wanted), C(before), C(after), C(message) and C(hint).
      type: dict
      returned: always
  sample:
    status: applied
    changed: true
    diff:
      - subsystem: sysctl
        key: net.core.somaxconn
        before: "4096"
        after: "8192"
    operations:
      - command: sysctl -w net.core.somaxconn=8192
        ok: true
    skipped: []
    warnings: []
    checkpoint_id: 20260101T120000Z-4f2a1c
    measurements: null
    error: null
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.netopt.linux.plugins.module_utils._modules.apply import ARGUMENT_SPEC, CONSTRAINTS, run


def main() -> None:
    """Apply the plan."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True, **CONSTRAINTS)
    result = run(module.params, check=module.check_mode, diff=module._diff)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
