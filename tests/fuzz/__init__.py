"""Storms: random input thrown at the emulators for as long as one likes.

Each module here with a `storm` (see `report`) is one emulator's; `__main__` runs them by name.
"""
