# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All of it together: an emulator, a front before it, who signs, and one bucket."""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
from collections.abc import Iterator

from . import emulator, front
from .emulator import Emulator, Object
from .faults import Faults
from .front import Front
from .identity import Account, Authority, make_account

BUCKET = "captures"


@dataclasses.dataclass(frozen=True)
class Bucket:
    """A bucket behind a front; ``objects`` and ``content`` ask the emulator, past the front and its faults."""

    emulator: Emulator
    front: Front
    account: Account
    """Signs, and asks for tokens; it may do everything until a test takes that away."""
    machine: Account
    """Whose tokens the metadata server hands out."""
    authority: Authority
    key_file: pathlib.Path
    """The account's key in JSON."""
    name: str = BUCKET

    @property
    def url(self) -> str:
        """The front's: what STORAGE_EMULATOR_HOST or an endpoint is set to."""
        return self.front.url

    @property
    def faults(self) -> Faults:
        """The front's."""
        return self.front.faults

    def allow(self, account: Account, *permissions: str) -> None:
        """From now on the account may do this and nothing else."""
        self.front.accounts.permissions[account.email] = set(permissions)

    def objects(self, prefix: str = "") -> list[Object]:
        """What the bucket holds, by name."""
        return self.emulator.objects(self.name, prefix)

    def content(self, name: str) -> bytes:
        """An object's bytes."""
        return self.emulator.content(self.name, name)


@contextlib.contextmanager
def running(folder: pathlib.Path, host: str = "127.0.0.1", tls: bool = False) -> Iterator[Bucket]:
    """An empty bucket at an address that clients reach, until the end; its files lie in ``folder``."""
    authority = Authority(folder)
    account, machine = make_account("recorder"), make_account("machine")
    with emulator.running(folder / "emulator") as store:
        store.make_bucket(BUCKET)
        made = Front(store, [account, machine], host, authority.server(host) if tls else None)
        made.accounts.machine = machine
        with front.running(made):
            key_file = account.write_key(folder / "key.json", made.url + "/token")
            yield Bucket(store, made, account, machine, authority, key_file)
