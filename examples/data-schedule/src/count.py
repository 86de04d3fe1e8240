"""Count the rows of the files that are new: `python count.py LIST FOLDER`."""

import sys
from pathlib import Path

paths = Path(sys.argv[1]).read_text().splitlines()
folder = Path(sys.argv[2])
files = [next(folder.rglob(Path(path).name)) for path in paths]
rows = sum(len(file.read_text().splitlines()) for file in files)
print(f"{len(files)} new files, {rows} rows")
