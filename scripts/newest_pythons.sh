#!/usr/bin/env bash
# Runs the tests on Python 3.14 and 3.15, which Debian unstable has, in a tree of their own:
#
#     scripts/newest_pythons.sh FOLDER [pytest's arguments]
#
# Needs root, Debian's debootstrap, and 3 GB in FOLDER. A second run uses the tree that is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tree=$(realpath -m "$1")
shift
pythons=(3.14 3.15)

if [ ! -x "$tree/usr/bin/python3.15" ]; then
    debootstrap --variant=minbase --include=python3.14-venv,python3.15-venv,ca-certificates,git,postgresql,redis-server sid "$tree"
fi
mountpoint -q "$tree/proc" || mount -t proc proc "$tree/proc"
mountpoint -q "$tree/dev" || mount --rbind /dev "$tree/dev"
cp /etc/resolv.conf "$tree/etc/"
cp /etc/ssl/certs/ca-certificates.crt "$tree/etc/ssl/certs/"

for python in "${pythons[@]}"; do
    checkout=$tree/checkout-$python
    rm -rf "$checkout"
    mkdir "$checkout"
    git -c safe.directory='*' archive HEAD | tar -x -C "$checkout"
    # A package of the groups that has no wheel for this Python is left out, and named.
    chroot "$tree" bash -euc '
        python=$1
        cd "/checkout-$python"
        [ -d "/venv-$python" ] || "python$python" -m venv "/venv-$python"
        "/venv-$python/bin/pip" install --quiet uv
        export VIRTUAL_ENV=/venv-$python UV_NATIVE_TLS=1
        uv=/venv-$python/bin/uv
        "$uv" pip install --quiet --reinstall-package pytest-mimic .
        for group in test values clients; do
            "/venv-$python/bin/python" -c "
import tomllib
for name in tomllib.load(open(\"pyproject.toml\", \"rb\"))[\"dependency-groups\"][\"$group\"]:
    print(name)" | while read -r package; do
                "$uv" pip install --quiet --only-binary=:all: "$package" || echo "Python $python: no wheel of $package"
            done
        done' _ "$python"
    chroot "$tree" bash -c 'cd "/checkout-$1" && shift && exec "$@"' _ "$python" \
        "/venv-$python/bin/python" -m pytest -q -n auto "$@"
done
