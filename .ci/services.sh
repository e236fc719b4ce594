#!/usr/bin/env bash
# Debian's packages that some tests talk to on the loopback device: an MQTT broker and an RTSP server
# for live detection, and a browser with its driver for the pages. Does nothing where they are there. Without them those
# tests fail, unless MMACTION_TIMESFORMER_WITHOUT_SERVICES=1 says that they are absent on purpose.
set -euo pipefail

packages=(
    chromium
    chromium-driver
    mosquitto
    gir1.2-gst-rtsp-server-1.0
    gstreamer1.0-plugins-bad
    gstreamer1.0-plugins-good
    python3-gi
)
missing=()
for package in "${packages[@]}"; do
    if ! dpkg-query --show --showformat '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii'; then
        missing+=("$package")
    fi
done
if ((${#missing[@]} == 0)); then
    exit 0
fi

as_root=()
if ((EUID != 0)); then
    as_root=(sudo)
fi
# The tests start servers of their own; none is to be started by its package.
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -qq -y --no-install-recommends "${missing[@]}"
