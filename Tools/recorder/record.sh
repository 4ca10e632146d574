#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Records an arm64 program under qemu-aarch64.
#
#   record.sh [OPTION]... -o FILE -- PROGRAM [ARGUMENT]...
#
#   --root DIR       where arm64-sysroot.sh has put the program (/tmp/mtesim-arm64)
#   -o FILE          the recording; compressed if its name ends in .zst
#   --window N       accesses after which the filter is forgotten (65536)
#   --tagging N      glibc.mem.tagging; 0 is a heap without tags (3)
#   --touches-only   leave tag stores out; the touches that they are stay
#   --verify         add the emulator's own tags, for `mtesim verify` to compare
#
# The recording depends on what is named here and on the program's input only: environment, hash seeds
# and addresses are the same each time. Standard input and output are those of this script. What it returns
# is what the program returned, or 64 for wrong arguments, 66 for a program that is not there, 69 for a
# tool that is missing, 74 where the recording cannot be written; a failure leaves no recording.
set -euo pipefail
export LC_ALL=C

usage() {
  sed -n '/^# *record.sh/,/^# *--verify/s/^# \{0,1\}//p' "$0" >&2
  exit 64
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=/tmp/mtesim-arm64
window=65536
tagging=3
tags=on
verify=off
output=
while (($# > 0)); do
  case $1 in
    --root | --window | --tagging | -o) (($# > 1)) || usage ;;&
    --root) root=${2-} && shift 2 ;;
    --window) window=${2-} && shift 2 ;;
    --tagging) tagging=${2-} && shift 2 ;;
    -o) output=${2-} && shift 2 ;;
    --touches-only) tags=off && shift ;;
    --verify) verify=on && shift ;;
    --) shift && break ;;
    *) usage ;;
  esac
done
[[ -n $output && $# -gt 0 && $window =~ ^[1-9][0-9]*$ && $tagging =~ ^[0-9]+$ ]] || usage
for tool in cc aarch64-linux-gnu-gcc qemu-aarch64 setarch zstd; do
  if ! command -v "$tool" >/dev/null; then
    echo "record.sh: $tool is missing; README.md names the packages" >&2
    exit 69
  fi
done
if [[ ! -d $root ]]; then
  echo "record.sh: $root is no directory; arm64-sysroot.sh makes it" >&2
  exit 66
fi
root=$(realpath "$root")
# A recording takes long; that there is no place for it is better said before.
if ! : 2>/dev/null >"$output.part"; then
  echo "record.sh: $output cannot be written" >&2
  exit 74
fi
trap 'rm -f "$output.part"' EXIT

binary=
for directory in usr/local/bin usr/bin bin; do
  [[ -n $binary || ! -x $root/$directory/$1 ]] || binary=$root/$directory/$1
done
if [[ -z $binary ]]; then
  echo "record.sh: $1 is not in $root; arm64-sysroot.sh puts it there" >&2
  exit 66
fi
if ! qemu-aarch64 -help 2>/dev/null | grep -q -e -plugin; then
  echo "record.sh: expected a qemu-aarch64 with -plugin, such as qemu-user of Debian 12" >&2
  exit 69
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch" "$output.part"' EXIT
cc -std=gnu11 -O2 -Wall -Wextra -Werror -fPIC -shared -fvisibility=hidden \
  -o "$scratch/mtetrace.so" "$here/mtetrace.c"
# The program sees the library's path, so that it lies in the root and not in a new place each time.
mkdir -p "$root/lib/aarch64-linux-gnu"
aarch64-linux-gnu-gcc -O2 -Wall -Wextra -Werror -fPIC -shared -nostartfiles \
  -o "$root/lib/aarch64-linux-gnu/mtesim-steady.so" "$here/steady.c"

# Without SVE, whose accesses plugins do not see, and with a cipher for pointers that costs little.
env -i setarch -R qemu-aarch64 -L "$root" -0 "$1" -seed 1 -cpu max,sve=off,pauth-impdef=on \
  -E PATH=/usr/bin:/bin -E PYTHONHASHSEED=0 -E PERL_HASH_SEED=0 \
  -E GLIBC_TUNABLES="glibc.mem.tagging=$tagging" \
  -E LD_PRELOAD=/lib/aarch64-linux-gnu/mtesim-steady.so \
  -plugin "$scratch/mtetrace.so,out=$scratch/recording,window=$window,tags=$tags,verify=$verify" \
  "$binary" "${@:2}"

case $output in
  *.zst) zstd -q -9 -c "$scratch/recording" >"$output.part" ;;
  *) cp "$scratch/recording" "$output.part" ;;
esac || exit 74
mv "$output.part" "$output"
