# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lab hosts as the files of earlier versions need them: with settings of their own, and able to restart in a way."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from mcp_bridge.lab import lifecycle
from mcp_bridge.lab.state import Lab

HERE = Path(__file__).resolve().parent
BEFORE = HERE / "before.sh"
PLANS = HERE / "plans"
CHECKPOINTS = "/var/lib/netopt/checkpoints"
SYSCTL_FILE = "/etc/sysctl.d/90-netopt.conf"
TOLD = "/run/systemd/told"
UNITS = "/etc/systemd/system"
# what is there after a restart; the machine's own units are in that folder too
WRITTEN = f"/etc/netopt /etc/sysctl.d /etc/modules-load.d/90-netopt.conf {UNITS}/*netopt* {UNITS}/*.wants/netopt*"
TIMEOUT_S = 120

# No systemd runs a lab host. What it would be told is written down; tests/e2e/test_vm_persist.py has a real one.
STAND_INS = f"""
mkdir -p /run/systemd/system
for name in systemctl systemd-run; do
  printf '#!/bin/sh\\necho "${{0##*/}} $*" >>{TOLD}\\n' >/usr/local/sbin/$name
  chmod 755 /usr/local/sbin/$name
done
"""
# Found ahead of the real one, it ends the guard of a change that is being made, and whoever makes it.
DEADLY_NFT = r"""
cat >/usr/local/sbin/nft <<'END'
#!/bin/sh
guard=$(cat /var/lib/netopt/checkpoints/*/header.json | sed -n 's/.*"guard":{"pid":\([0-9]*\).*"status":"armed".*/\1/p')
[ -n "$guard" ] || exec /usr/sbin/nft "$@"
kill -9 $guard $PPID
END
chmod 755 /usr/local/sbin/nft
"""
HARMLESS_NFT = "rm /usr/local/sbin/nft"


@dataclass(frozen=True)
class Host:
    """A lab host, reached by its console."""

    lab: Lab
    name: str

    def run(self, *argv: str, data: bytes = b"", check: bool = True) -> bytes:
        """Run a program on the host and return what it prints."""
        command = lifecycle.command(self.lab, self.name, argv, console=True)
        done = subprocess.run(command, input=data, capture_output=True, check=False, timeout=TIMEOUT_S)
        assert not check or done.returncode == 0, (argv, done.returncode, (done.stdout + done.stderr).decode())
        return done.stdout

    def shell(self, script: str, *, check: bool = True) -> str:
        """Run a shell script on the host and return what it prints."""
        return self.run("sh", "-eu", data=script.encode(), check=check).decode()

    def configure(self, before: Path) -> None:
        """Bring the host into the state that it has before netopt comes, by a shell script."""
        self.shell(STAND_INS)
        self.shell(before.read_text(encoding="utf-8"))

    def files(self) -> list[str]:
        """Return every file and folder that netopt writes for the next boot, with mode, owner and digest or target."""
        told = r"\( -type f -exec stat -c '%a %u:%g %n' {} + -exec sha256sum {} + \) -o -printf '%m %U:%G %p %l\n'"
        return sorted(self.shell(f"find {WRITTEN} {told} 2>/dev/null || true").splitlines())

    def boot(self) -> None:
        """Do what a boot does once the host has its own settings: sysctl.d, then what the enabled units say."""
        self.run("sysctl", "-q", "-p", SYSCTL_FILE)
        units = self.shell(f"cat $(readlink -f {UNITS}/*.wants/netopt-*)")
        commands = [line.partition("=")[2] for line in units.splitlines() if line.startswith("ExecStart=")]
        assert commands, units
        for command in commands:
            self.run(*shlex.split(command.lstrip("-")), check=not command.startswith("-"))

    def pack(self) -> bytes:
        """Return what outlasts a restart as a tar file."""
        return self.run("sh", "-c", f"tar -Pc $(ls -d /var/lib/netopt {WRITTEN} 2>/dev/null || true)")

    def lay(self, archive: bytes) -> None:
        """Put what outlasted a restart of another host onto this one."""
        self.run("tar", "-Ppx", "-C", "/", data=archive)

    def by_hand(self, identity: str, *words: str) -> str:
        """Run a checkpoint's own program as an operator at the console does."""
        return self.run("/usr/bin/python3", f"{CHECKPOINTS}/{identity}/restore.pyz", *words).decode()
