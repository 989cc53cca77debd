#!/bin/sh
# Installs what the client tests need beside the project itself: Chromium, QGIS (200 MB to download), the npm packages,
# and arcgis for Python and esridump in a virtual environment of their own (their pins must never touch ours); and
# PostGIS with pgRouting, which the tests of queries and of networks ask for a second opinion. Quick when all is there.
# Usage: tests/clients/setup.sh [python]
set -eu
python=${1:-python3}
cd "$(dirname "$0")"

debian_packages() {
    missing=
    command -v chromium >/dev/null || missing="chromium"
    [ -d /usr/lib/python3/dist-packages/qgis/core ] || missing="$missing python3-qgis"
    ls /usr/share/postgresql/*/extension/postgis.control >/dev/null 2>&1 || missing="$missing postgresql postgresql-postgis"
    # Isochrones and shortest paths are compared with its own.
    ls /usr/share/postgresql/*/extension/pgrouting.control >/dev/null 2>&1 || missing="$missing postgresql-pgrouting"
    # What skia-python, the second opinion on pictures, is linked with.
    ls /usr/lib/*/libEGL.so.1 /usr/lib/*/libGL.so.1 >/dev/null 2>&1 || missing="$missing libegl1 libgl1"
    # arcgis for Python signs in by https alone: a certificate for the loopback.
    command -v openssl >/dev/null || missing="$missing openssl"
    # What the example of several hosts is checked with.
    [ -x /usr/sbin/nginx ] || missing="$missing nginx-light"
    command -v systemd-analyze >/dev/null || missing="$missing systemd"
    [ -n "$missing" ] || return 0
    root=$([ "$(id -u)" = 0 ] || echo sudo)
    # shellcheck disable=SC2086 # a list of packages
    $root apt-get update -qq && $root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends $missing
}

# package.json puts a tiny package in the place of the charts and widgets of @arcgis/core, which are 250 MB, and of the
# GeoTIFF and Zarr readers of OpenLayers: no test needs them. The elements of its sign-in dialog come as calcite-components.
# A copy of the list lies beside what was installed from it: the two differ when the list has changed.
npm_packages() {
    cmp -s package-lock.json node_modules/.installed ||
        { npm ci --ignore-scripts --no-audit --no-fund && cp package-lock.json node_modules/.installed; }
}

python_packages() {
    cmp -s arcgis.txt .venv/installed ||
        { "$python" -m venv --clear .venv &&
            .venv/bin/python -m pip install --quiet --no-compile --disable-pip-version-check --no-deps -r arcgis.txt &&
            cp arcgis.txt .venv/installed; }
}

# All at once: most of the time goes into waiting for the network.
npm_packages & npm=$!
python_packages & packages=$!
debian_packages
wait "$npm"
wait "$packages"
