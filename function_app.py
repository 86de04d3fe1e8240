"""The Functions worker looks for this file, by this name, here."""

import functions

app = functions.build()
