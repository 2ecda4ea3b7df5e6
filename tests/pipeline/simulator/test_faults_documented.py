"""docs/how-to/faults.md names every fault, parameter, form and rule, in the words of the code."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from pipeline.simulator.mischief import Kind, Order
from pipeline.simulator.mischief.malformed import FORMS
from pipeline.simulator.mischief.orders import PARAMETERS
from pipeline.simulator.violations import Rule

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "faults.md"
WORDS = {
    "match": "what it is for, see above",
    "count": "how often",
    "seconds": "how long, or how late",
    "delay_s": "how late each frame comes",
    "offset_s": "how far the exchange's clock is ahead; negative: behind",
    "status": "the HTTP status",
    "retry_after_s": "the `Retry-After` of a 429 or 418, in seconds",
    "form": "one of the forms below, or `any`: each in turn that the frame can take",
    "answered": "whether an ignored SUBSCRIBE is answered",
    "becomes": "the symbol's new status",
    "renamed_to": "the symbol that begins",
    "start_ms": "from this time on, epoch ms (for an outage: the next whole minute)",
    "end_ms": "up to this time, which is not included",
    "open_times": "open times of klines, epoch ms",
    "connections": "places among the open connections, oldest first, from 0; none: every one that `match` fits",
}


def table(head: str, rows: Iterable[str]) -> str:
    return "\n".join([f"| {head} |", "|" + "---|" * (head.count("|") + 1), *(f"| {row} |" for row in rows)])


def fault_table() -> str:
    rows = (f"`{kind.value}` | {kind.says} | {', '.join(f'`{name}`' for name in kind.reads)}" for kind in Kind)
    return table("kind | does | reads", rows)


def parameter_table() -> str:
    plain = Order(kind=Kind.DROP)
    return table("parameter | default | means", (f"`{p}` | {getattr(plain, p)!r} | {WORDS[p]}" for p in PARAMETERS))


def form_table() -> str:
    return table("form | is", (f"`{form}` | {says}" for form, (says, _) in FORMS.items()))


def rule_table() -> str:
    return table("rule | broken by", (f"`{rule.value}` | {rule.says}" for rule in Rule))


@pytest.mark.parametrize("made", [fault_table, parameter_table, form_table, rule_table])
def test_the_page_holds_the_table_the_code_gives(made: Callable[[], str]) -> None:
    assert made() in PAGE.read_text(), f"docs/how-to/faults.md lacks this table:\n{made()}"


def test_every_parameter_is_read_by_some_fault() -> None:
    assert set(PARAMETERS) == {name for kind in Kind for name in kind.reads}
