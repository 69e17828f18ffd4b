# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The grammar of selections: what is taken, its one form, and where an error stands."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils import _selection as grammar
from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.module_utils._records import Selection, to_result

TAKEN = [
    ("pod shop/cart", Selection("pod", "shop", "cart")),
    ("  pod   shop/cart ", Selection("pod", "shop", "cart")),
    ("pod shop/cart[istio-proxy]", Selection("pod", "shop", "cart", "istio-proxy")),
    ("pods shop *", Selection("pods", "shop", "*")),
    ("pods * app=web", Selection("pods", "*", None, None, ("app=web",))),
    ("pods shop tier!=db,app==web, app=web", Selection("pods", "shop", None, None, ("app=web", "tier!=db"))),
    ("pods shop[side] canary,!old", Selection("pods", "shop", None, "side", ("!old", "canary"))),
    ("pods s env in (b, a),tier notin(x)", Selection("pods", "s", None, None, ("env in (a,b)", "tier!=x"))),
    ("deployment shop/web", Selection("deployment", "shop", "web")),
    ("service shop/web[app]", Selection("service", "shop", "web", "app")),
    ("node node-a.example", Selection("node", None, "node-a.example")),
    ("nodes *", Selection("nodes", None, "*")),
    ("nodes kubernetes.io/os=linux,gone=", Selection("nodes", None, None, None, ("gone=", "kubernetes.io/os=linux"))),
    ({"kind": "pod", "namespace": "shop", "name": "cart", "container": ""}, Selection("pod", "shop", "cart")),
    (
        {"kind": "pods", "namespace": "*", "label_selectors": ["b=2,a=1"]},
        Selection("pods", "*", None, None, ("a=1", "b=2")),
    ),
    ({"kind": "nodes", "name": "*"}, Selection("nodes", None, "*")),
]

REFUSED = [
    ("", "capture_targets: it is empty; "),
    ("pods", 'capture_targets: column 5: bare "pods" means nothing; write pods shop app=web, or pods shop [*] for all'),
    ("nodes", 'capture_targets: column 6: bare "nodes" means nothing; write nodes app=web, or nodes [*] for all'),
    ("pods shop", 'column 10: bare "pods shop" means nothing; write pods shop app=web, or pods shop [*] for all'),
    ("pods *", 'bare "pods [*]" means nothing'),
    ("pod", "column 4: it says not which; write pod shop/cart"),
    ("pod cart", 'column 5: "cart" is not NAMESPACE/NAME'),
    ("pod shop/../cart", 'column 5: "shop/../cart" is not NAMESPACE/NAME'),
    ("pod ../cart", 'column 5: ".." is not a namespace\'s name'),
    ("pod shop/..", 'column 10: ".." is not a pod\'s name'),
    ("pod shop/Cart", 'column 10: "Cart" is not a pod\'s name; write at most 253 of a-z'),
    ("pod shop/cart[a]b", 'column 5: "shop/cart.a.b" is not'),
    ("pod shop/cart[]", "column 15: "),
    ("pod shop/*", "write pods NAMESPACE [*] for all pods"),
    ("pod shop/cart pod shop/web", 'column 15: "pod" is one word too many'),
    ("node *", "column 6: .*write nodes \\* for all nodes"),
    ("pods shop/cart", 'column 6: "shop/cart" is not a namespace'),
    ("pods shop app=web,", "column 19: a label term is missing"),
    ("pods shop app=web,,x", 'column 19: ",x" is not a label term'),
    ("pods shop app=we$b", 'column 15: "we\\$b" is not a label\'s value'),
    ("pods shop -app=web", 'column 11: "-app" is not a label\'s key'),
    ("pods shop app~web x", "column 11: "),
    ("shop/cart", 'column 1: "shop/cart" is not a kind; write one of pod, pods, service'),
    ("pod shop/ca\nrt", "column 12: a control character"),
    ("pod shop/\x00", "column 10: a control character"),
    ("pod shop/'cart'", "column 10: "),
    ("pod shop/" + "a" * 254, 'column 10: "a{57}..." is not a pod'),
    ("pod shop/cart" + " " * 5000, "it has 5013 characters"),
    ("pod shop/c\u0430rt", "column 10: "),
    (7, 'capture_targets: "7" is not a selection'),
    (None, "is not a selection"),
    ([], "empty list"),
    ([["pod a/b"]], "is not a selection"),
    (["pod a/b", "pod c"], 'capture_targets: item 2: column 5: "c" is not NAMESPACE/NAME'),
    ({"kind": "pod", "namespace": "shop"}, "a pod needs the key name"),
    ({"kind": "pods", "name": "*"}, "a pods needs the key namespace"),
    ({"kind": "pods", "namespace": "shop"}, "write either label_selectors, or name"),
    ({"kind": "nodes", "label_selectors": []}, "write either label_selectors, or name"),
    ({"kind": "pod", "namespace": "a", "name": "b", "label_selectors": ["x"]}, "a pod takes no label_selectors"),
    ({"kind": "node", "name": "a", "container": "b"}, "a node takes no container"),
    ({"kind": "pod", "namespace": "a", "name": "b", "nodes": "x"}, '"nodes" is not a key'),
    ({"kind": "pod", "namespace": "a", "name": ["b"]}, "name: "),
    ({"kind": ["pod"], "namespace": "a", "name": "b"}, "kind: "),
    ({"kind": "nodes", "label_selectors": {"a": "b"}}, "label_selectors: .*is not a list"),
    ({"kind": "nodes", "label_selectors": [1]}, "label_selectors: "),
]


@pytest.mark.parametrize("raw, selection", TAKEN)
def test_taken(raw, selection):
    """Every form becomes one selection in its one form."""
    assert grammar.parse("capture_targets", raw) == (selection,)


@pytest.mark.parametrize("raw, selection", TAKEN)
def test_text_and_result_lead_back(raw, selection):
    """A selection's text and its plain form are read as the same selection."""
    assert grammar.parse("x", grammar.to_text(selection)) == (selection,)
    assert grammar.parse("x", to_result(selection)) == (selection,)


@pytest.mark.parametrize("raw, text", REFUSED)
def test_refused(raw, text):
    """Anything else is one line that names the option, the place, the fault and the way out."""
    with pytest.raises(OptionError, match=text) as caught:
        grammar.parse("capture_targets", raw)
    assert (
        "\n" not in str(caught.value)
        and str(caught.value).startswith("capture_targets: ")
        and "; " in str(caught.value)
    )


def test_a_list_has_one_form():
    """Order and repetition do not make another request."""
    one = grammar.parse("x", ["node b", "pods s b=2,a=1", "pod s/p"])
    two = grammar.parse(
        "x", ("pod s/p", {"kind": "pods", "namespace": "s", "label_selectors": ["a=1", "b=2"]}, "node b", "node b")
    )
    assert one == two and len(one) == 3


def test_cut_text_never_means_more():
    """A selection cut anywhere is refused, or names one thing; it never becomes everything."""
    for whole in ("pods shop app=web,tier!=db", "nodes pool=edge", "pod shop/cart[app]"):
        for length in range(len(whole)):
            try:
                (cut,) = grammar.parse("x", whole[:length])
            except OptionError:
                continue
            assert cut.name != "*" and cut.namespace != "*"
