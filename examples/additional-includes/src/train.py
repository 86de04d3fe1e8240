"""Use a package that lies elsewhere in the repository, and say what came along."""

from pathlib import Path

from features import squares

print("features:", squares(4))
print("files:", sorted(str(path) for path in Path().rglob("*.*") if "__pycache__" not in str(path)))
