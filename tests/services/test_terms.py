"""Terms: what the settings say of agreements and calendars, as the clocks need it."""

from datetime import date

import msgspec

from gateway.cases.threads.clocks import USUAL, Policy
from gateway.cases.threads.event import Pair
from gateway.cases.threads.thread import Thread
from gateway.services.casework.terms import terms_of
from gateway.settings import CalendarSettings, CasesSettings, InstrumentSettings, Weekday

BETWEEN = InstrumentSettings(name="XA–XB agreement", members=["XA", "XB"])


def test_an_agreement_that_says_nothing_has_the_usual_terms() -> None:
    """The defaults of the settings are those of the clocks."""
    (instrument,) = terms_of(CasesSettings(instruments=[BETWEEN])).instruments
    assert instrument.policy == USUAL
    assert set(Policy.__dataclass_fields__) == {*BETWEEN.__struct_fields__} - {"name", "members"}


def test_terms_are_those_of_the_pair_and_its_members() -> None:
    """By the legal basis; a calendar is in its member's days and zone."""
    calendar = CalendarSettings(
        member="XB", rest_days=[Weekday.FRI], holidays=["2027-01-01"], time_zone="Africa/Dakar"
    )
    longer = msgspec.structs.replace(BETWEEN, execute_months=9)
    terms = terms_of(CasesSettings(instruments=[longer], calendars=[calendar]))
    assert terms.policy(Thread(pair=Pair("XB", "XA"))).execute_months == 9
    assert terms.policy(Thread(pair=Pair("XC", "XA"))) == USUAL
    made = terms.calendars["XB"]
    assert not made.works(date(2027, 1, 1))
    assert not made.works(date(2027, 1, 8))
    assert made.works(date(2027, 1, 9))
    assert str(made.zone) == "Africa/Dakar"


def test_other_terms_have_another_digest() -> None:
    """So that what was folded by the old ones is not taken for theirs."""
    settings = [
        CasesSettings(),
        CasesSettings(instruments=[BETWEEN]),
        CasesSettings(calendars=[CalendarSettings(member="XA")]),
    ]
    assert len({terms_of(item).digest for item in settings}) == 3
    assert terms_of(CasesSettings()).digest == terms_of(CasesSettings()).digest
