"""What an environment's image is made of: recipes, and the words of conda, pip and Docker for them.

`Recipe` is the normal form that keys are made from; `context_files` writes the Docker build of a
recipe with conda packages; `translate` says the same packages in pip's words.
"""

from shared.jobs.images.curated import curated_requirements as curated_requirements
from shared.jobs.images.docker_steps import context_files as context_files
from shared.jobs.images.names import curated_name as curated_name
from shared.jobs.images.recipe import Recipe as Recipe
from shared.jobs.images.recipe import RecipeRefused as RecipeRefused
from shared.jobs.images.translation import CannotTranslate as CannotTranslate
from shared.jobs.images.translation import Translation as Translation
from shared.jobs.images.translation import translate as translate
