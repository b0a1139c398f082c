#!/usr/bin/python
# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible module: queueing disciplines, shaping, classes and emulated impairment."""

from __future__ import annotations

DOCUMENTATION = r"""
module: netopt_tc
short_description: Set queueing disciplines, shapers, classes and netem
version_added: 0.1.0
description:
  - Brings the traffic control of interfaces to what the options say, with the fewest changes to the running kernel.
    A class whose rate differs is changed in place, the classes beside it are left alone.
  - What is wanted is first made in a scratch network namespace, on an interface of the same name. What tc or the kernel
    refuses, or drops without a word, is reported before anything is touched.
  - The kernel's own form of that state is what is compared with the host, and what is sent to it over netlink.
  - A source that a class matches is the one that packets leave with, behind address translation. This module makes
    filters alone; in a plan of M(netopt.linux.netopt_apply) it is the sender itself.
  - When a step fails, the qdiscs, classes and filters that were there before are put back, whoever made them.
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
options:
  state:
    description:
      - V(present) sets what the other options say.
      - V(absent) gives the interface its default qdisc back, and takes an ingress shaper of this collection away.
    type: str
    choices: [present, absent]
    default: present
  iface:
    description:
      - The interfaces. V(auto) is that of the default route, or all where several default routes are equal. A glob such
        as V(en*) is all that match.
    type: list
    elements: str
    required: true
  qdisc:
    description:
      - The queueing discipline. Together with a shaper or with classes it is the one in their leaves, unless it is
        V(htb) itself. V(cake) shapes by itself.
    type: dict
    suboptions:
      type:
        description: Its kind.
        type: str
        required: true
        choices: [fq, fq_codel, cake, htb, pfifo_fast, pfifo, bfifo, sfq, tbf, mq]
      params:
        description:
          - Its parameters in tc's own words, with an underscore for a hyphen and the unit in the name where tc has
            none, for example C(target_us), C(maxrate_mbit) or C(limit_bytes).
        type: dict
        default: {}
      per_queue:
        description:
          - What each TX queue has, below V(mq). The kernel's default when left out.
        type: dict
        suboptions:
          type:
            description: Its kind.
            type: str
            required: true
            choices: [fq, fq_codel, cake, htb, pfifo_fast, pfifo, bfifo, sfq, tbf]
          params:
            description: Its parameters, as in O(qdisc.params).
            type: dict
            default: {}
          htb_classes:
            description:
              - Classes of each queue, where its kind is V(htb), as in O(htb_classes). Rates are those of one queue.
            type: list
            elements: dict
            suboptions:
              classid:
                description: Name of the class, for example V(1:10), in hexadecimal.
                type: str
                required: true
              parent:
                description: The class above. The shaper's V(1:1) where there is one, else the root V(1:).
                type: str
              rate_mbit:
                description: What it is sure to get, in Mbit/s.
                type: float
                required: true
              ceil_mbit:
                description: What it may borrow up to, in Mbit/s. The rate when left out.
                type: float
              priority:
                description: Who borrows first, V(0) ahead of V(7).
                type: int
              burst:
                description: Bytes that may be sent at once at full speed.
                type: int
              cburst:
                description: Bytes that may be sent at once at the link's speed, whatever the ceiling.
                type: int
              quantum:
                description: Bytes that it sends before the next class of its priority borrows. By default by its rate.
                type: int
              leaf:
                description: The qdisc in the class. The kernel's own when left out.
                type: dict
                suboptions:
                  type:
                    description: Its kind.
                    type: str
                    required: true
                    choices: [fq, fq_codel, cake, pfifo_fast, pfifo, bfifo, sfq, tbf]
                  params:
                    description: Its parameters, as in O(qdisc.params).
                    type: dict
                    default: {}
              match:
                description:
                  - What belongs to the class. The first class that matches gets the packet.
                type: list
                elements: dict
                suboptions:
                  proto:
                    description: The protocol.
                    type: str
                    choices: [tcp, udp, sctp, icmp, icmpv6]
                  sports:
                    description: Source ports, each V(N) or V(N-M). Without a protocol they mean TCP and UDP.
                    type: list
                    elements: str
                  dports:
                    description: Destination ports, likewise.
                    type: list
                    elements: str
                  src:
                    description: A source address or prefix, IPv4 or IPv6.
                    type: str
                  dst:
                    description: A destination address or prefix, of the same IP version.
                    type: str
                  fwmark:
                    description: The mark that the firewall has put on the packet, with a mask where not all bits count.
                    type: str
                  dscp:
                    description: The code point, 0 to 63, or its name, such as V(AF41), V(EF) or V(CS1).
                    type: str
                  max_length:
                    description: The largest size of the IP packet, in bytes.
                    type: int
                  tcp_flags:
                    description: Flags of TCP that are set, or not set where V(!) stands in front. They mean TCP.
                    type: list
                    elements: str
                    choices:
                      [fin, "!fin", syn, "!syn", rst, "!rst", psh, "!psh", ack, "!ack", urg, "!urg",
                      ecn, "!ecn", cwr, "!cwr"]
                  skb_priority:
                    description:
                      - Refused, since no filter can tell it.
                    type: int
                  uid:
                    description: Refused, since no filter can tell it.
                    type: int
          default_class:
            description: The class of what matches nothing, in each queue.
            type: str
  shaper:
    description:
      - The rate that the whole interface is held to.
    type: dict
    suboptions:
      egress_mbit:
        description: Rate of what leaves, in Mbit/s.
        type: float
      ingress_mbit:
        description:
          - Rate of what arrives, in Mbit/s.
          - It is shaped on a device C(ifb-IFACE) to which everything that arrives is redirected. What was at the
            interface's ingress hook before makes way.
          - Left out, a device of that name and its redirection are taken away.
        type: float
      ceil_mbit:
        description: Upper bound of what leaves, in Mbit/s, where that is more than O(shaper.egress_mbit).
        type: float
      overhead_bytes:
        description: Bytes that the link adds to each packet, both ways.
        type: int
      mpu:
        description: The smallest size that a packet counts as on the link, in bytes.
        type: int
      linklayer:
        description: Framing of the link. V(ptm) needs the qdisc V(cake).
        type: str
        choices: [ethernet, atm, ptm]
  ingress:
    description:
      - What arrives, where it is to wait otherwise than what leaves, in a tree of its own on the device C(ifb-IFACE).
      - It is shaped to O(shaper.ingress_mbit), where that is given. Without this option O(qdisc) serves both.
    type: dict
    suboptions:
      qdisc:
        description:
          - The queueing discipline. Together with a shaper or with classes it is the one in their leaves, unless it is
            V(htb) itself. V(cake) shapes by itself.
        type: dict
        suboptions:
          type:
            description: Its kind.
            type: str
            required: true
            choices: [fq, fq_codel, cake, htb, pfifo_fast, pfifo, bfifo, sfq, tbf]
          params:
            description:
              - Its parameters in tc's own words, with an underscore for a hyphen and the unit in the name where tc has
                none, for example C(target_us), C(maxrate_mbit) or C(limit_bytes).
            type: dict
            default: {}
      htb_classes:
        description:
          - Classes of traffic with a rate each.
        type: list
        elements: dict
        suboptions:
          classid:
            description: Name of the class, for example V(1:10), in hexadecimal.
            type: str
            required: true
          parent:
            description: The class above. The shaper's V(1:1) where there is one, else the root V(1:).
            type: str
          rate_mbit:
            description: What it is sure to get, in Mbit/s.
            type: float
            required: true
          ceil_mbit:
            description: What it may borrow up to, in Mbit/s. The rate when left out.
            type: float
          priority:
            description: Who borrows first, V(0) ahead of V(7).
            type: int
          burst:
            description: Bytes that may be sent at once at full speed.
            type: int
          cburst:
            description: Bytes that may be sent at once at the link's speed, whatever the ceiling.
            type: int
          quantum:
            description: Bytes that it sends before the next class of its priority borrows. By default by its rate.
            type: int
          leaf:
            description: The qdisc in the class. O(ingress.qdisc) when left out, then O(qdisc).
            type: dict
            suboptions:
              type:
                description: Its kind.
                type: str
                required: true
                choices: [fq, fq_codel, cake, pfifo_fast, pfifo, bfifo, sfq, tbf]
              params:
                description: Its parameters, as in O(ingress.qdisc.params).
                type: dict
                default: {}
          match:
            description:
              - What belongs to the class. The first class that matches gets the packet.
            type: list
            elements: dict
            suboptions:
              proto:
                description: The protocol.
                type: str
                choices: [tcp, udp, sctp, icmp, icmpv6]
              sports:
                description: Source ports, each V(N) or V(N-M). Without a protocol they mean TCP and UDP.
                type: list
                elements: str
              dports:
                description: Destination ports, likewise.
                type: list
                elements: str
              src:
                description: A source address or prefix, IPv4 or IPv6.
                type: str
              dst:
                description: A destination address or prefix, of the same IP version.
                type: str
              fwmark:
                description: Refused by a plan, since rules that mark see what arrives later.
                type: str
              dscp:
                description: The code point, 0 to 63, or its name, such as V(AF41), V(EF) or V(CS1).
                type: str
              max_length:
                description: The largest size of the IP packet, in bytes.
                type: int
              tcp_flags:
                description: Flags of TCP that are set, or not set where V(!) stands in front. They mean TCP.
                type: list
                elements: str
                choices:
                  [fin, "!fin", syn, "!syn", rst, "!rst", psh, "!psh", ack, "!ack", urg, "!urg",
                  ecn, "!ecn", cwr, "!cwr"]
              skb_priority:
                description:
                  - Refused, since what arrives has no priority yet.
                type: int
              uid:
                description: Refused, since what arrives has no user of this host yet.
                type: int
      default_class:
        description: The class of what matches nothing.
        type: str
  netem:
    description:
      - Delay, loss and other impairment for tests. It sits below a classful qdisc and above a classless one.
      - This module leaves it in place until told otherwise. A limit in time is kept by M(netopt.linux.netopt_apply).
    type: dict
    suboptions:
      delay_ms:
        description: Delay of every packet, in ms.
        type: float
      delay_jitter_ms:
        description: Variation of the delay, in ms.
        type: float
      delay_correlation_pct:
        description: How much the variation for a packet is that for the one before, in percent.
        type: float
      distribution:
        description:
          - How the variation is spread. The kernel does not show which of the last three it is, so the handle of the
            qdisc tells.
        type: str
        choices: [uniform, normal, pareto, paretonormal]
      loss_pct:
        description: Packets lost, in percent.
        type: float
      loss_correlation_pct:
        description: How much the fate of a packet is that of the one before, in percent.
        type: float
      loss_model:
        description: Losses in bursts, in the place of O(netem.loss_pct).
        type: dict
        suboptions:
          type:
            description: V(gemodel) has a good and a bad state. V(state) has four, of which two lose packets.
            type: str
            required: true
            choices: [gemodel, state]
          p_pct:
            description: Of V(gemodel), the chance to go from good to bad with each packet, in percent.
            type: float
          r_pct:
            description: Of V(gemodel), the chance to go back. What is left of 100 when left out.
            type: float
          bad_loss_pct:
            description: Of V(gemodel), packets lost in the bad state. V(100) when left out.
            type: float
          good_loss_pct:
            description: Of V(gemodel), packets lost in the good state. None when left out.
            type: float
          p13_pct:
            description: Of V(state), the chance to go from no loss to a burst of losses.
            type: float
          p31_pct:
            description: Of V(state), the chance that a burst ends. What is left of 100 when left out.
            type: float
          p32_pct:
            description: Of V(state), the chance that packets pass within a burst. None when left out.
            type: float
          p23_pct:
            description: Of V(state), the chance that losses go on after those. V(100) when left out.
            type: float
          p14_pct:
            description: Of V(state), the chance of a single loss. None when left out.
            type: float
      duplicate_pct:
        description: Packets sent twice, in percent.
        type: float
      duplicate_correlation_pct:
        description: How much it is with a packet as with the one before, in percent. Needs O(netem.duplicate_pct).
        type: float
      corrupt_pct:
        description: Packets with a bit turned, in percent.
        type: float
      corrupt_correlation_pct:
        description: How much it is with a packet as with the one before, in percent. Needs O(netem.corrupt_pct).
        type: float
      reorder_pct:
        description: Packets sent at once, ahead of those that wait, in percent. Needs O(netem.delay_ms).
        type: float
      reorder_correlation_pct:
        description: How much it is with a packet as with the one before, in percent. Needs O(netem.reorder_pct).
        type: float
      rate_mbit:
        description: Rate of the link that is emulated, in Mbit/s.
        type: float
      direction:
        description:
          - Whether packets that leave or packets that arrive are met. Those that leave when left out.
          - What arrives is redirected to an ifb device for it.
        type: str
        choices: [egress, ingress]
      match:
        description:
          - Which packets. All when left out. Answers of ssh are spared, unless it names source port 22.
        type: dict
        suboptions:
          proto:
            description: The protocol.
            type: str
            choices: [tcp, udp, sctp, icmp, icmpv6]
          sports:
            description: Source ports, each V(N) or V(N-M). Without a protocol they mean TCP, UDP and SCTP.
            type: list
            elements: str
          dports:
            description: Destination ports, likewise.
            type: list
            elements: str
          src:
            description: A source address or prefix, IPv4 or IPv6.
            type: str
          dst:
            description: A destination address or prefix, of the same IP version.
            type: str
      classes:
        description: Classes of O(htb_classes) whose packets are met. All when left out.
        type: list
        elements: str
      limit:
        description: Packets that may wait. V(10000) when left out.
        type: int
      duration_s:
        description: Accepted so that a plan's fields fit, and kept by M(netopt.linux.netopt_apply) only.
        type: int
  htb_classes:
    description:
      - Classes of traffic with a rate each.
    type: list
    elements: dict
    suboptions:
      classid:
        description: Name of the class, for example V(1:10), in hexadecimal.
        type: str
        required: true
      parent:
        description: The class above. The shaper's V(1:1) where there is one, else the root V(1:).
        type: str
      rate_mbit:
        description: What it is sure to get, in Mbit/s.
        type: float
        required: true
      ceil_mbit:
        description: What it may borrow up to, in Mbit/s. The rate when left out.
        type: float
      priority:
        description: Who borrows first, V(0) ahead of V(7).
        type: int
      burst:
        description: Bytes that may be sent at once at full speed.
        type: int
      cburst:
        description: Bytes that may be sent at once at the link's speed, whatever the ceiling.
        type: int
      quantum:
        description: Bytes that it sends before the next class of its priority borrows. By default by its rate.
        type: int
      leaf:
        description: The qdisc in the class. O(qdisc) when left out, the kernel's own when that is not set either.
        type: dict
        suboptions:
          type:
            description: Its kind.
            type: str
            required: true
            choices: [fq, fq_codel, cake, pfifo_fast, pfifo, bfifo, sfq, tbf]
          params:
            description: Its parameters, as in O(qdisc.params).
            type: dict
            default: {}
      match:
        description:
          - What belongs to the class. The first class that matches gets the packet.
        type: list
        elements: dict
        suboptions:
          proto:
            description: The protocol.
            type: str
            choices: [tcp, udp, sctp, icmp, icmpv6]
          sports:
            description: Source ports, each V(N) or V(N-M). Without a protocol they mean TCP and UDP.
            type: list
            elements: str
          dports:
            description: Destination ports, likewise.
            type: list
            elements: str
          src:
            description: A source address or prefix, IPv4 or IPv6.
            type: str
          dst:
            description: A destination address or prefix, of the same IP version.
            type: str
          fwmark:
            description:
              - The mark that the firewall has put on the packet, with a mask where not all bits count, as in
                V(0x10/0xff). Needs a kernel with CONFIG_CLS_U32_MARK.
            type: str
          dscp:
            description: The code point, 0 to 63, or its name, such as V(AF41), V(EF) or V(CS1).
            type: str
          max_length:
            description: The largest size of the IP packet, in bytes.
            type: int
          tcp_flags:
            description: Flags of TCP that are set, or not set where V(!) stands in front. They mean TCP.
            type: list
            elements: str
            choices:
              [fin, "!fin", syn, "!syn", rst, "!rst", psh, "!psh", ack, "!ack", urg, "!urg", ecn, "!ecn", cwr, "!cwr"]
          skb_priority:
            description:
              - The priority that a socket or a rule gave the packet.
              - Refused by this module, since no filter can tell it. M(netopt.linux.netopt_apply) makes a rule for it.
            type: int
          uid:
            description: The number of the user whose socket sends it. Refused by this module, likewise.
            type: int
  default_class:
    description:
      - The class of what matches nothing.
      - Left out, it is a small class that may borrow where there is a shaper or netem, so that nothing passes them by.
        Without those, it is sent unshaped.
    type: str
notes:
  - The settings do not outlast a restart. M(netopt.linux.netopt_apply) makes them persistent, and watches over them
    until they are confirmed.
  - Refused is a change that would remove what a rollback could not bring back, such as a loaded BPF program.
seealso:
  - module: netopt.linux.netopt_apply
  - module: netopt.linux.netopt_link
"""

