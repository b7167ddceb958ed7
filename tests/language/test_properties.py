"""What holds for any message."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.language import Intent, KnownTask, Match, plan, resolve, understand
from engine.language.arguments import AddTask, CompleteTask, DeleteTask
from engine.language.references import NumberRef, TitleRef
from tests.language.saying import NOW, said

VOCABULARY = """
add put remind me to the my a task tasks list delete remove complete done mark show what is on for from and
then not don't all everything high priority tomorrow friday at 5 pm rename 'milk' "eggs" #3 , . ? : ; update
note description due date milk buy call mom every in 3 days second 12/31 please ( ) - 🎂 ünï
""".split()  # noqa: SIM905 - a list this long reads better as a text
SENTENCES = st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=25).map(" ".join)
MESSAGES = st.text(min_size=1, max_size=200).filter(lambda text: bool(text.strip())) | SENTENCES
NOUNS = [
    "buy",
    "call",
    "water",
    "delete",
    "complete",
    "rename",
    "mom",
    "milk",
    "report",
    "Ünal",
    "naïve",
    "café",
]
WORDS = st.lists(st.sampled_from(NOUNS), min_size=1, max_size=6).map(" ".join)
NEGATIONS = st.sampled_from(["don't", "do not", "please don't", "never", "I don't want you to", "don’t ever"])
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))
AHEAD = st.sampled_from(["on friday", "today", "in 3 days", "march 3", "by end of month", "on the 31st"])
ZONES = st.sampled_from(["UTC", "America/St_Johns", "Asia/Kathmandu", "Pacific/Auckland", "Europe/Berlin"])


@settings(deadline=None)
@given(MESSAGES, MOMENTS, ZONES)
def test_any_message_is_understood_somehow_and_always_the_same(text: str, now: datetime, zone: str) -> None:
    operations = plan(text, now, zone)
    assert operations == plan(text, now, zone)
    assert all(0 <= one.confidence <= 1 for one in operations)
    assert all((one.tool is None) == (one.arguments is None) for one in operations)
    assert understand(text, now, zone) == operations[0]


@settings(deadline=None)
@given(MESSAGES)
def test_every_title_stands_in_the_message(text: str) -> None:
    for one in plan(text, NOW, "UTC"):
        if isinstance(one.arguments, AddTask):
            assert one.arguments.title.strip()
            assert one.arguments.title.casefold() in text.casefold()


@settings(deadline=None)
@given(NEGATIONS, st.sampled_from(["delete", "remove", "erase", "clear"]), WORDS)
def test_a_negated_delete_deletes_nothing(negation: str, verb: str, words: str) -> None:
    assert said(f"{negation} {verb} {words}").intent is not Intent.DELETE


@settings(deadline=None)
@given(st.text("abcdefg ÄÖ€🎂,.;:!?()", min_size=1, max_size=60).map(str.strip).filter(bool))
def test_a_quoted_title_is_kept_to_the_letter(title: str) -> None:
    arguments = said(f'create a task "{title}"').arguments
    assert isinstance(arguments, AddTask)
    assert arguments.title == title


@given(st.integers(0, 999_999_999))
def test_a_number_is_that_number(number: int) -> None:
    done, gone = said(f"complete task {number}").arguments, said(f"delete #{number}").arguments
    assert isinstance(done, CompleteTask)
    assert isinstance(gone, DeleteTask)
    assert done.ref == gone.ref == NumberRef(number)


@settings(deadline=None)
@given(MOMENTS, ZONES, AHEAD)
def test_a_due_date_lies_ahead(now: datetime, zone: str, phrase: str) -> None:
    arguments = understand(f"remind me to sing {phrase}", now, zone).arguments
    assert isinstance(arguments, AddTask)
    assert isinstance(arguments.due, date)
    assert arguments.due >= now.astimezone(ZoneInfo(zone)).date()


@given(st.lists(WORDS, min_size=1, max_size=8, unique_by=str.casefold), st.data())
def test_a_title_of_ones_own_is_found(titles: list[str], data: st.DataObject) -> None:
    tasks = [KnownTask(str(n), n, title) for n, title in enumerate(titles, start=1)]
    wanted = data.draw(st.sampled_from(tasks))
    assert resolve(TitleRef(wanted.title.upper()), tasks) == Match((wanted,))
