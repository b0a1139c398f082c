#!/bin/sh
# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# tools/ansible_test.sh sanity|units|integration [ARGUMENTS...]   ansible-test on a copy of the collection
# sanity and units run in venvs of ansible-test's own, integration on a lab host: the machine itself is left alone.
set -eu
cd "$(dirname "$0")/.."
top=$PWD
home=${XDG_CACHE_HOME:-$HOME/.cache}/netopt/ansible-test # its venvs are kept
work=$(mktemp -d) # outside the checkout, where git's ignored files would all be missing
trap 'rm -rf "$work"' EXIT
copy=$work/ansible_collections/netopt/linux

mkdir -p "$copy" "$home/.ansible/test/cache"
tar -C ansible_collections/netopt/linux -c --exclude=tests/output --exclude=__pycache__ --exclude='.*_cache' . | tar -x -C "$copy"
# Its venvs get pip from Python itself: nothing is downloaded but packages.
for version in 21_3_1 24_2; do
  cp tools/get_pip.py "$home/.ansible/test/cache/get_pip_$version.py"
done

for config in "${PIP_CONFIG_FILE:-}" "$HOME/.config/pip/pip.conf" "$HOME/.pip/pip.conf"; do
  if [ -f "$config" ]; then
    export PIP_CONFIG_FILE="$config" # the home below is another one
    break
  fi
done
python=$("$top/.venv/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
PATH=$top/.venv/bin:$(dirname "$(readlink -f "$top/.venv/bin/python")"):$PATH
command=$1
shift
cd "$copy"

# A lab host, reached from inside the lab's own network with ansible-test's own key.
integration() {
  lab=integration-$$
  trap '"$top/.venv/bin/netopt" lab down --name "$lab" >/dev/null; rm -rf "$work"' EXIT
  netopt lab up --hosts 1 --name "$lab" >/dev/null
  [ -f "$home/.ansible/test/id_rsa" ] || ssh-keygen -q -t rsa -b 3072 -N "" -f "$home/.ansible/test/id_rsa"
  # shellcheck disable=SC2016 # for the host's shell
  netopt lab exec --name "$lab" 1 -- sh -c 'cat >>/root/.ssh/authorized_keys' <"$home/.ansible/test/id_rsa.pub"
  address=$(netopt lab status --name "$lab" --json |
    python -c 'import json, sys; print(json.load(sys.stdin)["hosts"][0]["address"])')
  target=$(netopt lab exec --name "$lab" 1 -- /usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  HOME="$home" nsenter --net="/run/netns/netopt-lab-$lab-lan" ansible-test integration --allow-destructive --color no \
    --controller "origin:python=$python" --target "ssh:root@$address,python=$target@/usr/bin/python3" "$@"
}

case $command in
  integration) integration "$@" ;;
  sanity | units) HOME="$home" ansible-test "$command" --venv --python "$python" --color no "$@" ;;
  *) echo "usage: $0 sanity|units|integration [ARGUMENTS...]" >&2; exit 2 ;;
esac