EXAMPLES = r"""
- name: Fair queueing on the interface of the default route
  netopt.linux.netopt_tc:
    iface: auto
    qdisc:
      type: fq_codel
      params:
        target_us: 5000

- name: Shape both directions of a 100/20 line
  netopt.linux.netopt_tc:
    iface: eth0
    qdisc:
      type: cake
    shaper:
      egress_mbit: 19
      ingress_mbit: 95

- name: Voice first, backups last
  netopt.linux.netopt_tc:
    iface: eth0
    shaper:
      egress_mbit: 100
    htb_classes:
      - classid: "1:10"
        rate_mbit: 10
        ceil_mbit: 100
        priority: 0
        match:
          - dscp: 46
      - classid: "1:20"
        rate_mbit: 80
        ceil_mbit: 100
        priority: 1
      - classid: "1:30"
        rate_mbit: 10
        ceil_mbit: 100
        priority: 7
        match:
          - proto: tcp
            dports: ["873", "9100-9110"]
    default_class: "1:20"

- name: Back to what the kernel does by itself
  netopt.linux.netopt_tc:
    iface: eth0
    state: absent
"""

RETURN = r"""
report:
  description:
    - What was done, in the shape of one host's report of a plan.
  returned: always
  type: dict
  sample:
    status: applied
    changed: true
    diff:
      - subsystem: tc
        key: eth0 class 1:10
        before: class htb 1:10 parent 1:1 prio 0 rate 5Mbit ceil 100Mbit burst 1600b cburst 12500b
        after: class htb 1:10 parent 1:1 prio 0 rate 10Mbit ceil 100Mbit burst 1600b cburst 12500b
    operations:
      - command: tc class change dev eth0 parent 1:1 classid 1:10 htb prio 0 rate 10Mbit ceil 100Mbit
        ok: true
    skipped: []
    warnings: []
    checkpoint_id: null
    measurements: null
    error: null
"""

