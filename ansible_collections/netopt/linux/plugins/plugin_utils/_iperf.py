# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: SLF001 - ansible-core gives the parts of an action and of a task no public names

"""Throughput between two hosts of the inventory: the one that is measured to serves, for as long as it takes."""

from __future__ import annotations

import contextlib
import contextvars
import fcntl
import hashlib
import random
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible import constants
from ansible.errors import AnsibleError
from ansible.plugins.loader import become_loader

from ansible_collections.netopt.linux.plugins.plugin_utils._transport import TransportAction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ansible.plugins.action import ActionBase

PORTS = range(20000, 32000)  # below those that the kernel gives to clients
LOOK_S = 1.0
ADDRESS, PORT = "netopt_address", "netopt_iperf_port"  # inventory variables


class Server:
    """A host of the inventory, as the server of a measurement.

    Args:
        action: of the host that measures to it.
        name: the server's, in the inventory.
        variables: of the action's task.
    """

    def __init__(self, action: ActionBase, name: str, variables: Mapping[str, Any]) -> None:
        self._action = action
        self._variables: Mapping[str, Any] = variables["hostvars"][name]
        self._name = name
        self.address = str(self._get(ADDRESS) or self._get("ansible_host") or name)
        self.port = int(self._get(PORT) or random.choice(PORTS))  # noqa: S311 - a port is no secret
        self.problem: str | None = None

    def _get(self, name: str) -> Any:
        return self._variables.get(name)

    def measure(
        self,
        options: Mapping[str, Any],
        ask: Callable[[dict[str, Any]], dict[str, Any]],
        meanwhile: Callable[[], None] = lambda: None,
    ) -> dict[str, Any]:
        """Return the result of netopt_probe on the host that measures: delays first, then throughput to this server.

        Args:
            options: those of netopt_probe.
            ask: has that host's module run with other options.
            meanwhile: called again and again while the host waits for its turn.
        """
        delays: dict[str, Any] = {"measurements": {"ping": {}, "tcp": {}}}
        if options.get("both_ways") and not options["ping"] and not options["tcp"]:
            options = {**options, "ping": [self.address]}
        if options["ping"] or options["tcp"]:
            delays = ask({**options, "iperf": None, "both_ways": False})
        if "measurements" not in delays:
            return delays
        only = {**options, "iperf": self.address, "iperf_port": self.port, "without_idle": True}
        with self.turn(meanwhile), self.serving(options["duration_s"]):
            loaded = ask(only)
        if "measurements" not in loaded:
            return loaded
        first, second = delays["measurements"], loaded["measurements"]
        iperf = second["iperf"]
        for kind in ("ping", "tcp"):
            for target, beside in second[kind].items():
                first[kind].setdefault(target, {}).update(beside)
        if self.problem and "throughput_mbps" not in iperf:
            iperf = {"message": self.problem}
        taken = round(first.get("duration_s", 0.0) + second["duration_s"], 3)
        counters = together(first.get("counters", {}), second["counters"])
        return {**loaded, "measurements": {**first, "iperf": iperf, "counters": counters, "duration_s": taken}}

    @contextlib.contextmanager
    def turn(self, meanwhile: Callable[[], None]) -> Iterator[None]:
        """Wait until no other host of this controller measures to the server: two at a time would halve each other.

        Args:
            meanwhile: called again and again while waiting.
        """
        folder = Path(constants.config.get_config_value("ANSIBLE_HOME")) / "netopt" / "throughput"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (folder / hashlib.sha256(self.address.encode()).hexdigest()[:32]).open("w") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    meanwhile()
                    time.sleep(LOOK_S)
            yield

    @contextlib.contextmanager
    def serving(self, duration_s: int) -> Iterator[None]:
        """Have the server there for one client meanwhile; what keeps it from being there is ``problem`` afterwards.

        It ends with its client, when none has come for some seconds, and with the module that runs it.
        """
        self.problem = None
        context = contextvars.copy_context()  # ansible-core keeps there which task is at work
        thread = threading.Thread(target=context.run, args=(self._serve, duration_s), daemon=True)
        thread.start()
        try:
            yield
        finally:
            thread.join()

    def _serve(self, duration_s: int) -> None:
        options = {"serve_port": self.port, "duration_s": duration_s}
        try:
            answer = self._transport().ask("netopt_probe", options, self._interpreter())
        except AnsibleError as error:
            self.problem = f"{self._name} cannot serve: {error.message}"
            return
        if answer.get("failed"):
            self.problem = f"{self._name} cannot serve: {answer.get('msg')}"

    def _interpreter(self) -> dict[str, Any]:
        return {
            "ansible_python_interpreter": self._get("ansible_python_interpreter"),
            "ansible_facts": self._get("ansible_facts") or {},
        }

    def _transport(self) -> TransportAction:
        """Return an action whose connection leads to the server, set up as ansible-core does for a task."""
        action = self._action
        task, context = action._task, action._play_context.copy()
        context.remote_addr = self._get("ansible_host") or self._name
        loader = action._shared_loader_obj.connection_loader
        kind = str(self._get("ansible_connection") or action._connection.transport)
        connection = loader.get(kind, context, new_stdin=None)
        keys = {**task.dump_attrs(), "timeout": context.timeout}
        keys.pop("retries", None)
        connection.set_options(task_keys=keys, var_options=self._options("connection", connection))
        shell = connection._shell
        shell.set_options(task_keys=keys, var_options=self._options("shell", shell))
        if action._connection.become is not None:
            become = become_loader.get(action._connection.become.name)
            become.set_options(task_keys=keys, var_options=self._options("become", become))
            connection.set_become_plugin(become)
        return TransportAction(
            task=task,
            connection=connection,
            play_context=context,
            loader=action._loader,
            templar=action._templar,
            shared_loader_obj=action._shared_loader_obj,
        )

    def _options(self, kind: str, plugin: Any) -> dict[str, Any]:
        """Return the inventory's variables that a plugin reads."""
        known = constants.config.get_plugin_vars(kind, plugin._load_name)
        return {
            "inventory_hostname": self._name,
            **{name: self._get(name) for name in known if name in self._variables},
        }


def together(first: Mapping[str, int], second: Mapping[str, int]) -> dict[str, int]:
    """Return the counters of two measurements that follow each other."""
    names = dict.fromkeys([*first, *second])
    return {name: (max if name.endswith("_max") else sum)((first.get(name, 0), second.get(name, 0))) for name in names}
