# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files that bring a host's network back after a restart: no shell, and Python for adjusters of rates alone. Pure.

A file is ``{"kind": "file", "mode", "uid", "gid", "data"}`` or ``{"kind": "link", "target"}``. ``data`` is text in
which each character stands for one byte (Latin-1), so that any file that was there before fits in JSON as well.
Paths begin with a slash and are below the root of the host.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from typing import TYPE_CHECKING, Any

from .._common.patterns import pattern
from .._link.nic import commands as nic_commands
from .._link.steering import BASE as STEERING_BASE
from .._link.steering import QUEUES
from .._sysctl.side_effects import write_order
from .._transport.bundle import PYTHON_FLAGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Files = dict[str, dict[str, Any]]

SYSCTL_FILE = "/etc/sysctl.d/90-netopt.conf"
MODULES_FILE = "/etc/modules-load.d/90-netopt.conf"
SCRIPTS = "/etc/netopt/boot"
UNITS = "/etc/systemd/system"
TABLE_UNIT = "netopt-table@inet.service"
TABLE_TARGET = "sysinit.target"
# Whatever configures interfaces goes first, so that what is set here is set last.
CONFIGURERS = "systemd-networkd.service NetworkManager.service networking.service wicked.service tuned.service"
HEAD = "# Written by netopt for changes that were confirmed with persist; rolling these back takes it away.\n"
READABLE, PRIVATE = 0o644, 0o600
_PLAIN = pattern(r"[0-9A-Za-z:_.]")
_GLOB = pattern(r"([*?[])")
_BARE_WORD = pattern(r"[0-9A-Za-z_./:=@,+-]+")


def escape(name: str) -> str:
    """Return a name as systemd spells it within the name of a unit (``systemd-escape``)."""
    spelt = "".join(
        char if _PLAIN.fullmatch(char) else "".join(f"\\x{byte:02x}" for byte in char.encode()) for char in name
    )
    return "\\x2e" + spelt[1:] if spelt.startswith(".") else spelt


def exec_line(program: str, words: Iterable[str], *, may_fail: bool = False) -> str:
    """Return an ``ExecStart`` line: words quoted, and nothing in them left for systemd to expand."""
    return "ExecStart=" + ("-" if may_fail else "") + " ".join([program, *map(_word, words)])


def _word(word: str) -> str:
    if _BARE_WORD.fullmatch(word):
        return word
    spelt = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{spelt}"'


def render(layer: Mapping[str, Any], programs: Mapping[str, str]) -> Files:
    """Return the files for what the layers amount to, by path, in the order of writing.

    What a unit runs lies in files named by their content, so that replacing the unit switches from one to the other.

    Args:
        layer: what ``layer.merged`` gives.
        programs: ``{name: absolute path}`` of ``ip``, ``tc``, ``ethtool``, ``nft``, ``grep``, ``systemd-tmpfiles``,
            ``systemd-run`` and ``python3``.
    """
    files: Files = {}
    if layer["modules"]:
        files[MODULES_FILE] = _file(HEAD + "".join(f"{module}\n" for module in layer["modules"]))
    if layer["sysctl"]:
        keys = sorted(layer["sysctl"], key=lambda key: (write_order(key), key))
        files[SYSCTL_FILE] = _file(HEAD + "".join(f"{key} = {layer['sysctl'][key]}\n" for key in keys))
    for iface in sorted({*layer["links"], *layer["tc"]}):
        files.update(_device(iface, layer, programs))
    for iface, routes in sorted(layer["routes"].items()):
        files.update(_routes(iface, routes, programs))
    if layer["nft"]:
        script = _script("table", "nft", HEAD + layer["nft"])
        run = exec_line(programs["nft"], ["-f", next(iter(script))])
        files.update(script)
        files.update(_unit(TABLE_UNIT, TABLE_TARGET, _table_text(run)))
    return files


def _file(text: str, mode: int = READABLE) -> dict[str, Any]:
    return {"kind": "file", "mode": mode, "uid": 0, "gid": 0, "data": text.encode().decode("latin-1")}


