# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all tools share: on whose behalf they act, how a long run is followed, and how errors reach the client."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from types import MethodType
from typing import Annotated, Any, Concatenate, TypeVar

from fastmcp import Context, FastMCP
from fastmcp.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import Field

from mcp_bridge.access.argument_limits import PATTERN_MAX
from mcp_bridge.access.caller import CURRENT, Admission, Caller
from mcp_bridge.access.context import Access, Terms
from mcp_bridge.access.models import LOCAL, local_rule
from mcp_bridge.consent import host_words
from mcp_bridge.errors import NetoptBridgeError, PlanError
from mcp_bridge.mcp_server.kept_plans import KeptPlans
from mcp_bridge.mcp_server.tools.bounded_report import BoundedReport, bounded
from mcp_bridge.models import ChangeReport
from mcp_bridge.runs.execute import Started
from mcp_bridge.runs.report import Progress
from mcp_bridge.runs.task import Scope
from mcp_bridge.service import Service

READS = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
READS_HOSTS = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=True)
CHANGES_HOSTS = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=True)
ADDS_TO_HOSTS = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True
)

# the gate hands names on in place of a pattern; one argument of a program holds 131,072 bytes
NAMES_MAX = 120_000
Hosts = Annotated[
    str,
    Field(
        description="Ansible host pattern, e.g. web,db*,!db3.",
        max_length=NAMES_MAX,
        json_schema_extra={"maxLength": PATTERN_MAX},
    ),
]
CheckpointId = Annotated[
    str,
    Field(
        description="checkpoint_id of a report or of list_checkpoints_tool.",
        pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$",
    ),
]
RunId = Annotated[str, Field(description="run_id of a report, or of runs://list.", max_length=64)]
Label = Annotated[str | None, Field(description="A name for the checkpoint, for people.", max_length=200)]
DryRun = Annotated[bool, Field(description="Say what would change and change nothing.")]

Result = TypeVar("Result")


@dataclass(frozen=True)
class AppContext:
    """What a server's tools work with.

    Attributes:
        service: the installation, on behalf of the server itself.
        terms: on which terms it is served.
        cancels: by run id, what ends a run that goes on in this process.
        kept: the plans that were rendered.
    """

    service: Service
    terms: Terms = field(default_factory=Terms)
    cancels: dict[str, threading.Event] = field(default_factory=dict)
    kept: KeptPlans = field(default_factory=KeptPlans)

    @cached_property
    def access(self) -> Access:
        """Who may do what.

        Raises:
            PolicyError: the access file is wrong.
        """
        return Access.open(self.service.settings, self.terms)

    def on_behalf_of(self, ctx: Context) -> Service:  # noqa: ARG002  # the gate has found out who asks
        """Return the installation on behalf of the caller; what the client calls itself is no proof."""
        return self.service.for_caller(f"{self.admission().caller.signature} via {self.service.caller}")

    def admission(self) -> Admission:
        """Return the call that is being answered, as the gate let it in."""
        rule = local_rule()
        return CURRENT.get() or Admission(Caller(LOCAL, rule, frozenset(rule.scopes), "the server"), "", "")

    def reached(self) -> str:
        """Return the hosts that the call reaches, in words.

        Raises:
            InventoryError: the inventory can no longer be read.
        """
        return host_words.told(self.admission().hosts or (), self.access.host_scope.groups)


def add_tool(
    server: FastMCP[Any], app: AppContext, tool: Callable[Concatenate[AppContext, ...], Any], **options: Any
) -> None:
    """Add a tool to the server.

    Args:
        server: the server.
        app: what the tool works with, its first argument.
        tool: a function of a module; its other arguments are those that a client sees.
        options: what ``FastMCP.tool`` takes.
    """
    server.tool(MethodType(tool, app), **options)  # FastMCP takes bound methods, and no partial functions


def refused(text: str) -> ToolError:
    """Return the error for a client that can do something about it; it is no failure of the server to be logged."""
    return ToolError(text, log_level=logging.DEBUG)


@contextmanager
def actionable() -> Iterator[None]:
    """Turn the bridge's errors into one that the client's model can act on."""
    try:
        yield
    except PlanError as error:
        lines = [str(error)]
        lines += [
            f"- {issue.path or 'plan'}: {issue.message}" + (f" Hint: {issue.hint}" if issue.hint else "")
            for issue in error.issues
        ]
        raise refused("\n".join(lines)) from None
    except NetoptBridgeError as error:
        raise refused(str(error)) from None


async def follow(ctx: Context, work: Callable[[Progress], Result]) -> Result:
    """Do ``work`` in a thread of its own, and report its progress to the client meanwhile.

    The thread outlives the request: when the client goes away, a change on the hosts is still carried
    to its end and written down, and is found again by its run id.

    Args:
        ctx: the request.
        work: takes the function to call with each host's steps.
    """
    loop = asyncio.get_running_loop()
    steps: asyncio.Queue[str | None] = asyncio.Queue()
    outcome: asyncio.Future[Result] = loop.create_future()

    def tell(function: Callable[..., object], *arguments: object) -> None:
        try:
            loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:  # the server has gone; the run's folder has what came of it
            return

    def end(result: Result | None, error: BaseException | None) -> None:
        if not outcome.done():
            if error is not None:
                outcome.set_exception(error)
            else:
                outcome.set_result(result)  # type: ignore[arg-type]  # a Result whenever there is no error
        steps.put_nowait(None)

    def run() -> None:
        try:
            result = work(lambda host, text: tell(steps.put_nowait, f"{host}: {text}"))
        except BaseException as error:  # noqa: BLE001 - whatever it is, the request that waits must hear of it
            tell(end, None, error)
        else:
            tell(end, result, None)

    threading.Thread(target=run, name="netopt-run").start()
    done = 0
    while (step := await steps.get()) is not None:
        done += 1
        await ctx.report_progress(done, message=step)
    with actionable():
        return await outcome


async def carry_out(
    app: AppContext, ctx: Context, hosts: str, begin: Callable[[Service, Scope], Started], *, changes: bool = True
) -> BoundedReport:
    """Begin a change and follow it to its end.

    Args:
        app: what the tools work with.
        ctx: the request.
        hosts: host pattern.
        begin: registers the change.
        changes: whether the hosts count towards those that the caller may change at once.
    """
    service = app.on_behalf_of(ctx)
    admission = app.admission()
    cancel = threading.Event()

    def work(progress: Progress) -> ChangeReport:
        with ExitStack() as stack:
            if changes:
                stack.enter_context(app.access.limits.occupied(admission.caller, len(admission.hosts or ())))
            started = begin(service, Scope(limit=hosts, progress=progress, cancel=cancel))
            run_id = started.record.run_id
            app.cancels[run_id] = cancel
            stack.callback(app.cancels.pop, run_id, None)
            progress("run", run_id)
            return service.finish(started)

    return bounded(await follow(ctx, work))
