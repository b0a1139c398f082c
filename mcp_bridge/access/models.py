# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an access file may hold: how callers prove who they are, and what each of them may do."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from mcp_bridge.policy.limits import PolicyModel

Scope = Literal["read", "probe", "plan", "apply", "rollback", "delete", "audit"]
ALL_SCOPES: frozenset[Scope] = frozenset(get_args(Scope))
ConsentMode = Literal["always", "when-possible", "never"]
EVERYTHING = "all"
PUBLIC = "public"
INVENTORY = "inventory"
LOCAL = "local"
_NAME = r"^[A-Za-z0-9._@|:/+-]{1,128}$"

CallerName = Annotated[str, Field(pattern=_NAME, description="The caller's name, as its token says it.")]
HostEntry = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}$",
        description="The name of a host or of a group of the inventory, word for word; no pattern. `all` for every "
        "host.",
    ),
]
ProbeEntry = Annotated[
    str,
    Field(
        pattern=r"^(?:\*\.)?[a-z0-9][a-z0-9._:/-]{0,252}$",
        description="`public`: every public address. `inventory`: hosts of the inventory that are open to the caller, "
        "by name or `ansible_host`. A network or address, a name, `*.` and the end of names, or `all`.",
    ),
]
Glob = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.*-]{1,64}$", description="An id, with * for any text.")]
Url = Annotated[str, Field(pattern=r"^https?://[^\s]{1,2000}$")]


class Jwt(PolicyModel):
    """JSON Web Tokens of an identity provider. A token needs an expiry date, the issuer and the audience."""

    issuer: Annotated[str, Field(min_length=1, description="The `iss` that tokens must have.")]
    audience: Annotated[str, Field(min_length=1, description="The `aud` that tokens must have.")]
    jwks_uri: Url | None = Field(default=None, description="Where the provider publishes its keys.")
    public_key_file: str | None = Field(default=None, description="A PEM file with its public key, instead.")
    algorithm: Literal[
        "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"
    ] = Field(default="RS256", description="The one algorithm that is accepted; no shared secrets.")
    caller_claim: Annotated[str, Field(pattern=r"^[A-Za-z0-9_./:-]{1,64}$")] = Field(
        default="sub", description="The claim that names the caller."
    )
    scope_prefix: Annotated[str, Field(max_length=64)] = Field(
        default="", description="What stands before netopt's scopes in a token, e.g. `netopt:`."
    )

    @model_validator(mode="after")
    def _has_one_key(self) -> Self:
        if (self.jwks_uri is None) == (self.public_key_file is None):
            raise ValueError("Give either jwks_uri or public_key_file")
        return self


class StaticToken(PolicyModel):
    """A token that `netopt access token` made; the file holds its hash alone."""

    caller: CallerName
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the token, hexadecimal.")]
    expires: Annotated[date, Field(strict=False)] | None = Field(
        default=None, description="The last day on which it is accepted."
    )


class Authentication(PolicyModel):
    """How callers that come over HTTP prove who they are."""

    jwt: Jwt | None = None
    tokens: list[StaticToken] = []

    @model_validator(mode="after")
    def _has_a_way(self) -> Self:
        if self.jwt is None and not self.tokens:
            raise ValueError("Give jwt, tokens or both")
        return self


class ConfirmTimeout(PolicyModel):
    """Within how many seconds a change is to be confirmed by hand."""

    required: bool = Field(default=False, description="Whether every change needs such a time.")
    min_s: Annotated[int, Field(ge=5, le=86400)] = 5
    max_s: Annotated[int, Field(ge=5, le=86400)] = 86400

    @model_validator(mode="after")
    def _is_a_span(self) -> Self:
        if self.min_s > self.max_s:
            raise ValueError("min_s is above max_s")
        return self


class Rate(PolicyModel):
    """How often a caller may ask."""

    calls_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 600
    changes_per_hour: Annotated[int, Field(ge=1, le=100_000)] = 60


class CallerRule(PolicyModel):
    """What one caller may do. What is not said is not allowed."""

    name: CallerName
    scopes: Annotated[list[Scope], Field(min_length=1)]
    hosts: Annotated[list[HostEntry], Field(min_length=1)]
    except_hosts: list[HostEntry] = Field(default=[], alias="except", description="Taken out of `hosts`.")
    profiles: list[Glob] = Field(default=[], description="A profile brings the cards that it names.")
    cards: list[Glob] = []
    netem: list[HostEntry] = Field(default=[], description="Hosts and groups where impairments are allowed.")
    nat: list[HostEntry] = Field(default=[], description="Hosts and groups where address translation is allowed.")
    probe: list[ProbeEntry] = Field(
        default=[PUBLIC, INVENTORY], description="What hosts may be told to send packets to, with the scope `probe`."
    )
    max_hosts: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=10, description="Hosts that may be changed at once, over all of the caller's runs."
    )
    confirm_timeout: ConfirmTimeout = ConfirmTimeout()
    consent: ConsentMode | None = Field(default=None, description="`always` where neither this nor the server says.")
    rate: Rate = Rate()


class AccessFile(PolicyModel):
    """An access file."""

    version: Literal[1]
    authentication: Authentication | None = None
    callers: Annotated[list[CallerRule], Field(min_length=1)]

    def rule(self, name: str) -> CallerRule | None:
        """Return the rule of the caller with that very name."""
        return next((rule for rule in self.callers if rule.name == name), None)


def local_rule() -> CallerRule:
    """Return what the user who started the server may do: all that this user could do without the server."""
    return CallerRule(
        name=LOCAL,
        scopes=sorted(ALL_SCOPES),
        hosts=[EVERYTHING],
        profiles=["*"],
        cards=["*"],
        netem=[EVERYTHING],
        nat=[EVERYTHING],
        probe=[EVERYTHING],
        max_hosts=10_000,
        rate=Rate(calls_per_minute=6000, changes_per_hour=6000),
    )


def is_caller_name(text: object) -> bool:
    """Return whether text may name a caller."""
    return isinstance(text, str) and re.fullmatch(_NAME, text) is not None
