"""Docker build contexts on their way up: a folder, without what its .dockerignore leaves out.

`pack_context` writes a compressed tar file that is the same bytes for the same files, wherever they
lie; its name is the SHA-256 of the tar before compression.
"""

from retrain.contexts.pack import BuildContext as BuildContext
from retrain.contexts.pack import pack_context as pack_context
