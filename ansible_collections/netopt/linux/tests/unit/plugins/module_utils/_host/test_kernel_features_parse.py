# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a kernel can use is told from its configuration and its modules."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._host.kernel_features_parse import (
    Kernel,
    congestion_controls,
    module_names,
    qdiscs,
)

NOTHING: dict[str, Any] = {
    "config": None,
    "installed": None,
    "loaded": frozenset(),
    "available": frozenset(),
}
CONFIG = "CONFIG_NET_SCH_HTB=y\nCONFIG_NET_SCH_FQ=m\n# CONFIG_NET_SCH_CAKE is not set\nCONFIG_TCP_CONG_BBR=m\n"


@pytest.mark.parametrize(
    ("known", "name", "expected"),
    [
        ({}, "fq", None),
        ({}, "pfifo", True),
        ({"loaded": frozenset({"sch_fq"})}, "fq", True),
        ({"installed": frozenset({"sch_fq"})}, "fq", True),
        ({"installed": frozenset()}, "fq", False),
        ({"config": CONFIG}, "htb", True),
        ({"config": CONFIG}, "cake", False),
        ({"config": CONFIG}, "fq", None),
        ({"config": CONFIG, "installed": frozenset()}, "fq", False),
        ({"config": CONFIG, "installed": frozenset({"sch_fq"})}, "fq", True),
    ],
)
def test_qdiscs(known: dict[str, Any], name: str, expected: bool | None) -> None:  # noqa: FBT001 - the outcome
    """Built in, a module on disk, a module that is not there, or not to be told."""
    assert qdiscs(Kernel(**{**NOTHING, **known}))[name] is expected


def test_congestion_controls() -> None:
    """What the kernel offers now is there whatever its configuration says; reno always is."""
    found = congestion_controls(Kernel(**{**NOTHING, "config": CONFIG, "available": frozenset({"cubic"})}))
    assert (found["reno"], found["cubic"], found["bbr"], found["vegas"]) == (True, True, None, False)


def test_module_names() -> None:
    """Both lists of modules are read, compressed or not."""
    assert module_names("kernel/net/sched/sch_fq.ko.xz: kernel/a.ko\nkernel/net/ipv4/tcp-bbr.ko\n") == {
        "sch_fq",
        "tcp_bbr",
    }
