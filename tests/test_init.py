"""The package's own names."""

from __future__ import annotations

import subprocess
import sys

import pytest

import i2i_zoo


def test_importing_it_imports_no_torch() -> None:
    code = "import sys, i2i_zoo; i2i_zoo.list_models(); i2i_zoo.info('pix2pix-camvid'); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_every_public_name_is_there() -> None:
    assert {"load", "save", "push", "convert", "list_models", "info", "__version__"} == set(i2i_zoo.__all__)
    for name in i2i_zoo.__all__:
        assert getattr(i2i_zoo, name) is not None
        assert name in dir(i2i_zoo)
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        i2i_zoo.lode  # noqa: B018


def test_convert_is_a_function_although_a_package_has_its_name() -> None:
    import i2i_zoo.convert.pix2pix
    from i2i_zoo import convert

    for function in (convert, i2i_zoo.convert):
        with pytest.raises(i2i_zoo.errors.ZooError, match="No method is called 'pix3pix'"):
            function("pix3pix", "file.pth")
