# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A thousand clusters in four slices over what they share, while Azure throttles: a stage of its own, which takes
some ten minutes on two cores.

``tests/failures/test_slices.py`` has the same with forty.
"""

from __future__ import annotations

import time

from tests.emulator import Emulator
from tests.harness.slices import PROMPT, Sliced


def test_a_thousand_clusters_in_four_slices():
    """Buckets of Azure's size. The clock runs twenty times as fast, and fills them in eight times as fast as Azure."""
    refill = {"throttle": True, "throttle_refill": 0.4}
    with Emulator(speed=20, settings={**PROMPT, **refill}) as emulator:
        fleet = Sliced(emulator, slices=4, each=250, patience=1800, poll_interval=2.0)
        begun = time.monotonic()
        runs, cold = fleet.run()
        print(f"cold: {time.monotonic() - begun:.0f} s, {cold}")
        assert [run.code for run in runs] == [0] * 4, [run.output[-3000:] for run in runs if run.code]
        assert [run["protect"].result["counts"]["ok"] for run in runs] == [250] * 4
        fleet.check()
        assert cold.refused < 0.02 * cold.requests.total(), cold
        begun = time.monotonic()
        runs, again = fleet.run()
        print(f"again: {time.monotonic() - begun:.0f} s, {again}")
        assert [run.code for run in runs] == [0] * 4 and not any(run["protect"].changed for run in runs)
        assert again.requests["write"] == again.refused == 0