from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._common.interfaces import host_interfaces
from ansible_collections.netopt.linux.plugins.module_utils._common.report import FAILED, HostReport, as_result
from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Tools
from ansible_collections.netopt.linux.plugins.module_utils._host.facts import gather
from ansible_collections.netopt.linux.plugins.module_utils._plan.dscp import with_numbers
from ansible_collections.netopt.linux.plugins.module_utils._plan.form import set_only
from ansible_collections.netopt.linux.plugins.module_utils._plan.match_words import TCP_FLAGS
from ansible_collections.netopt.linux.plugins.module_utils._subsystems.run_one import run_subsystem
from ansible_collections.netopt.linux.plugins.module_utils._tc import kernel as tc_kernel
from ansible_collections.netopt.linux.plugins.module_utils._tc import subsystem as tc_subsystem
from ansible_collections.netopt.linux.plugins.module_utils._tc.netem import DIRECTIONS, MODELS, TABLES, UNIFORM
from ansible_collections.netopt.linux.plugins.module_utils._transaction.refuse_lockout import refuse_lockout

CONTENTS = ["qdisc", "shaper", "ingress", "netem", "htb_classes"]
LEAVES = ["fq", "fq_codel", "cake", "pfifo_fast", "pfifo", "bfifo", "sfq", "tbf"]
ROOTS = ["fq", "fq_codel", "cake", "htb", "pfifo_fast", "pfifo", "bfifo", "sfq", "tbf"]


