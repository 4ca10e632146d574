#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Unpacks Debian packages for arm64, with what they depend on, into a directory of their own.
#
#   arm64-sysroot.sh ROOT PACKAGE...      for example: arm64-sysroot.sh /tmp/mtesim-arm64 lua5.4
#
# Nothing of the computer's own package state is read or changed. Packages come from the servers that
# the computer's sources name, of the release SUITE (bookworm unless it is set).
set -euo pipefail
export LC_ALL=C

if (($# < 2)); then
  echo "usage: arm64-sysroot.sh ROOT PACKAGE..." >&2
  exit 64
fi
root=$(realpath -m "$1")
shift
suite=${SUITE:-bookworm}
keys=/usr/share/keyrings/debian-archive-keyring.gpg

mirror=$(sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/debian.sources 2>/dev/null | head -1)
mirror=${mirror:-http://deb.debian.org/debian}

state=$root.apt
mkdir -p "$root" "$state"/{lists,archives}/partial
touch "$state/status"
cat >"$state/sources.list" <<SOURCES
deb [signed-by=$keys] $mirror $suite main
SOURCES
cat >"$state/apt.conf" <<CONFIGURATION
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Dir::Etc::sourcelist "$state/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::parts "-";
Dir::Etc::preferencesparts "-";
Dir::State "$state";
Dir::State::lists "$state/lists";
Dir::State::status "$state/status";
Dir::Cache "$state";
Dir::Cache::archives "$state/archives";
CONFIGURATION
export APT_CONFIG=$state/apt.conf

apt-get -q update >"$state/log" 2>&1 || { tail -3 "$state/log" >&2; exit 74; }
apt-get -q install --yes --download-only "$@" >>"$state/log" 2>&1 || { tail -3 "$state/log" >&2; exit 74; }
for package in "$state"/archives/*.deb; do dpkg -x "$package" "$root"; done
du -sh "$root"
