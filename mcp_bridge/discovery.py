# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions to hosts: each answers for itself, and one that cannot answer does not spoil the others' answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.netopt.linux.plugins.module_utils import _query
from ansible_collections.netopt.linux.plugins.module_utils._errors import NetoptError
from mcp_bridge.errors import NetoptBridgeError, RunError
from mcp_bridge.fleet import Finished, Fleet, Scope, Task
from mcp_bridge.models.base import Strict
from mcp_bridge.models.report import HostError


class QueryError(NetoptBridgeError):
    """A question that cannot be asked: no such query, or a wrong argument."""


class HostAnswer(Strict):
    """What one host answered."""

    available: bool
    """Whether the host has what is needed to answer."""
    data: Any = None
    """The answer; its shape depends on the question."""
    commands: list[str] = []
    """The commands that were run on the host."""
    message: str | None = None
    """What is missing or went wrong, in one line, e.g. ``not available: install iproute2``."""
    error: HostError | None = None
    """Why there is no answer at all, e.g. an unreachable host."""


class Answers(Strict):
    """What the hosts answered."""

    query: str
    """The question."""
    run_id: str
    """The run that asked."""
    hosts: dict[str, HostAnswer]
    """By host."""


def ask(fleet: Fleet, name: str, arguments: Mapping[str, Any], scope: Scope) -> Answers:
    """Ask the hosts of ``scope`` one of ``_query.QUERIES``.

    Raises:
        QueryError: there is no such question, or an argument is wrong.
        InventoryError: no host matches.
        RunError: the playbook could not be run.
    """
    try:
        values = _query.arguments(name, arguments)
    except NetoptError as error:
        raise QueryError(error.message, hint=error.hint or "") from None
    task = Task("query", "netopt.linux.query", {"netopt_query": name, "netopt_query_arguments": values})
    finished = fleet.run(task, scope)
    found = {host: HostAnswer.model_validate(answer) for host, answer in finished.events.results("answer").items()}
    return Answers(query=name, run_id=finished.record.run_id, hosts={**_unanswered(finished), **found})


def facts(fleet: Fleet, scope: Scope, *, keys: Sequence[str] = ()) -> Answers:
    """Gather what profiles adapt to: memory, processors, kernel, virtualisation, interfaces.

    Args:
        fleet: the hosts.
        scope: which of them.
        keys: the kernel parameters whose values are wanted as well.
    """
    variables = {"netopt_gather": ["facts"], "netopt_sysctl": list(keys)}
    finished = fleet.run(Task("facts", "netopt.linux.info", variables), scope)
    problems = finished.events.results("problems")
    found = {
        host: HostAnswer(available=True, data=info.get("facts"), message="; ".join(problems.get(host) or []) or None)
        for host, info in finished.events.results("info").items()
    }
    return Answers(query="host_facts", run_id=finished.record.run_id, hosts={**_unanswered(finished), **found})


def all_failed(answers: Answers) -> RunError | None:
    """Return the error when not one host answered, so that it is not taken for an empty answer."""
    errors = {host: answer.error for host, answer in answers.hosts.items()}
    if not errors or not all(errors.values()):
        return None
    lines = [f"{host}: {error.message}" for host, error in errors.items() if error is not None]
    first = next(error for error in errors.values() if error is not None)
    return RunError("No host answered: " + "; ".join(lines), hint=first.hint or "")


def _unanswered(finished: Finished) -> dict[str, HostAnswer]:
    nothing = HostError(stage="observe", message="The host gave no answer")
    return {
        host: HostAnswer(available=False, message=(report.error or nothing).message, error=report.error or nothing)
        for host, report in finished.hosts.items()
    }
