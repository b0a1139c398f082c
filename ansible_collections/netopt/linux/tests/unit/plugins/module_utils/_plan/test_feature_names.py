# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of features: one for each in a plan, and the one that ethtool prints."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._link.ethtool_features import parse_features
from ansible_collections.netopt.linux.plugins.module_utils._plan.feature_names import is_known, long_name, plan_name


@pytest.mark.parametrize(
    ("name", "printed", "planned"),
    [
        ("gro", "generic-receive-offload", "gro"),
        ("generic-receive-offload", "generic-receive-offload", "gro"),
        ("rx-gro", "generic-receive-offload", "gro"),
        ("rx-lro", "large-receive-offload", "lro"),
        ("gro_hw", "rx-gro-hw", "gro-hw"),
        ("rx_gro_list", "rx-gro-list", "gro-list"),
        ("tx-udp-segmentation", "tx-udp-segmentation", "tx-udp-segmentation"),
        ("tx_udp_segmentation", "tx-udp-segmentation", "tx-udp-segmentation"),
        ("tx-udp_tnl-segmentation", "tx-udp_tnl-segmentation", "tx-udp_tnl-segmentation"),
        ("tx-udp-tnl-segmentation", "tx-udp_tnl-segmentation", "tx-udp_tnl-segmentation"),
    ],
)
def test_names(name: str, printed: str, planned: str) -> None:
    """Each spelling of a feature leads to the same two names."""
    assert (long_name(name), plan_name(name), is_known(name)) == (printed, planned, True)


def test_what_is_unknown() -> None:
    """A name that neither ethtool nor the kernel has is not known."""
    assert not is_known("warp")


@pytest.mark.skipif(shutil.which("ethtool") is None, reason="needs ethtool")
def test_every_feature_of_this_kernel() -> None:
    """What ethtool prints here can be written in a plan, but for what the kernel keeps to itself."""
    shown = subprocess.run(["ethtool", "-k", "lo"], capture_output=True, text=True, check=True).stdout
    names = parse_features(shown)["active"]
    assert len(names) > 40
    assert [name for name in names if not is_known(name)] == ["vlan-challenged"]
