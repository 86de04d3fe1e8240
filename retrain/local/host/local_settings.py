"""local.settings.json: the app's settings on this machine, as Core Tools reads them.

What the environment has already stays as it is. In Azure the file is not read, nor deployed.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from retrain.local.host.errors import AppRefused

FILE: Final = "local.settings.json"


def read_local_settings(root: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The file's Values that `environment` lacks; none when there is no file.

    Raises AppRefused for a file that can't be read, or whose values are encrypted.
    """
    file = root / FILE
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise AppRefused(f"{file} is not JSON: {error}.") from error
    if not isinstance(content, dict) or not isinstance(content.get("Values", {}), dict):
        raise AppRefused(f'{file} must be an object with "Values", an object of settings.')
    if content.get("IsEncrypted"):
        raise AppRefused(f"{file} is encrypted; `func settings decrypt` writes it plain.")
    values = content.get("Values", {})
    for name, value in values.items():
        if not isinstance(value, str):
            raise AppRefused(f"{file}: the setting {name} must be a text, not {value!r}.")
    return {name: value for name, value in values.items() if name not in environment}
