# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Static tokens of callers over HTTP: random, and known to the access file by their hash."""

from __future__ import annotations

import hashlib
import secrets

PREFIX = "netopt_"
TOKEN_BYTES = 32


def new_token() -> tuple[str, str]:
    """Return a fresh token of 256 random bits, and its hash for the access file."""
    token = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    return token, hash_of(token)


def hash_of(token: str) -> str:
    """Return a token's SHA-256, hexadecimal; a random token of 256 bits needs no slower hash."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
