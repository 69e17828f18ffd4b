# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# To be sourced: pyenv's interpreters at the end of PATH, and its shims off it. A shim of a version that is not selected
# exists and fails, which ansible-test takes for a broken Python.
# shellcheck shell=bash
PATH=$(printf '%s' "$PATH" | tr ':' '\n' | grep -v '/shims$' | paste -sd:)
for bin in "${PYENV_ROOT:-${HOME:-/root}/.pyenv}"/versions/3.{8..13}.*/bin; do
    if [ -d "$bin" ]; then
        PATH=$PATH:$bin
    fi
done
unset bin
export PATH
