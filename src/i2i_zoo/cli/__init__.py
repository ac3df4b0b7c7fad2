"""The command ``i2i-zoo``: `main` parses, and each verb has a file of its own."""
