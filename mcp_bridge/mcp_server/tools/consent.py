# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks the person behind a client before something is changed, in both eras of the protocol.

Since the protocol of 2026-07-28 a server cannot ask a client in the middle of a call: the call ends with the question,
and the client makes it again with the answer. Before that, the question is a request to the client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

import anyio.to_thread
from fastmcp import Context
from mcp import MCPError
from mcp.types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from mcp_bridge.access.argument_limits import digest
from mcp_bridge.access.caller import Admission
from mcp_bridge.access.context import Access
from mcp_bridge.access.errors import AccessError
from mcp_bridge.consent.consent_text import plain
from mcp_bridge.errors import NetoptBridgeError

ANSWER = "confirm"
LINES_MAX = 100  # of a question: what a person can read before answering
CHARACTERS_MAX = 8000
SAID_MAX = 300  # characters of what a client says where it does not ask
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        ANSWER: {
            "type": "boolean",
            "title": "Yes, do it",
            "description": "Whether this is to be done on these hosts.",
            "default": False,
        }
    },
    "required": [ANSWER],
}


async def confirmed(ctx: Context, access: Access, admission: Admission, lines: list[str]) -> InputRequiredResult | None:
    """Return ``None`` once a person has said yes to this very call, or the question that the call is to end with.

    Args:
        ctx: the request.
        access: holds the open questions and the log.
        admission: the call; the confirmation is bound to its arguments, hosts and caller.
        lines: what will change, for the person.

    Raises:
        AccessError: nobody can be asked, the question is longer than a person is shown, the answer is not yes, or it is
            no answer to this question.
    """
    try:
        return await _confirmed(ctx, access, admission, lines)
    except AccessError as error:
        await _note(access, admission, "declined", {"reason": error.kind, "error": error.message})
        raise


async def _confirmed(
    ctx: Context, access: Access, admission: Admission, lines: list[str]
) -> InputRequiredResult | None:
    mode = admission.caller.consent(access.terms.consent)
    binding = digest([admission.subject, admission.arguments, list(admission.hosts or ()), admission.caller.name])
    if mode == "never":
        await _note(access, admission, "confirmed", {"by": "the server's terms: consent is never asked for"})
        return None
    if ctx.input_responses is not None or ctx.request_state is not None:
        _take_answer(ctx, access, admission, binding)
        await _note(access, admission, "confirmed", {"by": "the person behind the client"})
        return None
    if not _can_be_asked(ctx):
        if mode == "when-possible":
            await _note(access, admission, "confirmed", {"by": "the server's terms: the client cannot ask"})
            return None
        raise AccessError(
            "This needs the confirmation of a person, and the client cannot ask for it",
            hint="Use a client that supports elicitation, or have the server's owner set `consent` for this caller.",
            kind="consent",
        )
    text = question(lines)
    await _note(access, admission, "asked", {"question": text})
    question_id = access.pending.ask(admission.caller.name, binding)
    if _is_modern(ctx):
        params = ElicitRequestFormParams(message=text, requested_schema=SCHEMA)
        return InputRequiredResult(
            input_requests={question_id: ElicitRequest(params=params)}, request_state=question_id
        )
    result = await _ask_now(ctx, access, text)
    access.pending.close(question_id, caller=admission.caller.name, binding=binding)
    _check_answer(result)
    await _note(access, admission, "confirmed", {"by": "the person behind the client"})
    return None


def question(lines: list[str]) -> str:
    """Return what a person is asked, one thing a line; nothing in it moves a terminal, runs backwards or is cut.

    Raises:
        AccessError: it is more than a person is shown.
    """
    text = "\n".join(plain(line) for line in lines)
    if len(lines) > LINES_MAX or len(text) > CHARACTERS_MAX:
        raise AccessError(
            f"The question to the person takes {len(lines)} lines and {len(text)} characters; it is asked whole or not "
            f"at all, in at most {LINES_MAX} lines and {CHARACTERS_MAX} characters",
            hint="Split the plan or name fewer hosts; `netopt apply` on the server's machine takes it as it is.",
            kind="consent",
        )
    return text


def _take_answer(ctx: Context, access: Access, admission: Admission, binding: str) -> None:
    """Take the answer that came with a call.

    Raises:
        AccessError: it is not yes, or not an answer to an open question about this call.
    """
    state = ctx.request_state
    if state is None:
        raise AccessError(
            "The confirmation comes without the state of a question",
            hint="Call the tool without input responses; the person is then asked.",
            kind="consent",
        )
    access.pending.close(state, caller=admission.caller.name, binding=binding)
    _check_answer((ctx.input_responses or {}).get(state))


def _check_answer(answer: object) -> None:
    if not isinstance(answer, ElicitResult) or answer.action != "accept":
        how = answer.action if isinstance(answer, ElicitResult) else "no answer"
        raise AccessError(
            f"The person did not confirm ({how})",
            hint="Nothing was changed. Ask what they want instead.",
            kind="consent",
        )
    if not isinstance(answer.content, Mapping) or answer.content.get(ANSWER) is not True:
        raise AccessError(
            f"The person did not say yes: {ANSWER!r} is not true", hint="Nothing was changed.", kind="consent"
        )


async def _ask_now(ctx: Context, access: Access, text: str) -> ElicitResult:
    try:
        async with asyncio.timeout(access.pending.answer_s):
            return await ctx.session.elicit_form(text, SCHEMA, ctx.request_id)
    except TimeoutError:
        raise AccessError(
            f"Nobody answered within {access.pending.answer_s:.0f} s", hint="Nothing was changed.", kind="consent"
        ) from None
    except MCPError as error:
        said = plain(str(error))[:SAID_MAX]
        raise AccessError(
            f"The client did not ask the person: {said}", hint="Nothing was changed.", kind="consent"
        ) from None
    except ValidationError:
        raise AccessError(
            "What the client sent is no answer to a question: it has an action (accept, decline or cancel), and with "
            "accept the fields that were asked for",
            hint="Nothing was changed. Use a client that asks as the protocol has it.",
            kind="consent",
        ) from None


def _can_be_asked(ctx: Context) -> bool:
    """Return whether the client can show a form to a person; a client that says so without details can."""
    capabilities = ctx.session.client_capabilities
    asks = capabilities.elicitation if capabilities is not None else None
    return asks is not None and (asks.form is not None or asks.url is None)


def _is_modern(ctx: Context) -> bool:
    return ctx.request_context is not None and ctx.request_context.protocol_version in MODERN_PROTOCOL_VERSIONS


async def _note(access: Access, admission: Admission, decision: str, detail: dict[str, Any]) -> None:
    """Write down what was asked and answered, before anything is done about it."""
    hosts = {"hosts": list(admission.hosts)} if admission.hosts is not None else {}
    note = partial(
        access.audit.append,
        caller=admission.caller.signature,
        action="consent",
        outcome=decision,
        decision=decision,
        subject=admission.subject,
        arguments=admission.arguments,
        detail={**detail, **hosts},
    )
    try:
        await anyio.to_thread.run_sync(note)
    except NetoptBridgeError as error:
        raise AccessError(error.message, hint=error.hint, kind="consent") from None
