#!/bin/sh
# Make localhost/retrain-test-python:latest, the image of the container tests, from Debian's
# packages: no registry is asked. Needs root, debootstrap and a container engine, and installs
# nothing. Usage: make_test_image.sh [engine command]; default: podman. Takes about a minute.
set -eu

image=localhost/retrain-test-python:latest
[ $# -gt 0 ] || set -- podman

if "$@" image inspect "$image" >/dev/null 2>&1; then
    echo "$image is there"
    exit 0
fi
command -v debootstrap >/dev/null || { echo "debootstrap is missing: apt-get install debootstrap" >&2; exit 1; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
debootstrap --variant=minbase --include=python3 bookworm "$folder" >"$folder.log" 2>&1 || {
    tail -n 20 "$folder.log" >&2
    exit 1
}
rm -f "$folder.log"
ln -sf python3 "$folder/usr/bin/python"
tar -C "$folder" -c --exclude='./var/cache/apt/archives/*.deb' . | "$@" import - "$image"
