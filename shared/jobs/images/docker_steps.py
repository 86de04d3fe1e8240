"""The Docker build of a base image with conda packages on top: a few files, the same everywhere.

Which way packages are added, conda or pip, is decided inside the image, by install.sh.
"""

import json
from pathlib import Path
from typing import Final

from shared.jobs.images.recipe import Recipe
from shared.jobs.images.translation import CannotTranslate, Translation, translate

_INSTALL: Final = Path(__file__).with_name("install.sh")


def context_files(recipe: Recipe, certificates: str = "") -> dict[str, str]:
    """Texts by name, with a Dockerfile; for a recipe without a context of its own.

    certificates: PEM of what else is trusted while the build takes, "" for nothing else.
    """
    refusals = ""
    try:
        wanted = translate(recipe)
    except CannotTranslate as refusal:  # conda, if the image has it, may still know better
        wanted, refusals = Translation(), str(refusal)
    return {
        "environment.yml": json.dumps(recipe.conda_file(), indent=2),  # JSON is YAML
        "requirements.txt": "".join(f"{line}\n" for line in wanted.requirements),
        "python.txt": wanted.python,
        "refusals.txt": f"{refusals}\n" if refusals else "",
        "certificates.pem": certificates,
        "install.sh": _INSTALL.read_text(encoding="utf-8"),
        "Dockerfile": f"FROM {recipe.image}\n"
        "COPY . /opt/retrain/\n"
        "RUN /bin/sh /opt/retrain/install.sh\n"
        "ENV PATH=/opt/retrain/environment/bin:$PATH\n",
    }
