#!/bin/sh
# Builds the virtual environment. Safe to run again: pip goes on where it stopped.
# Usage: setup.sh VENV BIN   (PYTHON names the interpreter)
set -eu
venv=$1
bin=$2
python=${PYTHON:-python3}

"$python" - <<'CHECK'
import sys
if sys.version_info < (3, 11):
    sys.exit("Pictorial needs Python 3.11 or newer; this is %d.%d. Install one and run: make setup PYTHON=python3.12" % sys.version_info[:2])
CHECK

# System libraries that Qt loads and a bare Debian or Ubuntu lacks (package:library), and a face with Chinese characters.
needed="libegl1:libEGL.so.1 libgl1:libGL.so.1 libxkbcommon0:libxkbcommon.so.0 libdbus-1-3:libdbus-1.so.3
libfontconfig1:libfontconfig.so.1 libglib2.0-0:libglib-2.0.so.0 libxkbcommon-x11-0:libxkbcommon-x11.so.0
libxcb-cursor0:libxcb-cursor.so.0 libxcb-icccm4:libxcb-icccm.so.4 libxcb-image0:libxcb-image.so.0
libxcb-keysyms1:libxcb-keysyms.so.1 libxcb-randr0:libxcb-randr.so.0 libxcb-render-util0:libxcb-render-util.so.0
libxcb-shape0:libxcb-shape.so.0 libxcb-sync1:libxcb-sync.so.1 libxcb-xfixes0:libxcb-xfixes.so.0
libxcb-xkb1:libxcb-xkb.so.1 libx11-xcb1:libX11-xcb.so.1"
if command -v dpkg >/dev/null 2>&1; then
    present=$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p)
    missing=""
    for each in $needed; do
        case $present in *"${each#*:}"*) ;; *) missing="$missing ${each%%:*}" ;; esac
    done
    dpkg -s fonts-noto-cjk >/dev/null 2>&1 || missing="$missing fonts-noto-cjk"
    if [ -n "$missing" ]; then
        if [ "$(id -u)" = 0 ]; then
            echo "Installing system libraries:$missing"
            apt-get update -qq
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
        else
            echo "The window needs system libraries that are missing here. Run once:"
            echo "  sudo apt-get install$missing"
        fi
    fi
fi

[ -x "$bin/python" ] || "$python" -m venv "$venv" || {
    echo "The virtual environment could not be made. On Debian or Ubuntu run: sudo apt-get install python3-venv"
    exit 1
}
"$bin/python" -m pip install --disable-pip-version-check -c constraints.txt ".[dev]"
touch "$venv/.installed"
