# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The gate that every call passes: who asks, may they, on which hosts; and a line in the audit log for each."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar
from urllib.parse import unquote

import anyio.to_thread
import mcp_types as mt
from fastmcp import Context
from fastmcp.exceptions import FastMCPError, ResourceError, ToolError, ValidationError
from fastmcp.prompts.base import Prompt, PromptResult
from fastmcp.resources.base import Resource, ResourceResult
from fastmcp.resources.template import ResourceTemplate
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools.base import InputRequiredToolResult, Tool, ToolResult
from mcp import MCPError
from pydantic import ValidationError as PydanticValidationError

from mcp_bridge.errors import NetoptBridgeError
from mcp_bridge.runs.registry import RunRegistry

from .argument_limits import check_arguments, digest
from .authorize import check_profile
from .caller import CURRENT, Admission, Caller, claim_of, identify, scopes_text
from .context import Access
from .errors import AccessError
from .probe_targets import check as check_probes
from .probe_targets import servers
from .refusal_log import Refusals
from .tool_scopes import Need, need_of, visible_to

Component = TypeVar("Component")
RUNS = "runs://"
RUNS_LIST = "runs://list"
NAME_MAX = 200
ERROR_MAX = 2000
ERRORS_MAX = 20
CALLS = frozenset({"tools/call", "resources/read", "prompts/get"})
_REACHED: ContextVar[bool] = ContextVar("netopt_access_reached", default=False)


