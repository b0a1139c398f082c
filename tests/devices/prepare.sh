#!/bin/sh
# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

#
# prepare.sh FOLDER   the distribution's kernel with the drivers of real network cards, and busybox to start it with
#
# Both are packages of this machine's own release; they are only unpacked, into FOLDER. Does nothing where it is complete.
set -eu
mkdir -p "$1"
folder=$(cd "$1" && pwd)
exec 9>"$folder.lock"
flock 9
[ ! -e "$folder/complete" ] || exit 0
command -v apt-get >/dev/null || { echo "The kernel comes as a Debian package, and this machine has no apt-get." >&2; exit 1; }
work=$folder/work
rm -rf "$work"
mkdir -p "$work/x"
cd "$work"
kernel=$(apt-cache depends linux-image-amd64 | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
apt-get -qq -o APT::Sandbox::User=root download "${kernel:?the release has no linux-image-amd64}" busybox-static
for package in ./*.deb; do dpkg -x "$package" x; done
mv x/boot/vmlinuz-* "$folder/vmlinuz"
mkdir -p "$folder/modules/lib"
mv x/lib/modules "$folder/modules/lib/modules"
depmod -b "$folder/modules" "$(ls "$folder/modules/lib/modules")"
mv x/bin/busybox "$folder/busybox"
cd "$folder"
rm -rf "$work"
: >complete