def _fields(**types: str) -> Dict[str, Dict[str, str]]:
    """Return the spec of plain fields."""
    return {name: {"type": kind} for name, kind in types.items()}


def _qdisc(kinds: list[str], **more: Dict[str, Any]) -> Dict[str, Any]:
    """Return the spec of a qdisc, with more options than its kind and its parameters."""
    kind = {"type": "str", "required": True, "choices": kinds}
    return {"type": "dict", "options": {"type": kind, "params": {"type": "dict", "default": {}}, **more}}


FLAGS = [sign + name for name in TCP_FLAGS for sign in ("", "!")]
MATCH = {
    "proto": {"type": "str", "choices": ["tcp", "udp", "sctp", "icmp", "icmpv6"]},
    "sports": {"type": "list", "elements": "str"},
    "dports": {"type": "list", "elements": "str"},
    **_fields(src="str", dst="str", fwmark="str", dscp="str", max_length="int", skb_priority="int", uid="int"),
    "tcp_flags": {"type": "list", "elements": "str", "choices": FLAGS},
}
CLASS = {
    "classid": {"type": "str", "required": True},
    "rate_mbit": {"type": "float", "required": True},
    **_fields(parent="str", ceil_mbit="float", priority="int", burst="int", cburst="int", quantum="int"),
    "leaf": _qdisc(LEAVES),
    "match": {"type": "list", "elements": "dict", "options": MATCH},
}
CLASSES = {"type": "list", "elements": "dict", "options": CLASS}
QDISC = _qdisc([*ROOTS, "mq"], per_queue=_qdisc(ROOTS, htb_classes=CLASSES, default_class={"type": "str"}))
SHAPER = {
    **_fields(egress_mbit="float", ingress_mbit="float", ceil_mbit="float", overhead_bytes="int", mpu="int"),
    "linklayer": {"type": "str", "choices": ["ethernet", "atm", "ptm"]},
}
LOSS_MODEL = {
    "type": {"type": "str", "required": True, "choices": list(MODELS)},
    **{name: {"type": "float"} for chances in MODELS.values() for name, _default in chances},
}
NETEM = {
    **_fields(delay_ms="float", delay_jitter_ms="float", delay_correlation_pct="float", loss_pct="float"),
    **_fields(loss_correlation_pct="float", duplicate_pct="float", corrupt_pct="float", reorder_pct="float"),
    **_fields(duplicate_correlation_pct="float", corrupt_correlation_pct="float", reorder_correlation_pct="float"),
    **_fields(rate_mbit="float", limit="int", duration_s="int"),
    "distribution": {"type": "str", "choices": [UNIFORM, *TABLES]},
    "direction": {"type": "str", "choices": list(DIRECTIONS)},
    "loss_model": {"type": "dict", "options": LOSS_MODEL},
    "match": {"type": "dict", "options": {name: MATCH[name] for name in ("proto", "sports", "dports", "src", "dst")}},
    "classes": {"type": "list", "elements": "str"},
}
ARGUMENT_SPEC = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "iface": {"type": "list", "elements": "str", "required": True},
    "qdisc": QDISC,
    "shaper": {"type": "dict", "options": SHAPER},
    "ingress": {
        "type": "dict",
        "options": {
            "qdisc": _qdisc(ROOTS),
            "htb_classes": CLASSES,
            "default_class": {"type": "str"},
        },
    },
    "netem": {"type": "dict", "options": NETEM},
    "htb_classes": CLASSES,
    "default_class": {"type": "str"},
}


def main() -> None:
    """Bring the interfaces to what the options say."""
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC,
        required_if=[("state", "present", CONTENTS, True)],
        supports_check_mode=True,
    )
    changes = set_only({name: module.params[name] for name in [*CONTENTS, "default_class"]})
    absent = module.params["state"] == "absent"
    try:
        changes = with_numbers(changes)
        facts = gather()
        ifaces = host_interfaces(module.params["iface"], facts)
        if not absent:
            refuse_lockout(changes, ifaces, facts)
        intent = tc_subsystem.intent({} if absent else changes, ifaces, absent=absent, alone=True)
    except NetoptError as error:
        report = HostReport()
        report.fail(FAILED, error)
    else:
        report = run_subsystem(tc_subsystem, tc_kernel, intent, tools=Tools(), check=module.check_mode, in_scratch=True)
    result = as_result(report, diff_mode=module._diff)
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
