"""One file for each method: what it is (``METHOD``) and its checkpoints (``ENTRIES``)."""
