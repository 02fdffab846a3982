# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages of ./run as nox sessions, for those whose fingers know `nox -l`.

Each session calls the same command as a person would; nothing is defined twice.
"""

from __future__ import annotations

import pathlib
import sys

import antsibull_nox
import nox

# nox loads this file from a path of its own.
sys.path.insert(0, str(pathlib.Path(__file__).parent))

from tests.run.stages import STAGES, Stage

# More sessions, described in antsibull-nox.toml.
antsibull_nox.load_antsibull_nox_toml()


def add_session(stage: Stage) -> None:
    def session(session: nox.Session) -> None:
        session.run('./run', stage.name, *session.posargs, external=True)

    session.__doc__ = f'{stage.title[0].upper()}{stage.title[1:]}.'
    nox.session(session, name=stage.name, venv_backend='none')


for known in STAGES:
    add_session(known)
