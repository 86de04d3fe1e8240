"""Jobs, runs and schedules as Python objects; `from retrain import …` gives them all.

values      inputs, outputs, environments      command     a job, and `command(…)`
load        jobs and schedules from files      checking    from an object to what is submitted
jobs, run   `client.jobs`, and a run           schedule    `client.schedules`, and a schedule
assets      `client.data` and `client.models`
streaming   a run's log as it comes            html        a run in a notebook
script_run  ScriptRunConfig and Experiment, for those who come from the SDK of 2021
"""
