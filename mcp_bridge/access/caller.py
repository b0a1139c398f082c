# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who asks: found out once for each call, and known to everything that the call does."""

from __future__ import annotations

import re
from contextvars import ContextVar
from dataclasses import dataclass

from fastmcp import Context
from fastmcp.server.dependencies import get_access_token

from .errors import AccessError
from .loader import Rules
from .models import EVERYTHING, LOCAL, CallerRule, ConsentMode, Scope, local_rule
from .tokens import STATIC

MAX_CLAIM = 100
HTTP = frozenset({"streamable-http", "sse"})


@dataclass(frozen=True)
class Caller:
    """Who asks, and what this caller may do.

    Attributes:
        name: as the token says, ``local`` for the user who started the server.
        rule: what the access file says of the caller.
        scopes: those of the rule that the token grants as well.
        claim: what the client calls itself; no proof of anything.
    """

    name: str
    rule: CallerRule
    scopes: frozenset[Scope]
    claim: str

    @property
    def sees_all_hosts(self) -> bool:
        """Whether no host is closed to the caller."""
        return EVERYTHING in self.rule.hosts and not self.rule.except_hosts

    @property
    def may_set_all(self) -> bool:
        """Whether no setting is closed to the caller, on any host."""
        return all(EVERYTHING in each for each in (self.rule.netem, self.rule.nat)) and "*" in self.rule.cards

    @property
    def signature(self) -> str:
        """The caller in records of runs and in logs; what stands before the parenthesis is proven."""
        return f"mcp {self.name} ({self.claim})"

    def consent(self, default: ConsentMode) -> ConsentMode:
        """Return whether this caller's changes need a person's confirmation."""
        return self.rule.consent or default

    def owns(self, signature: str) -> bool:
        """Return whether a run or an audit entry was written on behalf of this caller."""
        return signature.startswith(f"mcp {self.name} (")


@dataclass(frozen=True)
class Admission:
    """A call that was let in.

    Attributes:
        caller: who asks.
        subject: the tool, resource or prompt.
        arguments: SHA-256 over what the client sent, hexadecimal.
        hosts: the hosts that the call may reach, resolved; ``None`` where it was not needed to know.
    """

    caller: Caller
    subject: str
    arguments: str
    hosts: tuple[str, ...] | None = None


CURRENT: ContextVar[Admission | None] = ContextVar("netopt_admission", default=None)
"""The call that is being answered."""


def identify(rules: Rules, ctx: Context | None, *, authenticated: bool) -> Caller:
    """Return who asks.

    Args:
        rules: the access file.
        ctx: the request.
        authenticated: whether the server lets nobody in over HTTP without a token.

    Raises:
        AccessError: nobody that the access file knows.
        PolicyError: the access file was changed and is wrong.
    """
    access = rules.current()
    token = get_access_token()
    claim = claim_of(ctx)
    if token is None:
        if authenticated and ctx is not None and ctx.transport in HTTP:
            raise AccessError("There is no token", hint="Send one as Authorization: Bearer.", kind="caller")
        rule = (access.rule(LOCAL) if access else None) or local_rule()
        return Caller(LOCAL, rule, frozenset(rule.scopes), claim)
    name = token.client_id
    found = access.rule(name) if access else None
    if found is None or name == LOCAL:
        raise AccessError(
            f"The access file does not know the caller {name}",
            hint="Its owner can add it under callers.",
            kind="caller",
        )
    scopes = frozenset(found.scopes)
    if not token.claims.get(STATIC):
        scopes &= frozenset(scope for scope in found.scopes if scope in token.scopes)
    return Caller(name, found, scopes, claim)


def claim_of(ctx: Context | None) -> str:
    """Return what a client calls itself, reduced to plain characters."""
    params = ctx.session.client_params if ctx is not None and ctx.request_context is not None else None
    if params is None:
        return "unnamed client"
    text = f"{params.client_info.name}/{params.client_info.version}"
    return re.sub(r"[^A-Za-z0-9 ._/+@-]", "?", text)[:MAX_CLAIM]


def scopes_text(caller: Caller) -> str:
    """Return a caller's scopes for people."""
    return ", ".join(sorted(caller.scopes)) or "none"
