# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: PLC0415 - what a command needs is loaded by that command: `netopt --help` is quick

"""The options of a rollout in waves, and how it is shown."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mcp_bridge.cli.options import UsageError

if TYPE_CHECKING:
    from mcp_bridge.models import Rollout, RolloutReport

# by the option's name: the field of a Rollout
FIELDS = {
    "canary": "canary",
    "waves": "waves",
    "pause": "pause_s",
    "max_failures": "max_failures",
    "on_failure": "on_failure",
    "confirm_at": "confirm",
    "gate_tcp": "gate_tcp",
    "gate_wait": "gate_wait_s",
}


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    group = parser.add_argument_group("in waves")
    group.add_argument("--canary", metavar="N|P%", help="so many hosts go first")
    group.add_argument(
        "--waves", metavar="N|P%,...", help="sizes of the waves, e.g. 1,10%%,100%%; the last holds for all that follow"
    )
    group.add_argument("--pause", metavar="SECONDS", help="wait between two waves")
    group.add_argument("--max-failures", metavar="N|P%", help="stop when more hosts than that have failed (default: 0)")
    group.add_argument(
        "--on-failure",
        choices=["stay", "roll-back"],
        help="what becomes of the hosts that have the change when it is stopped (default: stay)",
    )
    group.add_argument(
        "--confirm-at",
        choices=["wave", "end"],
        help="keep the change in each wave, or at the end on all hosts, which wait for it under their guard "
        "(default: wave; with --confirm-timeout: end)",
    )
    group.add_argument(
        "--gate-tcp",
        metavar="PORT",
        action="append",
        help="go on only when the wave's hosts take connections on it from here; may be repeated",
    )
    group.add_argument("--gate-wait", metavar="SECONDS", help="how long they may take for that (default: 10)")
    group.add_argument(
        "--resume", metavar="RUN", help="instead of PLAN: go on with a rollout that was interrupted or stopped"
    )


def asked(args: argparse.Namespace) -> Rollout | None:
    """Return the rollout that the command line asks for, ``None`` where it asks for none.

    Raises:
        UsageError: it is none.
    """
    given: dict[str, Any] = {
        field: getattr(args, name) for name, field in FIELDS.items() if getattr(args, name) is not None
    }
    if not given:
        return None
    if "canary" not in given and "waves" not in given:
        first = next(name for name, field in FIELDS.items() if field in given)
        raise UsageError(f"--{first.replace('_', '-')} goes with --waves or --canary")
    from pydantic import ValidationError

    from mcp_bridge.models import Rollout

    if "waves" in given:
        given["waves"] = given["waves"].split(",")
    if "on_failure" in given:
        given["on_failure"] = given["on_failure"].replace("-", "_")
    try:
        return Rollout.model_validate(given)
    except ValidationError as error:
        issue = error.errors(include_input=False)[0]
        name = next((name for name, field in FIELDS.items() if field == issue["loc"][0]), "waves")
        raise UsageError(f"--{name.replace('_', '-')}: {issue['msg']}") from None


def lines(rollout: RolloutReport) -> Iterator[str]:
    """Yield a line for each wave, and why the rollout was stopped."""
    for wave in rollout.waves:
        gate = f": {wave.gate.message}" if wave.gate is not None else ""
        number = f"{len(wave.hosts)} host{'s' if len(wave.hosts) != 1 else ''}"
        yield f"wave {wave.number} of {len(rollout.waves)} ({number}): {wave.status.replace('_', ' ')}{gate}"
    if rollout.stopped:
        yield f"the rollout was stopped: {rollout.reason}"
