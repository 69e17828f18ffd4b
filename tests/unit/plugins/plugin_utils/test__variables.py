# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables that were meant as options."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.plugin_utils._variables import (
    AGENT,
    EXEC,
    TRACE,
    Strange,
    check_cut,
    strange,
)


@pytest.mark.parametrize("words", [None, ""])
def test_nothing_was_cut(words):
    """Without a rest there is nothing to say."""
    check_cut(words)


def test_a_value_that_was_cut_at_its_space():
    """The rest is shown, with the way to write it: half a filter would record what nobody asked for."""
    with pytest.raises(
        OptionError, match='^-e: "port 53" belongs to no variable, since key=value ends at a space; write'
    ):
        check_cut("port 53")
    with pytest.raises(OptionError, match="""such as -e '{"exec_targets": "pod shop/cart"}'$"""):
        check_cut("addr", "exec_targets")


@pytest.mark.parametrize(
    "name, option",
    [
        ("capture_sinc", "capture_sink"),
        ("capture_target", "capture_targets"),
        ("capture_filtr", "capture_filter"),
        ("capture_dset", "capture_dest"),
        ("capture_duratoin", "capture_duration"),
    ],
)
def test_a_slip(name, option):
    """A play would do more than was meant, as without the filter: it is refused, with the option that it resembles."""
    said = "%s is no option; write %s, or call a variable of your own otherwise" % (name, option)
    assert strange(["capture_targets", name]) == Strange((said,))


def test_a_variable_that_is_called_like_an_option():
    """It may be somebody's own, so it is only told."""
    assert strange(["capture_colour_of_the_sky"]) == Strange((), ("capture_colour_of_the_sky is no option",))
    (said,) = strange(["capture_target_host"]).others
    assert said == "capture_target_host is no option; is capture_targets meant?"


@pytest.mark.parametrize(
    "name",
    "capture_file capture_link capture_uid capture_ids capture_upload_url exec_test exec_command_dir"
    " agent_config agent_pool agent_start agent_enforce".split(),
)
def test_innocent_names(name):
    """What is likely to be somebody's own is not refused, though it looks like an option."""
    assert not strange([name], name.partition("_")[0] + "_").slips


@pytest.mark.parametrize(
    "name", ["allow_list", "allowed_tools", "allow", "whitelist", "permitted", "alowed", "allwoed"]
)
def test_no_list_of_tools_is_overlooked(name):
    """Without it every program is allowed."""
    (said,) = strange(["exec_" + name], EXEC).slips
    assert said.startswith("exec_%s is no option; write exec_allowed, or" % name)


def test_each_role_looks_at_its_own():
    """What another role takes is nobody's business here."""
    names = ["exec_alowed", "exec_timeout", "exec_result", "exec__plan", "exec_", "capture_sinc", "execute"]
    (said,) = strange(names, EXEC).slips
    assert said.startswith("exec_alowed is no option; write exec_allowed, or")
    (said,) = strange(["agent_imgae", "agent_image", "agent_wait"], AGENT).slips
    assert said.startswith("agent_imgae is no option; write agent_image, or")


def test_what_is_no_slip():
    """Options, the result, the role's own registers, and whatever is called otherwise."""
    names = ["capture_force", "capture_snapshot", "capture_result", "capture__plan", "captures", "x"]
    assert strange(names) == Strange() == strange(["trace_verdict", "trace_result"], TRACE)
