# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked of an AWX job template when it is launched, and whether the template lets it be asked.

AWX runs a job also when it ignores what was asked: without its limit a job runs on every host. So nothing is
launched unless every prompt will be heard.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mcp_bridge.backends.job import Job
from mcp_bridge.errors import RunError

RUN_VARIABLE = "netopt_run_id"  # by which a job is found again
ASKED_BY = {
    "limit": "ask_limit_on_launch",
    "extra_vars": "ask_variables_on_launch",
    "job_type": "ask_job_type_on_launch",
    "diff_mode": "ask_diff_mode_on_launch",
}
TEMPLATE_TEXT = re.compile(r"\{[{%#]")


class PromptError(RunError):
    """A job template would not be run as it has to be."""


def prompts(job: Job, *, run_id: str) -> dict[str, Any]:
    """Return what to ask of the job template.

    Raises:
        PromptError: a variable holds what AWX may evaluate as a template.
    """
    for place, text in _texts(job.extravars, "extra_vars"):
        if TEMPLATE_TEXT.search(text):
            raise PromptError(
                f"{place} holds the beginning of a template, which AWX might evaluate",
                hint="Leave {{, {% and {# out of labels and of the rationale.",
            )
    asked: dict[str, Any] = {
        "extra_vars": {**job.extravars, RUN_VARIABLE: run_id},
        "job_type": "check" if job.check else "run",
        # always sent: without it a template's own limit would hold, or none
        "limit": job.limit or "all",
    }
    if job.diff:
        asked["diff_mode"] = True
    return asked


def check(asked: Mapping[str, Any], config: Mapping[str, Any], *, template: str) -> None:
    """See that a job template hears everything that is asked of it.

    Args:
        asked: what ``prompts`` returned.
        config: the template's launch configuration.
        template: its name, for the error.

    Raises:
        PromptError: it would ignore a prompt, or wants something that netopt does not give.
    """
    deaf = [field for field in asked if config.get(ASKED_BY[field]) is not True]
    if deaf:
        raise PromptError(
            f"The job template {template} would ignore {', '.join(deaf)}; nothing was launched",
            hint="Turn 'Prompt on launch' on for: " + ", ".join(deaf) + ".",
        )
    slices = (config.get("defaults") or {}).get("job_slice_count")
    if isinstance(slices, int) and slices > 1:
        raise PromptError(
            f"The job template {template} is sliced into {slices} jobs, each of them a rollout of its own; "
            "nothing was launched",
            hint="Set its job slicing to 1.",
        )
    needs = [
        word
        for word, key in (
            ("passwords", "passwords_needed_to_start"),
            ("answers to its survey", "variables_needed_to_start"),
            ("an inventory", "inventory_needed_to_start"),
        )
        if _wanted(config.get(key))
    ]
    if needs:
        raise PromptError(
            f"The job template {template} wants {' and '.join(needs)} when it is launched",
            hint="Give the template its credentials and inventory, and no required survey questions.",
        )


def ignored(answer: Mapping[str, Any]) -> list[str]:
    """Return what AWX says it has ignored; anything else than an empty list is not the job that was asked for."""
    fields = answer.get("ignored_fields")
    if fields is None:
        return ["ignored_fields is missing"]
    return sorted(fields) if isinstance(fields, dict | list) else [str(fields)]


def _wanted(value: Any) -> bool:
    """Tell whether a computed field of AWX says yes: true, a list that is not empty, or either of them as text."""
    return value not in (None, False, "", "false", "False", "[]") and value != []


def _texts(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """Yield every text in a value, keys included, with its place."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield place, str(key)
            yield from _texts(inner, f"{place}.{key}")
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _texts(inner, f"{place}[{index}]")
