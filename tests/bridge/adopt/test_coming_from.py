# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``docs/coming-from.md`` shows is what comes of it: each old block, its plan, and the lines that are left out.

What comes of its scripts, ``tests/kernel/test_adopted_scripts.py`` looks at, on a kernel that has all qdiscs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mcp_bridge.cli.main import main
from mcp_bridge.models import ParameterPlan
from mcp_bridge.policy import load_policy
from mcp_bridge.validator import validate
from tests.coming_from_page import of, scripts

POLICY = load_policy()
ADOPTED = {"From sysctl.d": ["--name", "web"], "From TuneD": ["--name", "edge"]}


def normal(plan: Any) -> dict[str, Any]:
    """Return a plan in its canonical form."""
    result = validate(plan, POLICY)
    assert result.normalized_plan is not None, result.issues
    return result.normalized_plan.dump()


@pytest.mark.parametrize("heading", ADOPTED)
def test_adopted(heading: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The old lines give the plans of the page, and all that is left out has its line there."""
    (old,) = of("ini", heading)
    name = old.partition("\n")[0].removeprefix("# ")
    path = tmp_path / name.lstrip("/")
    path.parent.mkdir(parents=True)
    path.write_text(old, encoding="utf-8")
    assert main(["adopt", str(path), *ADOPTED[heading]]) == 0
    out, err = capsys.readouterr()
    (shown,), (told,) = of("yaml", heading), of("text", heading)
    assert list(map(normal, yaml.safe_load_all(out))) == list(map(normal, yaml.safe_load_all(shown)))
    assert err.replace(str(tmp_path), "").rpartition("settings adopted")[0].rpartition("\n")[0] + "\n" == told


def test_tasks_of_the_sysctl_module() -> None:
    """The keys and values of the tasks, their loops played through, are those of the plan on its interface."""
    tasks, variables = map(yaml.safe_load, of("yaml", "From ansible.posix.sysctl"))
    wanted = {}
    for task in tasks:
        words = task["ansible.posix.sysctl"]
        for item in task.get("loop", [""]):
            wanted[words["name"].replace("{{ item }}", item)] = str(words["value"])
    plan = normal(variables["netopt_plan"])
    iface = ParameterPlan.model_validate(plan).ifaces[0]
    found = {key.replace("{iface}", iface): value for key, value in plan["changes"]["sysctl"].items()}
    assert found == wanted


@pytest.mark.parametrize("name", scripts())
def test_plans_of_scripts(name: str) -> None:
    """Each script has a plan that the policy takes."""
    assert normal(yaml.safe_load(scripts()[name][1]))["iface"] == "eth0"
