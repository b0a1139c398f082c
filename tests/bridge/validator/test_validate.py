# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the validator says about plans as a whole: what is valid, and how much is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mcp_bridge.models import ParameterPlan, ValidationResult
from mcp_bridge.policy import Policy
from mcp_bridge.validator import validate
from mcp_bridge.validator.validate import ISSUES_MAX

EXAMPLES = Path(__file__).parents[3] / "examples"


def example(name: str) -> dict[str, Any]:
    """Return one of the examples."""
    data: dict[str, Any] = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return data


def errors(result: ValidationResult) -> dict[str, str]:
    """Return the messages of errors by path."""
    return {issue.path: issue.message for issue in result.issues if issue.severity == "error"}


def plan(**changes: Any) -> dict[str, Any]:
    """Return a plan with these changes."""
    return {"iface": "eth0", "changes": changes}


@pytest.mark.parametrize(
    ("name", "warned"),
    [
        ("gaming", ["changes.sysctl.net.ipv4.tcp_low_latency", "changes.connection_limits[0]"]),
        ("server-protection", ["changes.rate_limits[0]"]),
    ],
)
def test_valid_examples(policy: Policy, name: str, warned: list[str]) -> None:
    """The good examples are valid; what is doubtful about them is a warning."""
    result = validate(example(name), policy)

    assert result.ok
    assert {issue.severity for issue in result.issues} == {"warning"}
    assert set(warned) <= {issue.path for issue in result.issues}
    assert result.normalized_plan is not None


def test_too_large_example(policy: Policy) -> None:
    """The bad example is refused in the words of the interface."""
    result = validate(example("too-large"), policy)

    assert not result.ok
    assert errors(result) == {"changes.sysctl.net.core.rmem_max": "Value exceeds maximum allowed: 2147483647"}
    assert result.normalized_plan is None


def test_many_issues_are_cut(policy: Policy) -> None:
    """Thousands of mistakes give the first of them and the number of the others."""
    result = validate(plan(sysctl={f"net.core.k{number}": 1 for number in range(5000)}), policy)

    assert len(result.issues) == ISSUES_MAX + 1
    assert "more issues are not shown" in result.issues[-1].message


def test_warnings_do_not_clear_ok(policy: Policy) -> None:
    """A plan with warnings alone is accepted, errors are listed first otherwise."""
    data = plan(sysctl={"net.ipv4.tcp_low_latency": 1, "net.core.rmem_max": 1})
    severities = [issue.severity for issue in validate(data, policy).issues]
    assert severities == ["error", "warning"]
    assert validate(plan(sysctl={"net.ipv4.tcp_low_latency": 1}), policy).ok


def test_takes_a_model(policy: Policy) -> None:
    """A plan that is a model already is judged in the same way."""
    data = example("gaming")
    assert validate(ParameterPlan.model_validate(data), policy) == validate(data, policy)
