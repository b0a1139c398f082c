#!/bin/sh
# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# contrib/execution-environment/build.sh [create|build] [options of ansible-builder, such as --tag]
# Makes the image from the commit that is checked out; "create" stops at its build context. Takes git, pip,
# ansible-galaxy and ansible-builder, and for "build" podman or docker.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
action=${1:-build}
[ "$#" -eq 0 ] || shift

source=$(mktemp -d)
trap 'rm -rf "$source"' EXIT
git -C "$here/../.." archive --output "$source/source.tar" HEAD
tar -x -C "$source" -f "$source/source.tar"
rm -rf "$here/build"
mkdir "$here/build"
# What makes the wheel is setuptools 77 or newer: where it is not installed, pip fetches one for this alone.
enough='import sys; from importlib.metadata import version; sys.exit(int(version("setuptools").split(".")[0]) < 77)'
isolation=""
if python3 -c "$enough" 2>/dev/null; then
  isolation=--no-build-isolation
fi
# shellcheck disable=SC2086 # no word where it is empty
python3 -m pip wheel -qq --no-deps $isolation --wheel-dir "$here/build" "$source"
ansible-galaxy collection build --output-path "$here/build" "$source/ansible_collections/netopt/linux"
cp "$source/requirements-dev.lock" "$here/build/constraints.txt"
ansible-builder "$action" --file "$here/execution-environment.yml" --context "$here/build/context" "$@"
