"""What a formula comes to: the targets, the results' text, the errors; and formulas in use."""

import pytest

from retrain.local.batch.autoscale import Setting
from tests.unit.autoscale.worlds import World, refusal_of, run, value_of

NONE = "$TargetLowPriorityNodes=0;$NodeDeallocationOption=requeue"
RESULTS = {
    "one target": ("$TargetDedicatedNodes=3", f"$TargetDedicatedNodes=3;{NONE}"),
    "variables by name": (
        "b = 2; $a = 1; $TargetDedicatedNodes = b",
        f"$TargetDedicatedNodes=2;{NONE};$a=1;b=2",
    ),
    "cut to whole nodes": (
        "$TargetDedicatedNodes = 2.9",
        f"$TargetDedicatedNodes=2;{NONE}",
    ),
    "an alias": (
        "$TargetDedicated = 4; $TargetLowPriority = 1",
        "$TargetDedicatedNodes=4;$TargetLowPriorityNodes=1;$NodeDeallocationOption=requeue",
    ),
    "the full name wins": (
        "$TargetDedicatedNodes = 4; $TargetDedicated = 5",
        f"$TargetDedicatedNodes=4;{NONE}",
    ),
    "an option": (
        "$NodeDeallocationOption = taskcompletion",
        "$TargetDedicatedNodes=7;$TargetLowPriorityNodes=0;$NodeDeallocationOption=taskcompletion",
    ),
    "nothing set": ("x = 1", f"$TargetDedicatedNodes=7;{NONE};x=1"),
    "stopped": (
        "$TargetDedicatedNodes = 1; stop(); $TargetDedicatedNodes = 2",
        f"$TargetDedicatedNodes=1;{NONE}",
    ),
    "of the present target": (
        "$TargetDedicatedNodes = $TargetDedicatedNodes / 2 + 1",
        f"$TargetDedicatedNodes=4;{NONE}",
    ),
}


@pytest.mark.parametrize(("text", "results"), RESULTS.values(), ids=RESULTS)
def test_results(text: str, results: str) -> None:
    result = run(text, dedicated=7)
    assert (result.text, result.error) == (results, None)


ERRORS = {
    "too few nodes": ("$TargetDedicatedNodes = -1", "a number of nodes, not -1"),
    "no number": ("$TargetLowPriorityNodes = 0 / 0", "a number of nodes, not NaN"),
    "no node at all": ('$TargetDedicatedNodes = "2"', "a number of nodes, not 2"),
    "an unknown option": ('$NodeDeallocationOption = "later"', "taskcompletion, retaineddata, not"),
    "an unknown variable": ("$something_useless", "Variable $something_useless is not defined"),
}


@pytest.mark.parametrize(("text", "reason"), ERRORS.values(), ids=ERRORS)
def test_an_error_leaves_the_pool_as_it_is(text: str, reason: str) -> None:
    result = run(f"x = 1; {text}", dedicated=2)
    assert result.setting == Setting(2, 0, "requeue")
    assert result.text == f"$TargetDedicatedNodes=2;{NONE};x=1"
    assert result.error is not None
    assert reason in result.error.detail
    document = result.error.document()
    assert document["code"] == "AutoScalingFormulaEvaluationError"
    assert document["values"] == [{"name": "Message", "value": result.error.detail}]


TEN_MINUTES = World(values={"$T": 4}, samples={"$T": [float(n) for n in range(1, 21)]})
SAMPLES = {
    "the present value": ("$T * 2", "8"),
    "the last": ("$T.GetSample(1)", "[20]"),
    "the last three": ("$T.GetSample(3)", "[18,19,20]"),
    "more than there are": ("len($T.GetSample(100))", "20"),
    "an interval": ("$T.GetSample(TimeInterval_Minute)", "[19,20]"),
    "between two": ("$T.GetSample(TimeInterval_Minute * 1, TimeInterval_Minute * 2)", "[17,18]"),
    "the other way round": (
        "$T.GetSample(TimeInterval_Minute * 2, TimeInterval_Minute * 1, 100)",
        "[17,18]",
    ),
    "since a moment": ("$T.GetSample(time() + -TimeInterval_Minute)", "[19,20]"),
    "enough": ("avg($T.GetSample(TimeInterval_Minute * 20, 50))", "10.5"),
    "percent": ("$T.GetSamplePercent(TimeInterval_Minute * 20)", "50"),
    "all": ("$T.GetSamplePercent(TimeInterval_Minute * 5, TimeInterval_Minute * 2)", "100"),
    "none": ("$T.GetSamplePercent(TimeInterval_Minute * 60, TimeInterval_Minute * 50)", "0"),
    "how many": ("$T.Count()", "20"),
    "how often": ("$T.GetSamplePeriod()", "00:00:30"),
    "since when": ("time() - $T.HistoryBeginTime()", "00:09:30"),
}


