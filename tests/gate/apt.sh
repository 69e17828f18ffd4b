#!/usr/bin/env bash
# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Installs Debian packages and lets none of their services start. Run as root: tests/gate/apt.sh PACKAGE...
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi

lock='DPkg::Lock::Timeout=300'
apt-get -q -o "$lock" update
apt-get -q -y -o "$lock" --no-install-recommends install "$@"

# Nodes start their own sshd and containerd; this machine shall not get them at its next boot.
for pair in openssh-server:ssh containerd:containerd; do
    if [[ " $* " == *" ${pair%:*} "* ]]; then
        systemctl disable "${pair#*:}.service"
    fi
done
