"""Reading the job files that people write: YAML or JSON, with a line and column for every fault.

`read_job` and `read_schedule` return a document that the API takes once the local paths found with
it have been uploaded; all that is wrong comes in one `JobFileError`.
"""

from retrain.jobfile.assets import AssetFile as AssetFile
from retrain.jobfile.assets import read_asset as read_asset
from retrain.jobfile.assets import read_datastore as read_datastore
from retrain.jobfile.environments import EnvironmentFile as EnvironmentFile
from retrain.jobfile.environments import read_environment as read_environment
from retrain.jobfile.errors import FileProblem as FileProblem
from retrain.jobfile.errors import JobFileError as JobFileError
from retrain.jobfile.reader import JobFile as JobFile
from retrain.jobfile.reader import ScheduleFile as ScheduleFile
from retrain.jobfile.reader import read_job as read_job
from retrain.jobfile.reader import read_schedule as read_schedule