@pytest.mark.parametrize(("expression", "value"), SAMPLES.values(), ids=SAMPLES)
def test_samples(expression: str, value: str) -> None:
    assert value_of(expression, TEN_MINUTES) == value


def test_too_few_samples_have_a_code_of_their_own() -> None:
    result = run("x = avg($T.GetSample(TimeInterval_Minute * 20, 70))", TEN_MINUTES)
    assert result.error is not None
    assert result.error.document() == {
        "code": "InsufficientSampleData",
        "message": "Autoscale evaluation failed due to insufficient sample data",
        "values": [
            {
                "name": "Message",
                "value": "Line 1, Col 21: Insufficient data from data set: $T wanted 70%, "
                "received 50%",
            }
        ],
    }


NO_SAMPLES = World(samples={"$T": []})
BAD_SAMPLES = {
    "ten per cent unless told": (
        "$T.GetSample(TimeInterval_Minute)",
        "Insufficient data from data set: $T wanted 10%, received 0%",
    ),
    "no count": ("$T.GetSample(0)", "GetSample() gives 1 sample or more, not 0"),
    "no times": ("$T.GetSamplePercent()", "One or two times are expected"),
    "no time": ('$T.GetSample("x")', "A timestamp or a timeinterval is expected, not a string"),
    "a count too many": ("$T.GetSample(1, 2)", "GetSample() takes one count"),
    "no such method": ("$T.GetSamples(1)", "Samples have no method GetSamples"),
    "an argument too many": ("$T.Count(1)", "Count() takes no arguments"),
}


@pytest.mark.parametrize(("expression", "reason"), BAD_SAMPLES.values(), ids=BAD_SAMPLES)
def test_samples_that_are_not_there(expression: str, reason: str) -> None:
    assert reason in refusal_of(expression, NO_SAMPLES)


PENDING = """
startingNumberOfVMs = 1;
maxNumberofVMs = 25;
samplePercent = $PendingTasks.GetSamplePercent(180 * TimeInterval_Second);
samples = samplePercent < 70 ? startingNumberOfVMs
    : avg($PendingTasks.GetSample(180 * TimeInterval_Second));
$TargetDedicatedNodes = min(maxNumberofVMs, samples);
$NodeDeallocationOption = taskcompletion;
"""
PREEMPTED = """
maxNumberofVMs = 25;
$TargetDedicatedNodes = min(maxNumberofVMs, $PreemptedNodeCount.GetSample(180 * TimeInterval_Second));
$TargetLowPriorityNodes = min(maxNumberofVMs, maxNumberofVMs - $TargetDedicatedNodes);
"""  # noqa: E501
OFFICE_HOURS = """
$curTime = time();
$workHours = $curTime.hour >= 8 && $curTime.hour < 18;
$isWeekday = $curTime.weekday >= 1 && $curTime.weekday <= 5;
$isWorkingWeekdayHour = $workHours && $isWeekday;
$TargetDedicatedNodes = $isWorkingWeekdayHour ? 20:10;
"""
TASKS = """
// the last sample, or the larger of it and the average
$samples = $ActiveTasks.GetSamplePercent(TimeInterval_Minute * 15);
$tasks = $samples < 70 ? max(0, $ActiveTasks.GetSample(1))
    : max($ActiveTasks.GetSample(1), avg($ActiveTasks.GetSample(TimeInterval_Minute * 15)));
$targetVMs = $tasks > 0 ? $tasks : max(0, $TargetDedicatedNodes / 2);
$TargetDedicatedNodes = max(0, min($targetVMs, 20));
"""
SLOTS = """
$tasks = max(0, $ActiveTasks.GetSample(1));
$cores = $TargetDedicatedNodes * 4;
$extraVMs = (($tasks - $cores) + 3) / 4;
$TargetDedicatedNodes = max(0, min($TargetDedicatedNodes + $extraVMs, 3));
"""
INITIAL = """
lifespan = time() - time("Tue, 24 Nov 2026 09:00:15 GMT");
span = TimeInterval_Minute * 10;
startup = TimeInterval_Minute * 10;
ratio = 50;
$TargetDedicatedNodes = (lifespan > startup ? (max($RunningTasks.GetSample(span, ratio), $ActiveTasks.GetSample(span, ratio)) == 0 ? 0 : $TargetDedicatedNodes) : 4);
"""  # noqa: E501
CPU = """
$totalDedicatedNodes = (min($CPUPercent.GetSample(TimeInterval_Minute * 10)) > 0.7) ?
    ($CurrentDedicatedNodes * 1.1) : $CurrentDedicatedNodes;
$totalDedicatedNodes = (avg($CPUPercent.GetSample(TimeInterval_Minute * 60)) < 0.2) ?
    ($CurrentDedicatedNodes * 0.9) : $totalDedicatedNodes;
$TargetDedicatedNodes = min(400, $totalDedicatedNodes)
"""
#: What Retrain gives its shared pools: as many nodes as there is work, the minimum when idle.
SHARED = """
least = 1; most = 4;
$tasks = max(0, $PendingTasks.GetSample(1), $PendingTasks.GetSample(TimeInterval_Minute * 10, 0));
$TargetDedicatedNodes = min(most, max(least, $tasks));
$NodeDeallocationOption = taskcompletion;
"""


