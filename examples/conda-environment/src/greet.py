"""Prints a table of the packages that the environment brought."""

from importlib.metadata import version

from tabulate import tabulate

print(tabulate([[name, version(name)] for name in ("tabulate", "iniconfig")], tablefmt="plain"))