class AccessMiddleware(Middleware):
    """Lets calls through that the access file allows, and writes every one of them down.

    Args:
        access: what the server knows of its callers.
        runs: the registry of runs.
        read_only: whether whatever changes something is withheld.
    """

    def __init__(self, access: Access, runs: RunRegistry, *, read_only: bool) -> None:
        self._access = access
        self._runs = runs
        self._read_only = read_only
        self._floods = Refusals(access.audit)

    async def on_request(self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]) -> Any:
        """Write down what the protocol's own checks refuse before a call gets here, such as a forged state."""
        try:
            return await call_next(context)
        except MCPError as error:
            if context.method in CALLS and not _REACHED.get():
                subject = str(_raw(context, "name") or _raw(context, "uri") or "")
                await self._refuse(context.method, _printable(subject), {}, ctx=None, admission=None, error=error)
            raise

    async def on_call_tool(
        self,
        context: MiddlewareContext[mt.CallToolRequestParams],
        call_next: CallNext[mt.CallToolRequestParams, ToolResult],
    ) -> ToolResult:
        """Hold a tool's call against the caller's rule."""
        name, sent = context.message.name, dict(context.message.arguments or {})
        ctx = _context(context)
        tool = await ctx.fastmcp.get_tool(name)
        admitted, need = await self._admit("tool", name, sent, ctx=ctx, tool=tool)
        arguments = dict(sent)
        if admitted.hosts is not None and "hosts" in _parameters(tool):
            arguments["hosts"] = ",".join(admitted.hosts)
        message = context.message.model_copy(update={"arguments": arguments})
        if need.changes:
            await self._note(admitted, "tool", "started", decision="allowed", durable=True)
        async with self._noted(admitted, "tool", durable=need.changes) as note:
            try:
                result = await call_next(context.copy(message=message))
            except ValidationError as error:
                raise ToolError(wrong_arguments(error), log_level=logging.DEBUG) from None
            note.outcome = "asked" if isinstance(result, InputRequiredToolResult) else "done"
        return result

    async def on_read_resource(
        self,
        context: MiddlewareContext[mt.ReadResourceRequestParams],
        call_next: CallNext[mt.ReadResourceRequestParams, ResourceResult],
    ) -> ResourceResult:
        """Hold the reading of a resource against the caller's rule."""
        uri = str(context.message.uri)
        sent = {"run_id": run_of(uri)} if uri.startswith(RUNS) and uri != RUNS_LIST else {}
        admitted, _need = await self._admit("resource", uri, sent, ctx=_context(context))
        async with self._noted(admitted, "resource"):
            return await call_next(context)

    async def on_get_prompt(
        self,
        context: MiddlewareContext[mt.GetPromptRequestParams],
        call_next: CallNext[mt.GetPromptRequestParams, PromptResult],
    ) -> PromptResult:
        """Hold the reading of a prompt against the caller's rule."""
        sent = dict(context.message.arguments or {})
        admitted, _need = await self._admit("prompt", context.message.name, sent, ctx=_context(context))
        async with self._noted(admitted, "prompt"):
            return await call_next(context)

    async def on_list_tools(
        self, context: MiddlewareContext[mt.ListToolsRequest], call_next: CallNext[mt.ListToolsRequest, Sequence[Tool]]
    ) -> Sequence[Tool]:
        """Leave out the tools that the caller cannot use."""
        tools = await call_next(context)
        caller = self._known(context)
        if caller is None:
            return []
        return [
            tool
            for tool in tools
            if visible_to(tool.name, tool.annotations) & caller.scopes
            and not (self._read_only and need_of(tool.name, tool.annotations, {"dry_run": False}).changes)
        ]

    async def on_list_resources(
        self,
        context: MiddlewareContext[mt.ListResourcesRequest],
        call_next: CallNext[mt.ListResourcesRequest, Sequence[Resource]],
    ) -> Sequence[Resource]:
        """Leave them out for a caller that may not read."""
        return self._readable(context, await call_next(context))

    async def on_list_resource_templates(
        self,
        context: MiddlewareContext[mt.ListResourceTemplatesRequest],
        call_next: CallNext[mt.ListResourceTemplatesRequest, Sequence[ResourceTemplate]],
    ) -> Sequence[ResourceTemplate]:
        """Leave them out for a caller that may not read."""
        return self._readable(context, await call_next(context))

    async def on_list_prompts(
        self,
        context: MiddlewareContext[mt.ListPromptsRequest],
        call_next: CallNext[mt.ListPromptsRequest, Sequence[Prompt]],
    ) -> Sequence[Prompt]:
        """Leave them out for a caller that may not read."""
        return self._readable(context, await call_next(context))

    def _readable(self, context: MiddlewareContext[Any], found: Sequence[Component]) -> Sequence[Component]:
        caller = self._known(context)
        return found if caller is not None and "read" in caller.scopes else []

    def _known(self, context: MiddlewareContext[Any]) -> Caller | None:
        try:
            return identify(self._access.rules, context.fastmcp_context, authenticated=self._access.authenticated)
        except NetoptBridgeError:
            return None

    async def _admit(
        self, kind: str, subject: str, sent: dict[str, Any], *, ctx: Context, tool: Tool | None = None
    ) -> tuple[Admission, Need]:
        """Return the admitted call and what it needs.

        Raises:
            ToolError, ResourceError: it is refused, and that is written down.
        """
        _REACHED.set(True)
        plain = _printable(subject)
        admission: Admission | None = None
        try:
            caller = identify(self._access.rules, ctx, authenticated=self._access.authenticated)
            admission = Admission(caller, plain, digest(sent))
            self._access.limits.call(caller)
            check_arguments(sent)
            if kind != "tool":
                need = Need(("read",), changes=False, changes_hosts=False)
            elif tool is None:
                why = ": this server is read-only" if self._read_only else ""
                raise AccessError(
                    f"Unknown tool: {plain!r}{why}", hint="tools/list names those that there are.", kind="scope"
                )
            else:
                need = need_of(subject, tool.annotations, sent)
            self._check_scope(caller, plain, need)
            answers = ctx.request_state is not None
            narrow = partial(self._narrowed, admission, need, sent, _parameters(tool), answers=answers)
            admission = await anyio.to_thread.run_sync(narrow)
        except NetoptBridgeError as error:
            await self._refuse(kind, plain, sent, ctx=ctx, admission=admission, error=error)
            raise (ToolError if kind == "tool" else ResourceError)(str(error), log_level=logging.DEBUG) from None
        return admission, need

    def _check_scope(self, caller: Caller, name: str, need: Need) -> None:
        if self._read_only and need.changes:
            raise AccessError(f"{name} changes something", hint="This server is read-only.", kind="read-only")
        if caller.scopes.isdisjoint(need.scopes):
            raise AccessError(
                f"{name} needs the scope {' or '.join(need.scopes)}, and the caller {caller.name} has"
                f" {scopes_text(caller)}",
                hint="The owner of the access file can grant it.",
                kind="scope",
            )

    def _narrowed(
        self, admission: Admission, need: Need, sent: dict[str, Any], parameters: dict[str, Any], *, answers: bool
    ) -> Admission:
        """Return the call with the hosts that it reaches; reads the inventory where that is needed.

        ``answers`` tells whether the call was made before and now comes with a person's answer.
        """
        caller = admission.caller
        self._access.files.check()
        self._check_runs(caller, sent)
        pattern = self._pattern(sent)
        if need.changes and not answers:
            self._access.limits.change(caller)
        if "profile" in parameters and isinstance(sent.get("profile"), str):
            check_profile(caller, sent["profile"])
        if not caller.sees_all_hosts:
            for name in servers(sent):
                self._access.host_scope.check_server(name, caller)
        check_probes(admission.subject, sent, caller, self._access.host_scope)
        if "hosts" not in parameters or (caller.sees_all_hosts and not need.changes_hosts):
            return admission
        if not isinstance(pattern, str):
            raise AccessError("hosts is not text", hint="Give names joined by commas.", kind="hosts")
        hosts = self._access.host_scope.reached(pattern, caller)
        if need.changes_hosts and len(hosts) > caller.rule.max_hosts:
            raise AccessError(
                f"The caller {caller.name} may change {caller.rule.max_hosts} hosts at once; these are {len(hosts)}",
                hint="Name fewer hosts.",
                kind="hosts",
            )
        return replace(admission, hosts=hosts)

    def _pattern(self, sent: Mapping[str, Any]) -> Any:
        """Return the hosts that a call asks for; a rollout that is gone on with has its own.

        Raises:
            AccessError: both are named.
            UnknownRunError: there is no such rollout.
        """
        pattern, resumes = sent.get("hosts", "all"), sent.get("resume")
        if not isinstance(resumes, str):
            return pattern
        if pattern != "all":
            raise AccessError("A rollout goes on with its own hosts", hint="Leave hosts out.", kind="hosts")
        return self._runs.get(resumes).limit or "all"

    def _check_runs(self, caller: Caller, sent: Mapping[str, Any]) -> None:
        """Keep runs on hosts that are closed to the caller from it."""
        for run_id in (sent.get("run_id"), sent.get("resume")):
            if isinstance(run_id, str) and not (caller.sees_all_hosts or caller.owns(self._runs.get(run_id).caller)):
                raise AccessError(
                    f"There is no run {run_id!r} of the caller {caller.name}", hint="See runs://list.", kind="hosts"
                )

    async def _refuse(
        self,
        kind: str,
        subject: str,
        sent: dict[str, Any],
        *,
        ctx: Context | None,
        admission: Admission | None,
        error: Exception,
    ) -> None:
        caller = admission.caller.signature if admission else f"mcp unknown ({claim_of(ctx)})"
        reason = error.kind if isinstance(error, AccessError) else type(error).__name__
        fields = {
            "subject": subject,
            "arguments": admission.arguments if admission else digest(sent),
            "detail": {"reason": reason, "error": str(error)[:ERROR_MAX]},
        }
        flood = (admission.caller.name if admission else str(error)) if reason in {"rate", "caller"} else None
        note = partial(self._floods.note, caller=caller, action=kind, fields=fields, flood=flood)
        await _written(note)

    @asynccontextmanager
    async def _noted(self, admission: Admission, kind: str, *, durable: bool = False) -> AsyncIterator[_Note]:
        """Let a call be answered on behalf of its caller, and write down what came of it before the answer goes out."""
        note = _Note()
        token = CURRENT.set(admission)
        try:
            yield note
        except FastMCPError as error:
            refused = error.log_level == logging.DEBUG  # those that the client can do something about
            note = _Note(
                "refused" if refused else "failed", "refused" if refused else "allowed", str(error)[:ERROR_MAX]
            )
            raise
        except BaseException as error:
            note = _Note("failed", "allowed", type(error).__name__)
            raise
        finally:
            CURRENT.reset(token)
            with anyio.CancelScope(shield=True):
                detail = {"error": note.error} if note.error else {}
                await self._note(admission, kind, note.outcome, decision=note.decision, durable=durable, detail=detail)

    async def _note(
        self,
        admission: Admission,
        kind: str,
        outcome: str,
        *,
        decision: str,
        durable: bool = False,
        detail: dict[str, Any] | None = None,
    ) -> None:
        fields: dict[str, Any] = {
            "subject": admission.subject,
            "arguments": admission.arguments,
            "decision": decision,
            "detail": {**(detail or {}), **({"hosts": list(admission.hosts)} if admission.hosts is not None else {})},
        }
        signature = admission.caller.signature
        note = partial(self._access.audit.append, caller=signature, action=kind, outcome=outcome, durable=durable)
        await _written(partial(note, **fields))


