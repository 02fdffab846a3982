# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs: durations and times in both spellings, operations, selection."""

from __future__ import annotations

import datetime

import pytest

from ansible_collections.aks.backup.plugins.module_utils._errors import Refused
from ansible_collections.aks.backup.plugins.module_utils._resources import times
from ansible_collections.aks.backup.plugins.module_utils._resources.backups import jobs, run

UTC = datetime.timezone.utc


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT3M4.5029547S", 184.5029547),
        ("PT0S", 0),
        ("00:03:12.7189058", 192.7189058),
        ("1.02:00:00", 93600),
        ("00:00:00", 0),
        (None, None),
        ("", None),
        ("soon", None),
    ],
)
def test_durations_come_in_two_spellings(text, seconds):
    assert times.seconds(text) == (pytest.approx(seconds) if seconds is not None else None)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-05T07:53:06.923841Z", datetime.datetime(2026, 1, 5, 7, 53, 6, 923841, tzinfo=UTC)),
        ("2026-01-05T07:49:43.0747155Z", datetime.datetime(2026, 1, 5, 7, 49, 43, 74715, tzinfo=UTC)),
        ("2026-01-05T07:50:27Z", datetime.datetime(2026, 1, 5, 7, 50, 27, tzinfo=UTC)),
        ("2026-01-05T09:50:27+02:00", datetime.datetime(2026, 1, 5, 7, 50, 27, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        (None, None),
        ("yesterday", None),
    ],
)
def test_times_have_up_to_seven_digits_and_year_one_is_not_set(text, moment):
    assert times.moment(text) == moment


@pytest.mark.parametrize(
    ("category", "by_hand", "operation"),
    [
        ("Backup", True, "OnDemandBackup"),
        ("Backup", False, "ScheduledBackup"),
        ("Restore", True, "Restore"),
        ("Tiering", False, "Tiering"),
    ],
)
def test_operations_are_named_as_azure_resource_graph_names_them(category, by_hand, operation):
    assert jobs.operation({"operationCategory": category, "isUserTriggered": by_hand}) == operation


def test_periods():
    assert [times.period(text) for text in ("30m", "24h", "7d", "2w")] == [1800, 86400, 604800, 1209600]
    with pytest.raises(Refused, match="24h or 7d"):
        times.period("a week")
    # As far back as there is a calendar, and not as far as somebody can write.
    assert times.earliest("36500d", None, "start_time") is not None
    for text in ("36501d", "99999999999w"):
        with pytest.raises(Refused, match=r"since is '.*'; it must not be longer than 36500d"):
            times.period(text)


def job(start, status, operation="OnDemandBackup"):
    return {"start_time": f"2026-01-05T{start}:00Z" if start else None, "status": status, "operation": operation}


@pytest.mark.parametrize(
    ("listed", "warned"),
    [
        ([], False),
        ([job("07:00", "CompletedWithWarnings")], True),
        ([job("07:00", "CompletedWithWarnings", "ScheduledBackup")], True),
        ([job("06:00", "CompletedWithWarnings"), job("07:00", "Completed")], False),
        ([job("07:00", "Completed"), job("07:30", "CompletedWithWarnings")], True),
        # Neither what came after the point, nor what makes none, nor what has not begun.
        ([job("07:00", "Completed"), job("09:00", "CompletedWithWarnings")], False),
        ([job("07:00", "CompletedWithWarnings"), job("07:30", "Failed")], True),
        ([job("07:00", "CompletedWithWarnings"), job("07:30", "Completed", "Restore")], True),
        ([job("07:00", "Completed"), job(None, "CompletedWithWarnings")], False),
    ],
)
def test_the_job_that_made_a_point(listed, warned):
    point = {"time": "2026-01-05T08:00:00.1234567Z"}
    assert run.made_with_warnings(listed, point) is warned
    assert run.made_with_warnings(list(reversed(listed)), point) is warned
