# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verifies the tokens of callers over HTTP: static ones, and JSON Web Tokens of an identity provider."""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from fastmcp.server.auth import AccessToken, TokenVerifier
from fastmcp.server.auth.providers.jwt import JWTVerifier

from mcp_bridge.errors import NetoptBridgeError

from .loader import Rules
from .models import Authentication, Jwt, StaticToken, is_caller_name
from .static_tokens import PREFIX, hash_of

TOKEN_CHARS_MAX = 16 * 1024
LEEWAY_S = 30
STATIC = "static"
"""The claim that marks a static token: its caller has the scopes of the access file, all of them."""

LOG = logging.getLogger(__name__)


class AccessTokenVerifier(TokenVerifier):
    """Lets in who has a token that the access file accepts at that moment.

    Args:
        rules: the access file.
        on_refusal: called with a few words for each token that is refused; never with the token.
    """

    def __init__(self, rules: Rules, *, on_refusal: Callable[[str], None]) -> None:
        super().__init__()
        self._rules = rules
        self._on_refusal = on_refusal
        self._jwt: tuple[Jwt, StrictJwt] | None = None

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return what a token says, ``None`` when it is not accepted."""
        found, reason = await self._look_up(token)
        if found is None:
            self._on_refusal(reason)
        return found

    async def _look_up(self, token: str) -> tuple[AccessToken | None, str]:
        try:
            access = self._rules.current()
        except NetoptBridgeError as error:
            LOG.error("Nobody is let in: %s", error)  # noqa: TRY400  # the traceback tells nothing more
            return None, "the access file cannot be used"
        if access is None or access.authentication is None or len(token) > TOKEN_CHARS_MAX:
            return None, "tokens are not accepted, or not of this length"
        if token.startswith(PREFIX):
            return _static(token, access.authentication), "not a token of the access file, or an expired one"
        if access.authentication.jwt is None:
            return None, "not a token of the access file"
        return await self._verifier(access.authentication.jwt).verify_token(token), "not a valid JSON Web Token"

    def _verifier(self, jwt: Jwt) -> StrictJwt:
        """Return the verifier of the access file's provider; it keeps the provider's keys."""
        if self._jwt is None or self._jwt[0] != jwt:
            folder = self._rules.path.parent if self._rules.path else Path()
            self._jwt = jwt, StrictJwt(jwt, folder)
        return self._jwt[1]


def _static(token: str, authentication: Authentication) -> AccessToken | None:
    given = hash_of(token)
    match: StaticToken | None = None
    for entry in authentication.tokens:
        if hmac.compare_digest(entry.sha256, given):
            match = entry
    if match is None or (match.expires is not None and datetime.now(UTC).date() > match.expires):
        return None
    return AccessToken(token=token, client_id=match.caller, scopes=[], claims={STATIC: True})


class StrictJwt(JWTVerifier):
    """A verifier that also wants an expiry date, heeds ``nbf``, and takes the caller from the claim that was chosen.

    Args:
        jwt: issuer, audience, key and algorithm.
        folder: where the key file is looked for.
    """

    def __init__(self, jwt: Jwt, folder: Path) -> None:
        key = (folder / jwt.public_key_file).read_text(encoding="ascii") if jwt.public_key_file else None
        super().__init__(
            public_key=key,
            jwks_uri=jwt.jwks_uri,
            issuer=jwt.issuer,
            audience=jwt.audience,
            algorithm=jwt.algorithm,
        )
        self._settings = jwt

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return what a token says, ``None`` when it is not accepted."""
        found = await self.load_access_token(token)
        if found is None or found.expires_at is None or not self._has_begun(found.claims.get("nbf")):
            return None
        caller = found.claims.get(self._settings.caller_claim)
        if not is_caller_name(caller):
            return None
        prefix = self._settings.scope_prefix
        scopes = [
            str(scope).removeprefix(prefix)
            for scope in found.scopes
            if isinstance(scope, str) and scope.startswith(prefix)
        ]
        return AccessToken(
            token=token, client_id=str(caller), scopes=scopes, expires_at=found.expires_at, claims={STATIC: False}
        )

    @staticmethod
    def _has_begun(not_before: object) -> bool:
        if not_before is None:
            return True
        return isinstance(not_before, int | float) and not_before <= time.time() + LEEWAY_S
