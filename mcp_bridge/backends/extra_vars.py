# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes variables for Ansible that are data: nothing in them is ever evaluated as a template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

_DUMPER: type[Any] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _DataDumper(_DUMPER):  # type: ignore[misc]  # the C dumper where libyaml is there
    """Quotes every string, so that none is read back as another type, and writes no aliases."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  # PyYAML's signature
        return True


_DataDumper.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))


def as_unsafe_yaml(variables: Mapping[str, Any]) -> str:
    """Return ``variables`` as a YAML file for ``ansible-playbook -e @FILE``.

    Ansible trusts what ``-e`` gives and evaluates every ``{{ ... }}`` in it on the controller, lookups
    that run commands included. The document as a whole is tagged ``!unsafe``, which turns that off for
    the values and for the keys; a tag on the single string would also guess its type anew.
    """
    text: str = yaml.dump(dict(variables), Dumper=_DataDumper, allow_unicode=True, sort_keys=False, width=2**31 - 1)
    return f"--- !unsafe\n{text}"
