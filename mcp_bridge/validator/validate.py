# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judges a whole plan and says everything that is wrong with it at once."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from mcp_bridge.models import Issue, ParameterPlan, ValidationResult

from .adapting import check_adapting
from .canonical_plan import link_changes, normal_form, profile_changes
from .classes import check_classes, check_filters, check_given_twice, check_link
from .constraints import check_constraints
from .explain import explain
from .finding import Finding, Path, Severity, did_you_mean, dotted, shown
from .impairment import check_netem
from .ingress import check_ingress
from .input_limits import excess, plain
from .interface_names import check_interface_names
from .objectives import check_measuring
from .queues import check_queues
from .ranges import check_key_spellings, check_ranges
from .sizes import check_sizes, check_words
from .structure import Parsed, parse
from .uplink import check_uplink

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mcp_bridge.policy import Policy

ISSUES_MAX = 200
FINDINGS_MAX = 1000  # beyond these nobody is helped, and looking for near words takes time


def validate(plan: Mapping[str, Any] | ParameterPlan, policy: Policy) -> ValidationResult:
    """Return every issue of a plan, and its canonical form when it has no errors.

    Never raises, whatever the plan holds.

    Args:
        plan: a ParameterPlan, or what a client sent for one.
        policy: what the plan is judged by.
    """
    data: Any = plan.dump() if isinstance(plan, ParameterPlan) else plan
    refusal = excess(data)
    if refusal:
        return ValidationResult(ok=False, issues=_issues([refusal]))
    parsed = parse(plain(data), policy)
    findings = list(parsed.findings)
    if parsed.plan is not None:
        findings += (
            Finding(parsed.original(finding.path), finding.message, finding.hint, finding.severity)
            for finding in islice(_judge(parsed.plan, parsed, policy), FINDINGS_MAX)
        )
    issues = _issues(findings)
    ok = all(issue.severity != "error" for issue in issues)
    normal = normal_form(parsed.plan, policy) if ok and parsed.plan is not None else None
    return ValidationResult(ok=ok and normal is not None, issues=issues, normalized_plan=normal)


def _judge(plan: ParameterPlan, parsed: Parsed, policy: Policy) -> Iterator[Finding]:
    """Yield what the policy says against the parts of a plan that parsed."""
    data = plan.dump()
    changes = plan.changes.dump()
    partial = frozenset(str(path[1]) for path in parsed.removed if path[0] == "changes" and len(path) > 1)
    is_whole = not any(path[0] == "changes" for path in parsed.removed if path)
    if plan.profile is not None and plan.profile not in policy.profiles:
        hint = did_you_mean(plan.profile, policy.profiles, what="profiles")
        yield Finding(("profile",), "There is no such profile", hint)
    elif plan.profile is None and is_whole and plan.changes.is_empty() and not plan.taken_away():
        yield from explain(policy, "empty_plan", ("changes",))
    yield from check_uplink(plan, policy)
    yield from check_sizes(data, policy)
    yield from check_measuring(data, policy)
    yield from check_words(changes, policy)
    yield from check_ranges(changes, policy)
    yield from check_key_spellings(plan.changes.sysctl or {})
    profile = policy.profiles.get(plan.profile or "")
    if profile and not partial & {"ingress", "qdisc", "shaper", "htb_classes"}:
        changes = {**link_changes(profile, data.get("link"), own={**changes, **plan.taken_away()}), **changes}
    if "htb_classes" not in partial:
        yield from check_classes(changes)
    yield from check_filters(changes)
    if not partial & {"ingress", "qdisc", "shaper"}:
        yield from check_ingress(changes, policy)
        yield from check_queues(changes, policy)
    if not partial & {"netem", "qdisc", "htb_classes"}:
        yield from check_netem(changes, policy)
    yield from check_interface_names(data.get("iface"), changes)
    yield from check_given_twice(changes)
    if not partial & {"qdisc", "shaper"}:
        yield from check_link(changes)
    if not partial & {"qdisc", "shaper", "ingress", "htb_classes"}:
        yield from check_adapting(changes)
    if is_whole and plan.changes.is_empty() and profile:
        changes = {**profile_changes(profile, policy), **changes}
    yield from check_constraints(changes, policy, partial=partial)


def _issues(findings: list[Finding]) -> list[Issue]:
    """Return findings as issues, errors first and none twice; beyond the most that help, only their number."""
    first: dict[tuple[Path, str], Finding] = {}
    for finding in findings:
        first.setdefault((finding.path, finding.message), finding)
    distinct = sorted(first.values(), key=lambda finding: finding.severity)
    issues = [
        Issue(
            path=shown(dotted(finding.path)),
            message=shown(finding.message),
            severity=finding.severity,
            hint=shown(finding.hint) if finding.hint else None,
        )
        for finding in distinct[:ISSUES_MAX]
    ]
    if len(distinct) > ISSUES_MAX:
        rest = distinct[ISSUES_MAX:]
        severity: Severity = "error" if any(finding.severity == "error" for finding in rest) else "warning"
        issues.append(Issue(path="", message=f"{len(rest)} more issues are not shown", severity=severity))
    return issues
