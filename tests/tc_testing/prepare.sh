#!/bin/sh
# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# prepare.sh uml FOLDER     a kernel that runs as an ordinary process (user-mode Linux), its modules and its C library
# prepare.sh suite FOLDER   the kernel's own tests of tc, out of the distribution's package of the kernel's sources
#
# Both are packages of Debian's unstable release, from the mirror that this machine's apt uses. They are only unpacked,
# into FOLDER; nothing is installed. Does nothing where FOLDER is complete.
set -eu
what=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
exec 9>"$folder.lock"
flock 9
[ ! -e "$folder/complete" ] || exit 0
if ! command -v apt-get >/dev/null; then
  echo "user-mode Linux and the kernel's tests come as Debian packages, and this machine has no apt-get." >&2
  exit 1
fi

echo "Fetching into $folder (once)"
RELEASE=unstable
KEYS=/usr/share/keyrings/debian-archive-keyring.gpg
work=$folder/work
rm -rf "$work"
mkdir -p "$work/lists/partial" "$work/x"
cd "$work"

# The first mirror of Debian's own archive that apt knows: the one that has this machine's release under "main".
# shellcheck disable=SC2016 # apt fills in what has a dollar
mirror=$(apt-get indextargets --format '$(SITE) $(COMPONENT) $(RELEASE) $(REPO_URI)' 'Created-By: Packages' 'Label: Debian' |
  sed -n 's/^[^ ]* main [^ ]* //p' | head -n 1)
if [ -z "$mirror" ]; then
  echo "apt on this machine knows no mirror of Debian (apt-get indextargets): add one, then run apt-get update." >&2
  exit 1
fi
echo "deb [signed-by=$KEYS check-valid-until=no] $mirror $RELEASE main" >unstable.list

apt() {
  apt-get -qq -o Dir::Etc::SourceList="$work/unstable.list" -o Dir::Etc::SourceParts=- \
    -o Dir::State::Lists="$work/lists" -o Dir::Cache::PkgCache= -o Dir::Cache::SrcPkgCache= -o APT::Sandbox::User=root "$@"
}

unpack() {
  apt download "$@"
  for package in ./*.deb; do
    dpkg -x "$package" x
    rm "$package"
  done
}

get_uml() {
  # The kernel needs the C library of its release, which lies beside it; patchelf writes into it where.
  unpack user-mode-linux libc6
  apt-get -qq download patchelf
  dpkg -x ./patchelf_*.deb patchelf
  lib=$(dirname "$(find "$work/x" -name libc.so.6 | head -n 1)")
  mv "$lib" "$folder/lib"
  patchelf/usr/bin/patchelf --set-interpreter "$folder/lib/ld-linux-x86-64.so.2" --set-rpath "$folder/lib" \
    --output "$folder/linux" x/usr/bin/linux.uml
  mkdir -p "$folder/modules/lib"
  mv x/usr/lib/uml/modules "$folder/modules/lib/modules"
}

get_suite() {
  source=$(apt -s install linux-source 2>/dev/null | sed -n 's/^Inst \(linux-source-[^ ]*\) .*/\1/p')
  unpack "${source:?the release has no linux-source}"
  tar -C "$folder" --strip-components=4 -xf x/usr/src/"$source".tar.xz --wildcards '*/tools/testing/selftests/tc-testing'
}

apt update
"get_$what"
cd "$folder"
rm -rf "$work"
: >complete
