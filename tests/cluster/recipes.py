# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How each program of the cluster is made from sources: a copy of its source in, one file out."""

from __future__ import annotations

import json
import pathlib
import re

from tests.gate import go
from tests.gate.places import run

from . import versions

COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl")
"""The names that ``kube`` answers to."""


def _build(work: pathlib.Path, out: pathlib.Path, package: str = ".", *, flags: str = "", tags: str = "") -> None:
    fixed = [*go.FLAGS, "-buildvcs=false", "-mod=mod"]
    go.run("build", *fixed, "-tags", tags, "-ldflags", ("-s -w " + flags).strip(), "-o", out, package, cwd=work)


def _module(name: str, version: str) -> pathlib.Path:
    """The folder of a module's source."""
    answer = go.run("mod", "download", "-modcacherw", "-json", "%s@v%s" % (name, version))
    return pathlib.Path(json.loads(answer[answer.index("{") :])["Dir"])


def _blocks(folder: pathlib.Path, *words: str) -> str:
    """The blocks ``require (…)`` and ``replace (…)`` of a module."""
    text = (folder / "go.mod").read_text(encoding="utf-8")
    found = [block for word in words for block in re.findall(r"^%s \(.*?^\)\n" % word, text, re.MULTILINE | re.DOTALL)]
    return "\n".join(found)


def _of_kubernetes(*words: str) -> str:
    """Those of Kubernetes, whose modules are folders of one repository there, and have a version each here."""
    blocks = _blocks(_module("k8s.io/kubernetes", versions.KUBERNETES), *words)
    staged = "v0." + versions.KUBERNETES.partition(".")[2]
    return re.sub(r"=> \./staging/src/(\S+)", r"=> \1 " + staged, blocks).replace(" v0.0.0\n", " %s\n" % staged)


def _as_kubernetes() -> str:
    """Takes what Kubernetes requires, too, in its version: so it is compiled once for both."""
    required = re.findall(r"^\t(\S+) (v\S+)", _of_kubernetes("require"), re.MULTILINE)
    return "".join("replace %s => %s %s\n" % (module, module, version) for module, version in required)


def _write_module(work: pathlib.Path, *parts: str) -> None:
    (work / "go.mod").write_text("\n\n".join(["module kube-pcap/" + work.name, *parts]) + "\n", encoding="utf-8")


def kube(work: pathlib.Path, out: pathlib.Path) -> None:
    """Every component of Kubernetes, kubectl and etcd."""
    version = versions.KUBERNETES
    require = "require k8s.io/kubernetes v" + version
    _write_module(work, "go 1.24.0", "godebug default=go1.24", require, _of_kubernetes("require", "replace"))
    values = {"gitVersion": "v" + version, "gitMajor": "1", "gitMinor": version.split(".")[1], "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    flags = ["-X %s.%s=%s" % (package, *pair) for package in packages for pair in values.items()]
    _build(work, out, flags=" ".join(flags), tags="grpcnotrace")
    for name in COMPONENTS:
        (out.parent / name).symlink_to(out.name)


def flanneld(work: pathlib.Path, out: pathlib.Path) -> None:
    """Upstream's main file without the backends that need cgo, other programs, or modules that the proxy lacks."""
    upstream = _module("github.com/flannel-io/flannel", versions.FLANNEL)
    lacking = r'.*backend/(alloc|extension|ipip|ipsec|tencentvpc|udp|wireguard)"\n'
    (work / "main.go").write_text(re.sub(lacking, "", (upstream / "main.go").read_text(encoding="utf-8")), "utf-8")
    require = "require github.com/flannel-io/flannel v" + versions.FLANNEL
    _write_module(work, "go 1.25.0", require, _blocks(upstream, "require"), _as_kubernetes())
    _build(work, out, flags="-X github.com/flannel-io/flannel/pkg/version.Version=v" + versions.FLANNEL)


def coredns(work: pathlib.Path, out: pathlib.Path) -> None:
    """With the plugins that our main file names."""
    _write_module(work, "go 1.25.0", "require github.com/coredns/coredns v" + versions.COREDNS, _as_kubernetes())
    _build(work, out)


def crictl(work: pathlib.Path, out: pathlib.Path) -> None:
    """Its module calls itself by an old name, and replaces others by folders that are not in it."""
    version, old = versions.CRICTL, "github.com/kubernetes-sigs/cri-tools"
    blocks = _blocks(_module("sigs.k8s.io/cri-tools", version), "require", "replace")
    staged = re.sub(r"=> k8s\.io/kubernetes/staging/src/(\S+) v\S+", r"=> \1 v0." + version.partition(".")[2], blocks)
    require = "require %s v%s\n\nreplace %s => sigs.k8s.io/cri-tools v%s" % (old, version, old, version)
    _write_module(work, "go 1.24.0", require, staged)
    _build(work, out, old + "/cmd/crictl", flags="-X %s/pkg/version.Version=v%s" % (old, version))


def _required(work: pathlib.Path, out: pathlib.Path, module: str, version: str, package: str) -> None:
    _write_module(work, "go 1.24.0", "require %s v%s" % (module, version))
    _build(work, out, module + package)


def flannel_cni(work: pathlib.Path, out: pathlib.Path) -> None:
    """The plugin that the runtime calls for each pod."""
    module = "github.com/containernetworking/plugins"
    _required(work, out, module, versions.FLANNEL_CNI, "/plugins/meta/flannel")


def kwok(work: pathlib.Path, out: pathlib.Path) -> None:
    """With the life cycle of its nodes and pods, as its own module ships it."""
    _required(work, out, "sigs.k8s.io/kwok", versions.KWOK, "/cmd/kwok")
    stages = _module("sigs.k8s.io/kwok", versions.KWOK) / "kustomize" / "stage"
    files = sorted(file for kind in ("node", "pod") for file in (stages / kind / "fast").glob("[!k]*.yaml"))
    text = "".join("---\n" + file.read_text(encoding="utf-8") for file in files)
    out.with_name("kwok-stages.yaml").write_text(text, encoding="utf-8")


def plain(work: pathlib.Path, out: pathlib.Path) -> None:
    """A Go module of ours."""
    _build(work, out)


def pause(work: pathlib.Path, out: pathlib.Path) -> None:
    """C, since each pod has one of it."""
    run(["gcc", "-static", "-Os", "-s", "-Wall", "-Werror", "-o", out, "pause.c"], cwd=work)
