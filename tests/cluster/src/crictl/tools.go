// Copyright (c) 2026, the kube.pcap authors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

//go:build tools

package tools

import _ "github.com/kubernetes-sigs/cri-tools/cmd/crictl"
