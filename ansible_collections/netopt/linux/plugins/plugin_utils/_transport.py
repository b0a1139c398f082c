# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries a module of this collection to a target and its result back, in one exchange and without a file.

ansible-core packs a module anew in every run: it parses the module and everything that it imports, and sends
it with ansible-core's own library. That takes longer than a whole change. The transport sends this collection's
own sources as they are, to the target's Python over the connection's standard input, and they run from memory.

The sources come with the bytecode that this controller's Python makes of them. A target with the same Python
uses it; any other compiles the sources. A target keeps what it was sent until it restarts, and is sent it again
only when it says that it has it no more: see ``_transport_cache.py``.

Everything else is ansible-core's: the connection, become, the environment, check mode. Where it cannot
go (pipelining is off, the task is asynchronous, the target's Python is not where it usually is), ansible-core's
own way is taken instead.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import marshal
import os
import secrets
import shlex
import sys
import textwrap
import time
import zlib
from functools import cache
from importlib.machinery import SourceFileLoader
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.netopt.linux.plugins.module_utils._transport.bundle import BEGIN, PACKAGE, PYTHON_FLAGS, bundle
from ansible_collections.netopt.linux.plugins.module_utils._transport.frame import MARK, answer_in
from ansible_collections.netopt.linux.plugins.module_utils._transport.remote_main import ENTRIES, KEPT
from ansible_collections.netopt.linux.plugins.plugin_utils._answer_size import LISTEN_ROOM, bounded, check
from ansible_collections.netopt.linux.plugins.plugin_utils._no_result import (
    explained,
    gave_none,
    may_be_too_old,
    sudo_says,
    too_old,
)
from ansible_collections.netopt.linux.plugins.plugin_utils._ssh import connect_anew, end_shared, watch
from ansible_collections.netopt.linux.plugins.plugin_utils._transport_cache import ModuleCache, is_packed, packed

if TYPE_CHECKING:
    from collections.abc import Mapping

MODULE_UTILS = "ansible_collections.netopt.linux.plugins.module_utils"
SOURCES = Path(__file__).resolve().parent.parent / "module_utils"
USUAL_PYTHON = "/usr/bin/python3"
UNHEARD = "Data could not be sent"  # ansible-core, when ssh ended while it was written to, and said why only then
ENDS = "NETOPT_RUN_ENDS"  # when netopt ends this run, in seconds of the epoch
RUN_S = 1800.0  # where no netopt has started it
NEW_CONNECTION = "netopt_new_connection"  # a variable: the connections that there are may hang
NOT_HERE = (126, 127)  # of a shell: no such program, or not to be executed
MISSING_PROGRAM = {"missing": "program"}
MISSING_PYTHON = {"missing": "python"}

# Reads the message from standard input, and the sources behind it or where they were kept; imports them from memory.
# What is missing is said in a frame, as an exit status may be that of whatever the host runs around this.
# It lives for a moment and makes hardly any circles: Python need not look for them, nor at its end, which we wait for.
BOOTSTRAP = f"""
import gc, json, os, sys, zlib
gc.disable()
def missing(what):
    body = json.dumps({{"missing": what}})
    values = ({MARK!r}, sys.argv[1], len(body), zlib.crc32(body.encode("ascii")) & 0xffffffff, body)
    sys.stdout.write("\\n%s:%s:%d:%08x:%s\\n" % values)
    sys.exit()
if sys.version_info < (3, 8):
    missing("python")
data = sys.stdin.buffer
message = json.loads(data.readline().decode("utf-8"))
sent = data.read()
was_sent = bool(sent)
if was_sent:
    memory = os.memfd_create("netopt")
    with os.fdopen(os.dup(memory), "wb") as stream:
        stream.write(zlib.decompress(sent))
    sent = None
else:
    try:
        memory = os.open({KEPT!r} % message["program"], os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        missing("program")
    about = os.fstat(memory)
    if about.st_uid != os.geteuid() or about.st_mode & 0o22:
        missing("program")
sys.path.insert(0, "/proc/self/fd/%d" % memory)
sys.dont_write_bytecode = True
try:
{textwrap.indent(BEGIN, "    ")}except ImportError:
    if was_sent:
        raise
    missing("program")  # what is kept is not whole
from {PACKAGE}._transport.remote_main import main
main(message)
gc.freeze()
"""


class UnansweredError(Exception):
    """A host ran a command, and what it printed holds no answer.

    Args:
        answer: what ansible-core knows of the command: ``rc``, ``stdout`` and ``stderr``.
    """

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__((answer["stderr"] or answer["stdout"]).strip() or f"exit status {answer['rc']}")
        self.answer = answer


class TransportAction(ActionBase):  # type: ignore[misc]  # ansible-core has no types
    """The action of a module that the transport sends."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result."""
        result = super().run(tmp, task_vars)
        module = self._task.action.rpartition(".")[2]
        entry = importlib.import_module(f"{MODULE_UTILS}.{ENTRIES[module]}")
        _valid, self.options = self.validate_argument_spec(argument_spec=entry.ARGUMENT_SPEC, **entry.CONSTRAINTS)
        watch(self._connection)
        if (task_vars or {}).get(NEW_CONNECTION):
            end_shared(self._connection)
            connect_anew(self._connection)
        return {**result, **self.ask(module, self.options, task_vars or {})}

    def ask(self, module: str, options: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """Return the result of one of the collection's modules.

        Args:
            module: its name without the collection's.
            options: what it takes.
            variables: the task's variables.

        Raises:
            AnsibleConnectionFailure: the target cannot be reached.
        """
        try:
            return self._asked(module, options, variables)
        except AnsibleError as error:  # ansible-core waits for the sign of sudo's success in vain
            cause = sudo_says(str(error))
            if cause is None:
                raise
            return {"failed": True, "msg": cause}

    def _asked(self, module: str, options: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """Return what ``ask`` does, in one command where the connection allows that, else as ansible-core does it."""
        if not self._task.async_val and self._pipelines():
            message = {
                "module": module,
                "options": options,
                "check": bool(self._task.check_mode),
                "diff": bool(self._task.diff),
            }
            try:
                answer = self._run_there(message, variables)
            except UnansweredError as error:
                return self._known_cause(without_result(module, error), variables) or self.unanswered(
                    message, variables, error
                )
            except AnsibleConnectionFailure as error:
                return self.unanswered(message, variables, error)
            if answer is not None:
                return answer
        found: dict[str, Any] = self._execute_module(
            module_name=f"netopt.linux.{module}",
            module_args={name: value for name, value in options.items() if value is not None},
            task_vars=variables,
            wrap_async=self._task.async_val,
        )
        return (self._known_cause(found, variables) if gave_none(found) else None) or found

    def _known_cause(self, result: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any] | None:
        """Return the result of a module that never began, with the cause in its message; ``None`` for another one."""
        printed = f"{result.get('module_stderr')}\n{result.get('module_stdout')}"
        cause = sudo_says(printed)
        if cause is None and may_be_too_old(printed):
            python = self.python(variables)
            with contextlib.suppress(AnsibleConnectionFailure):  # it is gone: nothing more is to be found out
                said = self._low_level_execute_command(f"{python} -V")
                cause = too_old(f"{said['stdout']}\n{said['stderr']}", python)
        return explained(result, cause) if cause else None

    def unanswered(
        self, message: dict[str, Any], variables: dict[str, Any], error: UnansweredError | AnsibleConnectionFailure
    ) -> dict[str, Any]:
        """Return the result of a module whose answer is missing or torn: what it says when it is asked once more.

        Whatever goes this way may be asked for twice; what may not is ``netopt_apply``.

        Raises:
            AnsibleConnectionFailure: the target cannot be reached.
        """
        if isinstance(error, AnsibleConnectionFailure):
            raise error
        connect_anew(self._connection)
        try:
            answer = self._run_there(message, variables)
        except UnansweredError as again:
            return without_result(message["module"], again)
        return without_result(message["module"], error) if answer is None else answer

    def _pipelines(self) -> bool:
        """Whether a command may be handed something on its standard input."""
        asked = getattr(self._connection, "is_pipelining_enabled", None)  # from ansible-core 2.19 on
        return bool(asked() if asked else self._is_pipelining_enabled("new"))

    def _run_there(self, message: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any] | None:
        """Return the module's result, ``None`` where the target's Python is not found or too old.

        Raises:
            UnansweredError: what the target printed holds no answer.
            AnsibleConnectionFailure: the target cannot be reached.
        """
        nonce = secrets.token_hex(16)
        program = f"-c {shlex.quote(one_line(BOOTSTRAP))} {nonce}"
        words = [self._compute_environment_string(), "exec", self.python(variables), *PYTHON_FLAGS, program]
        command = " ".join(word for word in words if word)
        about = {"nonce": nonce, "ends_in_s": _time_left(), "program": DIGEST}
        request = json.dumps({**message, **about}).encode() + b"\n"
        cache = ModuleCache(DIGEST, self._address())
        told: dict[str, Any] | None = MISSING_PROGRAM
        if cache.has_program():
            answer = self._low_level_execute_command(command, in_data=request)
            told = answer_in(answer["stdout"], nonce)
        if told == MISSING_PROGRAM:
            answer = self._send(command, request)
            told = answer_in(answer["stdout"], nonce)
        if told == MISSING_PYTHON or (told is None and answer["rc"] in NOT_HERE):
            return None
        if told is None:
            raise UnansweredError(answer)
        if told["kept"]:
            cache.add()
        result: dict[str, Any] = told["result"]
        return result

    def _send(self, command: str, request: bytes) -> dict[str, Any]:
        """Return the answer to a request with the program behind it.

        Raises:
            AnsibleConnectionFailure: the target cannot be reached.
        """
        try:
            answer: dict[str, Any] = self._low_level_execute_command(command, in_data=request + _program())
        except AnsibleConnectionFailure as error:
            if UNHEARD in str(error):  # a request alone fits into ssh's pipe, so that ssh is heard to the end
                self._low_level_execute_command(command, in_data=request)
            raise
        return answer

    def _low_level_execute_command(self, *words: Any, **options: Any) -> dict[str, Any]:
        """Return what a command printed, within bounds; see ``_answer_size.py``.

        Raises:
            AnswerTooLargeError: the host prints more than it has to say.
            AnsibleConnectionFailure: the target cannot be reached.
        """
        with bounded(LISTEN_ROOM):
            answer: dict[str, Any] = super()._low_level_execute_command(*words, **options)
        check(answer["stdout"])
        check(answer["stderr"])
        return answer

    def _address(self) -> str:
        """Return where the connection leads and as whom, as far as ansible-core knows."""
        context = self._play_context
        user = context.become_user if context.become else context.remote_user
        return json.dumps([self._connection.transport, context.remote_addr, context.port, user])

    def python(self, variables: dict[str, Any]) -> str:
        """Return the target's Python: as the inventory says, as was discovered, or where it usually is."""
        configured = variables.get("ansible_python_interpreter")
        if configured and not str(configured).startswith("auto"):
            return str(self._templar.template(configured))
        discovered = variables.get("ansible_facts", {}).get("discovered_interpreter_python")
        return str(discovered or USUAL_PYTHON)


def one_line(program: str) -> str:
    """Return a program of Python as one line: a csh takes no line break between quotes."""
    return f"exec({program!r})"


def without_result(module: str, error: UnansweredError) -> dict[str, Any]:
    """Return the result of a task for a module that gave none."""
    return {
        "failed": True,
        "msg": f"{module} ended without a result",
        "rc": error.answer["rc"],
        "module_stdout": error.answer["stdout"],
        "module_stderr": error.answer["stderr"],
    }


def _time_left() -> float:
    """Return the seconds after which nobody waits for this run any more."""
    ends = os.environ.get(ENDS)
    return max(1.0, float(ends) - time.time()) if ends else RUN_S


def _sources() -> dict[str, bytes]:
    """Return the collection's sources, by their path in the program."""
    return {str(path.relative_to(SOURCES)): path.read_bytes() for path in sorted(SOURCES.rglob("*.py"))}


def _digest(sources: Mapping[str, bytes]) -> str:
    """Return what names the program that this Python makes of sources."""
    digest = hashlib.sha256(b"%s %d " % (MAGIC_NUMBER, sys.flags.optimize))
    for name, source in sources.items():
        digest.update(b"%d %s %d " % (len(name), name.encode(), len(source)))
        digest.update(source)
    return digest.hexdigest()[:32]


@cache
def _program() -> bytes:
    """Return the program, packed for the way."""
    return packed(DIGEST, _pack)


def _pack() -> bytes:
    """Return the sources and their bytecode as a bundle that Python can import from, made small."""
    bytecode = {name: _bytecode(name) for name in FILES}
    return zlib.compress(bundle(FILES, bytecode, magic=MAGIC_NUMBER, deflate=True), 1)


def _bytecode(name: str) -> bytes:
    """Return what this Python makes of a source, from ``__pycache__`` where it is there."""
    module = ".".join((PACKAGE, *Path(name).with_suffix("").parts))
    return marshal.dumps(SourceFileLoader(module, str(SOURCES / name)).get_code(module))


# ansible-core loads an action before it makes a process for each host, so these are made once for all of them
FILES = _sources()
DIGEST = _digest(FILES)
if not is_packed(DIGEST):
    _program()
