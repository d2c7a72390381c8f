"""Recall and rectification: of one's own alone."""

import msgspec
import pytest

from gateway.cases.families.control import ConsentDeny, Recall, Rectify
from gateway.cases.fields.schema import Content
from gateway.cases.threads.recall import check_own, taken_back
from tests.outcome import outcome

OWN, OTHERS = f"XA-{'1' * 32}", f"XB-{'1' * 32}"


def about(kind: type[Content], name: str) -> Content:
    """Return what is said about a message."""
    said = {
        "message": name, "language": "en", "handling": {}, "reason": "wrong",
        "corrections": [{"field": "/facts", "value": "None."}],
    }  # fmt: skip
    wanted = "corrections" if kind is Rectify else "reason"
    kept = {"message", "language", "handling", wanted}
    return msgspec.convert({name: said[name] for name in kept}, kind)


@pytest.mark.parametrize("kind", [Recall, Rectify])
def test_only_its_sender_takes_a_message_back(kind: type[Content]) -> None:
    """Of another's, or answering another message than it names, it is refused."""
    assert taken_back(about(kind, OWN)) == OWN
    assert outcome(check_own, about(kind, OWN), "XA", OWN) is None
    for content, answered in ((about(kind, OTHERS), OTHERS), (about(kind, OWN), ""),
                              (about(kind, OWN), OTHERS)):  # fmt: skip
        assert outcome(check_own, content, "XA", answered).code == "recall_not_own"


def test_a_consent_is_its_senders_alone() -> None:
    """A denial names a message too, is no recall of it, and answers whatever it likes."""
    denial = msgspec.convert(
        {"message": OTHERS, "language": "en", "handling": {}, "recipient": "Customs",
         "purpose": "assessment"}, ConsentDeny,
    )  # fmt: skip
    assert taken_back(denial) is None
    assert outcome(check_own, denial, "XA", "").code == "consent_not_own"
    assert outcome(check_own, denial, "XB", "") is None
