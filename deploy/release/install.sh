#!/bin/sh
# Puts the `mesh` command that lies beside this script into ~/.weft/bin (or $WEFT_HOME/bin).
# It checks the checksum first, needs no root, and changes nothing else: what to add to PATH is printed.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
home=${WEFT_HOME:-$HOME/.weft}

fail() {
    echo "install.sh: $1" >&2
    exit 1
}

for file in mesh SHA256SUMS; do
    [ -f "$here/$file" ] || fail "$file is not beside this script: unpack the whole release"
done

if command -v sha256sum >/dev/null; then
    found=$(sha256sum "$here/mesh")
elif command -v shasum >/dev/null; then
    found=$(shasum -a 256 "$here/mesh")
else
    fail "neither sha256sum nor shasum is installed, so the checksum cannot be checked"
fi
wanted=$(sed -n 's/^\([0-9a-f]\{64\}\)  mesh$/\1/p' "$here/SHA256SUMS")
[ "${found%% *}" = "$wanted" ] || fail "mesh is not the file that SHA256SUMS names: load the release anew"

mkdir -p "$home/bin"
cp "$here/mesh" "$home/bin/.mesh.new"
chmod 755 "$home/bin/.mesh.new"
mv "$home/bin/.mesh.new" "$home/bin/mesh"
echo "mesh is in $home/bin."

case ":$PATH:" in
*":$home/bin:"*) ;;
*)
    echo "Add it to your PATH:"
    echo
    echo "  export PATH=\"\$PATH:$home/bin\""
    ;;
esac
echo
echo "Then: mesh check --pre"
