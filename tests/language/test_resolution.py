"""Finding the task that is meant among the user's own."""

from __future__ import annotations

from engine.language import Ambiguous, KnownTask, Match, Missing, resolve
from engine.language.references import AllRef, NumberRef, TitleRef
from engine.language.resolution import SIMILAR, similarity

MILK = KnownTask("a", 1, "Buy milk")
ORGANIC = KnownTask("b", 2, "Buy organic milk")
DENTIST = KnownTask("c", 3, "Call the dentist!", completed=True)
TASKS = (MILK, ORGANIC, DENTIST)


def test_a_number_means_the_task_of_that_number() -> None:
    assert resolve(NumberRef(3), TASKS) == Match((DENTIST,))
    assert resolve(NumberRef(9), TASKS) == Missing(NumberRef(9))


def test_all_means_all_even_if_there_are_none() -> None:
    assert resolve(AllRef(), TASKS) == Match(TASKS)
    assert resolve(AllRef(), ()) == Match(())


def test_the_same_title_wins_over_a_similar_one() -> None:
    assert resolve(TitleRef("buy MILK"), TASKS) == Match((MILK,))
    assert resolve(TitleRef("call the dentist"), TASKS) == Match((DENTIST,))


def test_a_similar_title_is_enough() -> None:
    found = resolve(TitleRef("washing the dishes"), (KnownTask("d", 4, "Wash the dishes"), MILK))
    assert isinstance(found, Match)
    assert found.similarity >= SIMILAR


def test_too_little_likeness_is_none() -> None:
    assert resolve(TitleRef("water the plants"), TASKS) == Missing(TitleRef("water the plants"))


def test_equally_good_titles_are_ambiguous_and_the_best_come_first() -> None:
    again = KnownTask("e", 5, "buy milk")
    found = resolve(TitleRef("Buy milk"), (again, ORGANIC, MILK))
    assert isinstance(found, Ambiguous)
    assert [(one.task, one.similarity) for one in found.candidates] == [(MILK, 1.0), (again, 1.0)]


def test_nearly_as_good_a_title_is_ambiguous_too() -> None:
    found = resolve(TitleRef("call ana"), (KnownTask("f", 6, "call anna"), KnownTask("g", 7, "call anja")))
    assert isinstance(found, Ambiguous)


def test_only_the_same_words_in_order_are_the_same() -> None:
    assert similarity("milk, buy", "buy milk") < 1
    assert similarity("Buy milk.", "buy  milk") == 1
    assert similarity("🎂", "🎉") < SIMILAR