async def _written(note: Any) -> None:
    """Write a line of the audit log; a call that cannot be written down has failed."""
    try:
        await anyio.to_thread.run_sync(note)
    except NetoptBridgeError as error:
        raise ToolError(str(error)) from None


@dataclass
class _Note:
    """What will be written down of a call that was let in."""

    outcome: str = "done"
    decision: str = "allowed"
    error: str = ""


def run_of(uri: str) -> str:
    """Return the run that a resource is about: of ``runs://ID`` and of ``runs://ID/hosts/NAME``."""
    return unquote(uri.removeprefix(RUNS)).partition("/")[0].partition("?")[0]


def wrong_arguments(error: ValidationError) -> str:
    """Return what is wrong with the arguments of a call, a line for each; without the words of a library."""
    cause = error.__cause__
    if not isinstance(cause, PydanticValidationError):
        return "The arguments do not fit the tool. Look at its input schema."
    found = cause.errors(include_url=False, include_input=False, include_context=False)
    lines = [f"- {_printable('.'.join(map(str, issue['loc'])))}: {issue['msg']}" for issue in found[:ERRORS_MAX]]
    more = [f"- and {len(found) - ERRORS_MAX} more"] if len(found) > ERRORS_MAX else []
    return "\n".join(["The arguments do not fit the tool:", *lines, *more])


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)[:NAME_MAX]


def _raw(context: MiddlewareContext[Any], name: str) -> object:
    """Return a field of a request that may not have been understood."""
    message = context.message
    return message.get(name) if isinstance(message, Mapping) else getattr(message, name, None)


def _context(context: MiddlewareContext[Any]) -> Context:
    if context.fastmcp_context is None:
        raise ToolError("The request has no context")
    return context.fastmcp_context


def _parameters(tool: Tool | None) -> dict[str, Any]:
    found: dict[str, Any] = tool.parameters.get("properties", {}) if tool is not None else {}
    return found