def _script(name: str, suffix: str, text: str) -> Files:
    """Return a file named by its content."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return {f"{SCRIPTS}/{name}-{digest}.{suffix}": _file(text, PRIVATE)}


def _unit(name: str, wanted_by: str, text: str) -> Files:
    """Return a unit and the link that enables it."""
    path = f"{UNITS}/{name}"
    return {path: _file(text), f"{UNITS}/{wanted_by}.wants/{name}": {"kind": "link", "target": path}}


def _device(iface: str, layer: Mapping[str, Any], programs: Mapping[str, str]) -> Files:
    """Return the unit of one interface and what it runs: MTU, queues, offloads, queueing disciplines, the adjuster."""
    link, tc = layer["links"].get(iface, {}), layer["tc"].get(iface)
    files: Files = {}
    lines = []
    if "mtu" in link:
        lines.append(exec_line(programs["ip"], ["link", "set", "dev", iface, "mtu", str(link["mtu"])]))
    lines += [
        # ethtool without netlink fails where there is nothing to change
        exec_line(programs[words[0]], words[1:], may_fail=words[0] == "ethtool")
        for words in (shlex.split(command) for _group, command in nic_commands(iface, link.get("nic", {})))
    ]
    features = link.get("features") or {}
    if features:
        words = [word for name in sorted(features) for word in (name, "on" if features[name] else "off")]
        lines.append(exec_line(programs["ethtool"], ["-K", iface, *words]))
    if link.get("steering"):
        files.update(_script(iface, "conf", HEAD + _queue_files(iface, link["steering"])))
        lines.append(exec_line(programs["systemd-tmpfiles"], ["--create", next(iter(files))]))
    if tc is not None:
        lines += [exec_line(programs["ip"], one["words"], may_fail=one["may_fail"]) for one in tc["links"]]
        script = _script(iface, "tc", HEAD + "".join(f"{line}\n" for line in tc["batch"]))
        files.update(script)
        lines.append(exec_line(programs["tc"], ["-batch", next(iter(script))]))
    if tc is not None and "adapt" in tc:
        found, line = _adjuster(iface, tc["adapt"], programs)
        files.update(found)
        lines.append(line)
    device = f"sys-subsystem-net-devices-{escape(iface)}.device"
    text = f"""{HEAD}[Unit]
Description=MTU, offloads and queueing disciplines of {iface.replace("%", "%%")} (netopt)
BindsTo={device}
After={device} systemd-modules-load.service {CONFIGURERS}

[Service]
Type=oneshot
RemainAfterExit=yes
{chr(10).join(lines)}

[Install]
WantedBy={device}
"""
    files.update(_unit(f"netopt-device@{escape(iface)}.service", device, text) if lines else {})
    return files


def _adjuster(iface: str, adapt: Mapping[str, Any], programs: Mapping[str, str]) -> tuple[Files, str]:
    """Return the adjuster of an interface with its settings, and the line that starts it in a unit of its own."""
    from .._adapt.subsystem import start_words, unit_of  # noqa: PLC0415 - few shapers adapt

    settings = _script(unit_of(iface), "json", json.dumps(adapt["settings"], sort_keys=True))
    digest = hashlib.sha256(adapt["program"].encode("latin-1")).hexdigest()[:12]
    path = f"{SCRIPTS}/adjuster-{digest}.pyz"
    program = {"kind": "file", "mode": PRIVATE, "uid": 0, "gid": 0, "data": adapt["program"]}
    words = start_words(iface, [programs["python3"], *PYTHON_FLAGS, path], next(iter(settings)))
    return {path: program, **settings}, exec_line(programs[words[0]], words[1:], may_fail=True)


def _routes(iface: str, routes: Mapping[str, Any], programs: Mapping[str, str]) -> Files:
    """Return the unit that sets metrics of an interface's routes once they are there.

    A route is replaced only while it is there as it was, so that another gateway is never taken away; until then the
    unit fails and is started again.
    """
    from .._route.words import command, there  # noqa: PLC0415 - few hosts have routes persisted

    lines = []
    for _name, entry in sorted(routes.items()):
        file, pattern = there(entry["body"], iface)
        lines.append(exec_line(programs["grep"], ["-Eqx", pattern, file]))
        lines.append(exec_line(programs["ip"], command(entry["body"], iface, entry["metrics"])[1:]))
    device = f"sys-subsystem-net-devices-{escape(iface)}.device"
    name = f"netopt-routes@{escape(iface)}.service"
    text = f"""{HEAD}[Unit]
Description=Metrics of routes through {iface.replace("%", "%%")} (netopt)
BindsTo={device}
After={device} network-online.target {CONFIGURERS} netopt-device@{escape(iface)}.service
Wants=network-online.target
StartLimitIntervalSec=900
StartLimitBurst=60

[Service]
Type=oneshot
RemainAfterExit=yes
Restart=on-failure
RestartSec=10
{chr(10).join(lines)}

[Install]
WantedBy={device}
"""
    return _unit(name, device, text)


def _queue_files(iface: str, steering: Mapping[str, Any]) -> str:
    """Return lines of tmpfiles.d(5) that write into the files of an interface's queues."""
    name = _GLOB.sub(r"[\1]", iface).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return "".join(
        f'w "{STEERING_BASE}/{name}/queues/{QUEUES[word]}-*/{word}" - - - - {value}\n'
        for word, value in sorted(steering.items())
    )


def _table_text(run: str) -> str:
    """Return the unit that loads the table: before the network is there, and again after nftables has flushed all."""
    return f"""{HEAD}[Unit]
Description=Table inet netopt of nftables (netopt)
DefaultDependencies=no
RequiresMountsFor={SCRIPTS}
After=systemd-modules-load.service nftables.service
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service
Wants=network-pre.target
Before=network-pre.target shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
{run}
{run.replace("ExecStart=", "ExecReload=", 1)}

[Install]
WantedBy={TABLE_TARGET}
"""


def units(paths: Iterable[str]) -> list[str]:
    """Return the names of the units among paths, the links that enable them left out."""
    return [path[len(UNITS) + 1 :] for path in paths if path.startswith(UNITS + "/") and path.count("/") == 4]
