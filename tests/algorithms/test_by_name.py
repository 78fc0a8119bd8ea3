"""Registry: algorithms and their parameters by name; what is misspelt gets the nearest name."""

from __future__ import annotations

import pytest

from tracker import SORT, DeepSORT
from tracker.algorithms import algorithm, algorithms, build, parameters, wants_embeddings


def test_algorithms_are_found_by_the_name_of_their_file() -> None:
    assert {"sort", "deepsort"} <= set(algorithms())
    assert algorithms() == sorted(algorithms())
    assert algorithm("sort") is SORT
    assert algorithm("DeepSORT") is DeepSORT
    for name in algorithms():
        cls = algorithm(name)
        assert cls.__name__.lower() == name
        assert cls.__doc__
        documented = cls.__doc__
        assert all(parameter in documented for parameter in parameters(cls)), "a parameter is not documented"


def test_parameters_come_from_the_signature() -> None:
    assert parameters(SORT)["max_age"] == 1
    assert parameters(DeepSORT)["budget"] == 100
    assert not {"embedder", "motion", "self"} & set(parameters(DeepSORT))
    assert (wants_embeddings(SORT), wants_embeddings(DeepSORT)) == (False, True)


def test_text_becomes_the_type_of_the_default() -> None:
    tracker = build("sort", {"min_hits": "2", "iou_threshold": ".5", "published_order": "yes", "max_age": "0.5s"})
    assert isinstance(tracker, SORT)
    assert (tracker.min_hits, tracker.iou_threshold, tracker.published_order) == (2, 0.5, True)
    assert tracker.max_age == 15
    off = build("sort", {"published_order": "off", "max_age": "7", "per_class": True})
    assert isinstance(off, SORT)
    assert (off.published_order, off.max_age, off.per_class) == (False, 7, True)


def test_what_an_algorithm_does_not_know_is_left_out_when_given_by_code() -> None:
    assert build("sort", frame_rate=12.5, embedder=print).frame_rate == 12.5


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("srot", {}, r"no algorithm 'srot', did you mean 'sort'\?; there are: .*deepsort.*sort"),
        ("deep-sort", {}, r"no algorithm 'deep-sort', did you mean 'deepsort'\?"),
        ("qqq", {}, r"no algorithm 'qqq'; there are: "),
        ("sort", {"maxage": "3"}, r"sort has no parameter 'maxage', did you mean 'max_age'\?; it has: .*iou_threshold"),
        ("sort", {"embedder": "x"}, r"sort has no parameter 'embedder'"),
        ("deepsort", {"motion": "x"}, r"deepsort has no parameter 'motion'"),
        ("sort", {"min_hits": "many"}, r"min_hits=many: give a number, such as 3"),
        ("sort", {"published_order": "perhaps"}, r"published_order=perhaps: give true or false"),
        ("sort", {"iou_threshold": "3"}, r"iou_threshold=3: give a number from 0 to 1"),
        ("sort", {"min_hits": "1.5"}, r"min_hits=1.5: give a whole number"),
        ("sort", {"max_age": "soon"}, r"max_age='soon': give frames"),
    ],
)
def test_what_is_not_known_is_said_in_one_line(name: str, settings: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=rf"^{message}[^\n]*$"):
        build(name, settings)
