# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples of docs/policy.md: each card and file in it loads as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from mcp_bridge.policy import load_policy
from mcp_bridge.policy.card_draft import draft
from mcp_bridge.validator import validate

TEXT = (Path(__file__).parents[3] / "docs" / "policy.md").read_text(encoding="utf-8")
CARDS = re.findall(r"```yaml card\n(.*?)```", TEXT, re.DOTALL)
FILES = re.findall(r"```yaml (\S+\.yaml)\n(.*?)```", TEXT, re.DOTALL)


def test_the_examples_load_together(tmp_path: Path) -> None:
    """All of them make one policy, over the shipped one."""
    assert (len(CARDS), len(FILES)) == (2, 1)
    (tmp_path / "config_cards").mkdir()
    for text in CARDS:
        name = yaml.safe_load(text)["id"]
        (tmp_path / "config_cards" / f"{name}.yaml").write_text(text, encoding="utf-8")
    for name, text in FILES:
        (tmp_path / name).write_text(text, encoding="utf-8")
    policy = load_policy(tmp_path)
    good = {"vm.min_free_kbytes": 65536, "net.ipv4.ip_local_reserved_ports": "8080,9000-9002"}
    assert validate({"iface": "eth0", "changes": {"sysctl": good}}, policy).ok
    assert not validate({"iface": "eth0", "changes": {"sysctl": {"net.ipv4.conf.all.rp_filter": 0}}}, policy).ok


@pytest.mark.parametrize(
    ("key", "found", "good", "bad"),
    [
        ("vm.swappiness", {"a": "60", "b": "10"}, "30", "61"),
        ("kernel.sem", {"a": "250 32000 100 128"}, "250 32000 100 128", "250 32000 100 129"),
        ("net.ipv4.tcp_example", {"a": "left right", "b": "on", "c": None}, "left right", "off"),
        ("net.ipv4.conf.{iface}.example", {"a (all)": "0", "a (lo)": "1"}, "1", "2"),
        ("fs.file-max", {}, "1", "-1"),
    ],
)
def test_a_draft_loads_as_it_is(tmp_path: Path, key: str, found: dict[str, str | None], good: str, bad: str) -> None:
    """A card that is begun for a key takes the values that hosts have, and nothing beyond."""
    text = draft(key, found, load_policy())
    name = yaml.safe_load(text)["id"]
    (tmp_path / "config_cards").mkdir()
    (tmp_path / "config_cards" / f"{name}.yaml").write_text(text, encoding="utf-8")
    policy = load_policy(tmp_path)
    plain = key.replace("{iface}", "eth0")
    assert validate({"iface": "eth0", "changes": {"sysctl": {plain: good}}}, policy).ok
    assert not validate({"iface": "eth0", "changes": {"sysctl": {plain: bad}}}, policy).ok
