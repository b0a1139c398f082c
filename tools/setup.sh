#!/bin/sh
# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Everything that work on netopt takes: the machine's packages, then .venv from requirements-dev.lock.
# Does nothing where nothing is missing.
set -eu
cd "$(dirname "$0")/.."

# program:package that brings it, on Debian and Ubuntu
needed="ip:iproute2 nft:nftables ethtool:ethtool sysctl:procps modprobe:kmod ping:iputils-ping nsenter:util-linux
sshd:openssh-server ssh:openssh-client strace:strace shellcheck:shellcheck git:git make:make iperf3:iperf3
nc.openbsd:netcat-openbsd qemu-system-x86_64:qemu-system-x86 mmdebstrap:mmdebstrap busybox:busybox-static
cpio:cpio mkfs.ext4:e2fsprogs tcsh:tcsh"
PATH="$PATH:/usr/sbin:/sbin"

# A browser for the tests of a report's page: a package on Debian; elsewhere Playwright's own, below.
has_browser() {
  command -v chromium-headless-shell >/dev/null || command -v google-chrome >/dev/null ||
    case "$(command -v chromium)" in "" | /snap/*) false ;; esac
}
distribution=$(sed -n 's/^ID=//p' /etc/os-release 2>/dev/null || true)
if [ "$distribution" = debian ] && ! has_browser; then
  needed="$needed chromium-headless-shell:chromium-headless-shell"
fi

missing=""
for pair in $needed; do
  command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair#*:}"
done

# A Python that can make a venv: the distribution's first, so that no version switcher stands between.
find_python() {
  for candidate in /usr/bin/python3.14 /usr/bin/python3.13 /usr/bin/python3.12 /usr/bin/python3.11 \
    python3.14 python3.13 python3.12 python3.11 python3; do
    if "$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
}
python=$(find_python)
[ -n "$python" ] || [ -x .venv/bin/python ] || missing="$missing python3-venv"

if [ -n "$missing" ]; then
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "Not installed:$missing. As root: apt-get install --no-install-recommends$missing" >&2
    exit 1
  fi
  echo "Installing:$missing"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # shellcheck disable=SC2086 # one word per package
  apt-get install -y -qq --no-install-recommends $missing >/dev/null
  python=$(find_python)
fi

# A venv holds absolute paths: one from another folder, or with a Python that is gone, is made anew.
wanted=$(sha256sum <requirements-dev.lock | cut -d' ' -f1)-$(sha256sum <pyproject.toml | cut -d' ' -f1)
if [ "$(cat .venv/.made-in 2>/dev/null)" != "$PWD" ] || ! .venv/bin/python -c '' 2>/dev/null; then
  if [ -z "$python" ]; then
    echo "No Python 3.11 or newer that can make a venv was found. Install one, with its venv module." >&2
    exit 1
  fi
  echo "Making .venv with $python"
  rm -rf .venv
  "$python" -m venv .venv
  echo "$PWD" >.venv/.made-in
fi
# Ubuntu's Chromium is a snap, which the tests cannot use. Tried once for each .venv: without it they are skipped.
fetch_browser() {
  if has_browser || [ -e .venv/.browser ]; then
    return
  fi
  echo "Fetching Playwright's Chromium"
  with_deps=$([ "$(id -u)" -ne 0 ] || echo --with-deps)
  # shellcheck disable=SC2086 # no word where it is empty
  if timeout 600 .venv/bin/playwright install $with_deps --only-shell chromium >.venv/.browser 2>&1; then
    return
  fi
  echo "It cannot be fetched (see .venv/.browser): tests of a report's page in a browser will be skipped." >&2
}

if [ "$(cat .venv/.made-from 2>/dev/null)" = "$wanted" ]; then
  fetch_browser
  echo "Nothing to do: .venv is as requirements-dev.lock says."
  exit 0
fi
# -qq: what a pip.conf names and this machine lacks is not worth a page of warnings
.venv/bin/pip install -qq --disable-pip-version-check -r requirements-dev.lock
# The mode that puts this folder itself on sys.path, where ansible-core finds ansible_collections/
.venv/bin/pip install -qq --disable-pip-version-check --no-deps --no-build-isolation \
  --config-settings editable_mode=compat -e .
.venv/bin/python tools/awx_collection.py
echo "$wanted" >.venv/.made-from
fetch_browser
echo "Ready: .venv/bin/netopt"
