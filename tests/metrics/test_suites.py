from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import tiny
from i2i_zoo.errors import ZooError
from i2i_zoo.metrics.fcn_score import FCNScore
from i2i_zoo.metrics.pictures import PictureMean, l1, psnr, ssim
from i2i_zoo.metrics.suites import METRICS, suite


@pytest.fixture
def pictures() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    target = torch.rand(3, 3, 40, 52, generator=generator)
    output = (target + 0.2 * torch.randn(target.shape, generator=generator)).clamp(0, 1)
    return output, target


def test_each_picture_has_the_number_of_scikit_image(pictures) -> None:
    output, target = pictures
    for i in range(3):
        a, b = target[i].permute(1, 2, 0).numpy(), output[i].permute(1, 2, 0).numpy()
        assert psnr(output, target)[i].item() == pytest.approx(peak_signal_noise_ratio(a, b, data_range=1), rel=1e-5)
        options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1}
        expected = structural_similarity(a, b, channel_axis=2, **options)
        assert ssim(output, target)[i].item() == pytest.approx(expected, rel=1e-4)
        expected = structural_similarity(a, b, channel_axis=2, data_range=1)
        assert ssim(output, target, window="uniform")[i].item() == pytest.approx(expected, rel=1e-4)
        assert l1(output, target)[i].item() == pytest.approx(np.abs(a - b).mean(), rel=1e-5)


def test_mean_over_pictures_whatever_the_batches(pictures) -> None:
    output, target = (picture * 2 - 1 for picture in pictures)
    whole, parts = PictureMean(psnr), PictureMean(psnr)
    whole.update(output, target)
    parts.update(output[:1], target[:1])
    parts.update(output[1:], target[1:])
    assert parts.compute() == whole.compute()
    rounded = [((picture + 1) * 127.5).round() / 255 for picture in (output, target)]
    assert whole.compute() == pytest.approx(psnr(*rounded).mean().item(), rel=1e-6)


def test_too_small_for_the_window() -> None:
    with pytest.raises(ZooError, match="at least 11x11"):
        ssim(torch.zeros(1, 3, 10, 40), torch.zeros(1, 3, 10, 40))
    with pytest.raises(ZooError, match="no window 'box': choose gaussian or uniform"):
        ssim(torch.zeros(1, 3, 40, 40), torch.zeros(1, 3, 40, 40), window="box")


def test_what_a_model_is_judged_by() -> None:
    model = tiny.model()
    assert model.metrics_for() == ("psnr", "ssim", "l1")
    model.preprocess = model.preprocess_type.from_json({"target_palette": "camvid"}, "test")
    assert model.metrics_for() == ("psnr", "ssim", "l1", "label_score")
    measures, missing = suite(model, "", dict.fromkeys(model.metrics_for()))
    assert missing == []
    assert measures["label_score"].needs == ("output", "label")
    assert measures["label_score"].metric.classes == 11  # void does not count


def test_the_segmenter_follows_from_the_palette_or_is_chosen() -> None:
    model = tiny.model()
    model.preprocess = model.preprocess_type.from_json({"source_palette": "camvid"}, "test")
    own = torch.nn.Conv2d(3, 4, 1)
    measures, _ = suite(model, "", {"fcn_score": {"segmenter": own, "classes": 4}})
    assert {name: measure.needs for name, measure in measures.items()} == {
        "fcn_score": ("output", "label"),
        "fcn_score_real": ("target", "label"),
    }
    assert all(isinstance(measure.metric, FCNScore) for measure in measures.values())
    assert measures["fcn_score_real"].title == "FCN-score (Conv2d) of the real photographs at the same size"
    with pytest.raises(ZooError, match="how many classes"):
        suite(model, "", {"fcn_score": {"segmenter": own}})
    model.preprocess = model.preprocess_type.from_json({}, "test")
    with pytest.raises(ZooError, match="needs a segmenter"):
        suite(model, "", {"fcn_score": None})
    with pytest.raises(ZooError, match="make label maps"):
        suite(model, "", {"label_score": None})


def test_what_cannot_be_got_is_told_and_the_rest_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("i2i_zoo.pretrained.inception._INCEPTION", "http://127.0.0.1:9/inception-6726825d.pth")
    measures, missing = suite(
        tiny.model(), "", {"fid": None, "l1": None, "fcn_score": {"segmenter": "fcn8s_cityscapes"}}
    )
    assert list(measures) == ["l1"]
    assert [sentence.split(":")[0] for sentence in missing] == ["fid is not measured", "fcn_score is not measured"]
    assert "inception-6726825d.pth cannot be fetched (" in missing[0]


def test_unknown_names() -> None:
    with pytest.raises(ZooError, match=f"No metric fids: choose from {', '.join(METRICS)}"):
        suite(tiny.model(), "", {"fids": None})
    with pytest.raises(ZooError, match="ssim has no option 'kernel': choose from window"):
        suite(tiny.model(), "", {"ssim": {"kernel": 3}})
    with pytest.raises(ZooError, match="l1 has no options, and 'window' was given"):
        suite(tiny.model(), "", {"l1": {"window": 3}})
