# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan: what an operator or an agent asks for."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AliasChoices, BeforeValidator, Field, SerializerFunctionWrapHandler, model_serializer

from mcp_bridge.collection.interfaces import as_word, placeholder
from mcp_bridge.collection.route_words import with_taken_away

from .base import Strict, set_only
from .changes import Changes
from .interfaces import Iface
from .measurement import ValidateSpec
from .traffic import Link

PlanName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
ProfileName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z][a-z0-9_]*$")]
Remark = Annotated[str, Field(max_length=4096)]


def _as_list(value: object) -> object:
    """Return a list of one for a single text."""
    return [value] if isinstance(value, str) else value


class ParameterPlan(Strict):
    """A change of network settings, for one interface or several, on any number of hosts."""

    name: PlanName | None = None
    """Which plan of the host this is; applied again it replaces itself, and leaves other plans alone."""
    iface: Iface
    """Name, glob (en*), {driver, type, min_speed_mbit}, list of these, or auto: the default route's."""
    profile: ProfileName | None = None
    """Profile that brings the objectives and, where the plan has no changes of its own, the values."""
    link: Link | None = None
    """Uplink that the profile shapes below."""
    changes: Changes = Field(default_factory=Changes)
    """What is changed; may be left out where a profile is named."""
    validation: ValidateSpec | None = Field(
        default=None,
        validation_alias=AliasChoices("validate", "validation"),
        serialization_alias="validate",
    )
    """What is measured before and after, with what has to hold. ``validation`` is the same."""
    rationale: Annotated[
        list[Remark], Field(max_length=100), BeforeValidator(_as_list, json_schema_input_type=str | list[str])
    ] = []
    """Why; kept in the audit log, never interpreted."""

    @model_serializer(mode="wrap")
    def _serialize(self, handler: SerializerFunctionWrapHandler):  # type: ignore[no-untyped-def]  # noqa: ANN202
        """Write what is set and nothing else: a digest is over this form, in whatever message the plan travels.

        There is no return type, as that would replace the fields in the published schema.
        """
        found = set_only(handler(self))
        for field, value in self.taken_away().items():
            changes = found.setdefault("changes", {})
            changes[field] = with_taken_away(field, changes.get(field), value)
        return found

    def taken_away(self) -> dict[str, Any]:
        """Return those of the changes that are null or empty: they take away what the plan has set of them before.

        Of ``sysctl``, ``offloads`` and ``routes`` single keys are taken away. A plan with a name has no need to say so.
        """
        return {} if self.name else self.changes.taken_away()

    @property
    def ifaces(self) -> tuple[str, ...]:
        """The interfaces as people read them, in the plan's order."""
        return tuple(map(as_word, self._wanted()))

    @property
    def placeholders(self) -> tuple[str, ...]:
        """What stands in the plan's text for interfaces that each host finds out."""
        found = ((one, placeholder(one)) for one in self._wanted())
        return tuple(shown for one, shown in found if shown != one)

    def _wanted(self) -> list[str | dict[str, Any]]:
        every = self.iface if isinstance(self.iface, list) else [self.iface]
        return [one if isinstance(one, str) else one.dump() for one in every]
