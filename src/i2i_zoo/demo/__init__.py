"""The page of ``i2i-zoo demo``."""
