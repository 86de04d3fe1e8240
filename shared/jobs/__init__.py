"""The job language: the documents people write, as frozen models. Pure: pydantic and nothing else.

`parse_document` turns a mapping of any kind into a model or says all that is wrong with it, as
`parse_job` and `parse_schedule` do when the kind is known; `KINDS` is the table of kinds.
`dump` turns a model back into plain JSON data. `render_command` makes the script of a job, and
`job_for_file` the job of a schedule for a file that landed.
"""

from shared.jobs.bindings import substitute as substitute
from shared.jobs.clock_trigger import CronTrigger as CronTrigger
from shared.jobs.clock_trigger import RecurrenceTrigger as RecurrenceTrigger
from shared.jobs.command import CommandJob as CommandJob
from shared.jobs.component import CommandComponent as CommandComponent
from shared.jobs.compute import BUILT_IN as BUILT_IN
from shared.jobs.compute import AmlCompute as AmlCompute
from shared.jobs.compute import named_compute as named_compute
from shared.jobs.conda import check_conda as check_conda
from shared.jobs.data_trigger import MOST_FILES as MOST_FILES
from shared.jobs.data_trigger import DataTrigger as DataTrigger
from shared.jobs.datastore import DatastorePath as DatastorePath
from shared.jobs.datastore import is_datastore_uri as is_datastore_uri
from shared.jobs.datastore import parse_datastore_path as parse_datastore_path
from shared.jobs.documents import KINDS as KINDS
from shared.jobs.documents import document_kind as document_kind
from shared.jobs.documents import parse_document as parse_document
from shared.jobs.environment import Build as Build
from shared.jobs.environment import Environment as Environment
from shared.jobs.environment_parse import check_sent as check_sent
from shared.jobs.environment_parse import dump_environment as dump_environment
from shared.jobs.environment_parse import parse_environment as parse_environment
from shared.jobs.expansion import expanded as expanded
from shared.jobs.firing import MOST_TEXT as MOST_TEXT
from shared.jobs.firing import Landed as Landed
from shared.jobs.firing import asks_for_files as asks_for_files
from shared.jobs.firing import asks_for_paths_as_text as asks_for_paths_as_text
from shared.jobs.firing import job_for_file as job_for_file
from shared.jobs.firing import job_for_files as job_for_files
from shared.jobs.firing import job_for_tick as job_for_tick
from shared.jobs.glob import literal_folder as literal_folder
from shared.jobs.glob import matches as matches
from shared.jobs.inputs import DataInput as DataInput
from shared.jobs.inputs import LiteralInput as LiteralInput
from shared.jobs.inputs import is_remote as is_remote
from shared.jobs.outputs import Output as Output
from shared.jobs.parse import check_resolved as check_resolved
from shared.jobs.parse import dump as dump
from shared.jobs.parse import parse_job as parse_job
from shared.jobs.parse import parse_schedule as parse_schedule
from shared.jobs.problems import Field as Field
from shared.jobs.problems import InvalidDocument as InvalidDocument
from shared.jobs.problems import Problem as Problem
from shared.jobs.problems import field_name as field_name
from shared.jobs.render import InputPath as InputPath
from shared.jobs.render import Literal as Literal
from shared.jobs.render import OutputPath as OutputPath
from shared.jobs.render import Rendered as Rendered
from shared.jobs.render import RunName as RunName
from shared.jobs.render import Value as Value
from shared.jobs.render import render_command as render_command
from shared.jobs.schedule import Schedule as Schedule
from shared.jobs.ticks import AnyClock as AnyClock
from shared.jobs.ticks import latest_ticks as latest_ticks
from shared.jobs.ticks import next_ticks as next_ticks
from shared.jobs.ticks import ticks as ticks
