#!/bin/sh
# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The clients and tests by others that the MCP server is held against, from tests/conformance/package-lock.json, with a
# Node.js of their own. Does nothing where nothing is missing.
set -eu
cd "$(dirname "$0")/../tests/conformance"

if ! command -v npm >/dev/null; then
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "Not installed: npm. As root: apt-get install --no-install-recommends npm" >&2
    exit 1
  fi
  echo "Installing: npm"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends npm >/dev/null
fi

wanted=$(sha256sum <package-lock.json | cut -d' ' -f1)
if [ "$(cat node_modules/.made-from 2>/dev/null)" = "$wanted" ] && node_modules/.bin/node --version >/dev/null; then
  exit 0
fi
echo "Installing the Node.js packages of tests/conformance"
rm -rf node_modules
npm ci --no-audit --no-fund --loglevel=error
node_modules/.bin/node --version >/dev/null
echo "$wanted" >node_modules/.made-from
