"""NetOpt on the controller: models, policy, validation, planning, runs and the MCP server."""

from __future__ import annotations

from pathlib import Path

COLLECTIONS_ROOT = Path(__file__).resolve().parent.parent
"""What holds ``ansible_collections/``, in a checkout and in a wheel."""
