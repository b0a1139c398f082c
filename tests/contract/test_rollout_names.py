# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rollout is asked for in the same terms on the command line, over MCP, and by variables of the playbook."""

from __future__ import annotations

import argparse
import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.netopt.linux.plugins.action import netopt_rollout
from ansible_collections.netopt.linux.plugins.plugin_utils import _rollout_own
from mcp_bridge.cli.main import parser
from mcp_bridge.cli.rollouts import FIELDS
from mcp_bridge.models import Rollout

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = ROOT / "ansible_collections/netopt/linux"
EVERYTHING: dict[str, Any] = {
    "waves": [1, "10%"],
    "canary": 1,
    "pause_s": 5,
    "max_failures": "5%",
    "on_failure": "roll_back",
    "confirm": "end",
    "gate_tcp": [443],
    "gate_wait_s": 30,
}


@pytest.fixture(scope="module")
def defaults() -> dict[str, str]:
    """The options that the playbook gives netopt_rollout, with the variables that they come from."""
    plays = yaml.safe_load((COLLECTION / "playbooks/rollout.yml").read_text(encoding="utf-8"))
    (found,) = (play["module_defaults"] for play in plays if "module_defaults" in play)
    options: dict[str, str] = found["netopt.linux.netopt_rollout"]
    return options


def test_every_field_is_an_option_and_a_variable(defaults: dict[str, str]) -> None:
    """What a client may ask for reaches the playbook."""
    rollout = Rollout.model_validate(EVERYTHING)
    assert set(EVERYTHING) == set(Rollout.model_fields) == set(FIELDS.values())
    asked = rollout.extra_vars()
    assert len(asked) == len(EVERYTHING)
    read = [*defaults.values(), inspect.getsource(_rollout_own)]  # of the play's, and of each host's
    assert [name for name in asked if not any(name in text for text in read)] == []
    apply = next(action for action in parser()._actions if isinstance(action, argparse._SubParsersAction))
    options = set(apply.choices["apply"]._option_string_actions)
    assert {f"--{name.replace('_', '-')}" for name in FIELDS} <= options


def test_the_modules_options_are_those_that_it_takes(defaults: dict[str, str]) -> None:
    """The documentation, the playbook and the action know the same options."""
    module = importlib.import_module("ansible_collections.netopt.linux.plugins.modules.netopt_rollout")
    documented = set(yaml.safe_load(module.DOCUMENTATION)["options"])
    taken = set(re.findall(r'^ +"([a-z_]+)": \{"type"', inspect.getsource(netopt_rollout), re.MULTILINE))
    assert documented == taken == {"stage", *defaults}


def test_the_page_tells_all_of_them() -> None:
    """Whoever reads it finds every word."""
    page = (ROOT / "docs/rollouts.md").read_text(encoding="utf-8")
    words = [f"--{name.replace('_', '-')}" for name in FIELDS]
    words += [*Rollout.model_validate(EVERYTHING).extra_vars(), *Rollout.model_fields, "--resume", "netopt_resume"]
    assert [word for word in words if word not in page] == []


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"waves": ["ten"]}, "'ten' is no size of a wave"),
        ({"waves": [True]}, "'True' is no size of a wave"),
        ({"canary": 0}, "'0' is no size of a wave"),
        ({"max_failures": "-1"}, "'-1'; a number of hosts from 0"),
        ({"gate_tcp": [70000]}, "less than or equal to 65535"),
        ({"pause_s": -1}, "greater than or equal to 0"),
        ({"batches": [1]}, "Extra inputs"),
    ],
)
def test_what_makes_no_rollout_is_refused(asked: dict[str, Any], words: str) -> None:
    """The error names the value and what is wanted."""
    with pytest.raises(ValueError, match=re.escape(words)):
        Rollout.model_validate(asked)