def busy(**values: list[float]) -> World:
    return World(samples={f"${name}": samples for name, samples in values.items()})


IN_USE = {
    "pending, at first": (PENDING, busy(PendingTasks=[]), 0, (1, 0)),
    "pending, busy": (PENDING, busy(PendingTasks=[40.0] * 6), 1, (25, 0)),
    "pending, quiet": (PENDING, busy(PendingTasks=[0.0] * 6), 9, (0, 0)),
    "preempted": (PREEMPTED, busy(PreemptedNodeCount=[3.0, 5.0, 4.0]), 0, (3, 22)),
    "office hours": (OFFICE_HOURS, World(), 0, (20, 0)),
    "tasks, at first": (TASKS, busy(ActiveTasks=[]), 0, (0, 0)),
    "tasks, some": (TASKS, busy(ActiveTasks=[6.0]), 0, (6, 0)),
    "tasks, fewer": (TASKS, busy(ActiveTasks=[9.0] * 20 + [0.0] * 10), 0, (6, 0)),
    "tasks, none": (TASKS, busy(ActiveTasks=[0.0] * 30), 9, (4, 0)),
    "slots": (SLOTS, busy(ActiveTasks=[9.0]), 1, (3, 0)),
    "slots, one more": (SLOTS, busy(ActiveTasks=[5.0]), 1, (2, 0)),
    "initial, idle": (
        INITIAL,
        busy(RunningTasks=[0.0] * 20, ActiveTasks=[0.0] * 20),
        4,
        (0, 0),
    ),
    "initial, busy": (
        INITIAL,
        busy(RunningTasks=[0.0] * 20, ActiveTasks=[1.0] * 20),
        4,
        (4, 0),
    ),
    "CPU": (
        CPU,
        World(values={"$CurrentDedicatedNodes": 20}, samples={"$CPUPercent": [0.9] * 120}),
        20,
        (22, 0),
    ),
    "shared, at first": (SHARED, busy(PendingTasks=[]), 0, (1, 0)),
    "shared, busy": (SHARED, busy(PendingTasks=[0.0, 9.0]), 1, (4, 0)),
    "shared, lately busy": (SHARED, busy(PendingTasks=[2.0, 0.0]), 4, (2, 0)),
    "shared, idle": (SHARED, busy(PendingTasks=[0.0] * 20), 4, (1, 0)),
}


@pytest.mark.parametrize(("text", "world", "before", "after"), IN_USE.values(), ids=IN_USE)
def test_formulas_in_use(text: str, world: World, before: int, after: tuple[int, int]) -> None:
    result = run(text, world, dedicated=before)
    assert result.error is None
    assert (result.setting.dedicated, result.setting.low_priority) == after
