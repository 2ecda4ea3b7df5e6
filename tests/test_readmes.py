"""The README in both languages: the same pictures, commands, diagram and variables, and nothing that is not there."""

import re
from pathlib import Path

import pytest

from pipeline.adapters.kafka import retention
from pipeline.domain.names import Topics
from pipeline.local.capacity import AMPLE_MB, RESIDENT_MB
from pipeline.local.logs import LIMIT

ROOT = Path(__file__).parents[1]
ENGLISH, VIETNAMESE = (ROOT / name for name in ("README.md", "README.vi.md"))
COMMANDS = {path.stem for path in (ROOT / "pipeline" / "local" / "commands").glob("[a-z]*.py")}


def found(pattern: str, path: Path) -> list[str]:
    return re.findall(pattern, path.read_text(), re.MULTILINE)


def diagram(path: Path) -> list[tuple[str, ...]]:
    """The arrows of the workflow diagram, without the words on them."""
    (text,) = re.findall(r"```mermaid\n(.*?)```", path.read_text(), re.DOTALL)
    bare = re.sub(r'\(\[.*?\]\)|\[\(.*?\)\]|\[\[.*?\]\]|-- .*? -->|"', lambda m: "-->" if "-->" in m[0] else "", text)
    return [tuple(part.strip() for part in line.split("-->")) for line in bare.splitlines() if "-->" in line]


@pytest.mark.parametrize(
    "pattern",
    [r"!\[.+\]\((\S+)\)", r"^\| `(?:SOURCE=\S+ )?\./run ?(\w*)", r"`([A-Z_]{4,})`", r"^#+ ", r"\]\((https?://\S+)\)"],
    ids=["pictures", "commands", "variables", "headings", "links"],
)
def test_both_languages_show_the_same(pattern: str) -> None:
    assert found(pattern, ENGLISH)
    assert found(pattern, VIETNAMESE) == found(pattern, ENGLISH)


def test_the_workflow_is_the_same_in_both_languages() -> None:
    assert len(diagram(ENGLISH)) == 7
    assert diagram(VIETNAMESE) == diagram(ENGLISH)


@pytest.mark.parametrize("path", [ENGLISH, VIETNAMESE], ids=["english", "vietnamese"])
def test_what_is_linked_is_there_and_each_links_the_other(path: Path) -> None:
    links = found(r"\]\((?!http)([^)\s]+)\)", path)
    assert {link for link in links if not (ROOT / link).exists()} == set()
    assert (VIETNAMESE if path == ENGLISH else ENGLISH).name in links


def test_every_command_has_its_row_and_every_row_is_a_command() -> None:
    named = set(found(r"^\| `(?:SOURCE=\S+ )?\./run ?(\w*)", ENGLISH)) - {""}
    assert named == COMMANDS - {"up"}


def test_every_variable_it_names_is_one_that_is_read() -> None:
    listed = set(re.findall(r"^#?(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert set(found(r"`([A-Z_]{4,})`", ENGLISH)) <= listed


def test_its_figures_are_those_of_the_code() -> None:
    said = ENGLISH.read_text()
    assert f"{sum(RESIDENT_MB.values()) / 1000:.1f} GB free" in said
    assert f"may grow to {AMPLE_MB // 1000} GB" in said
    assert f"some {2 * LIMIT // 1_000_000} MB a process" in said
    bounds = sum(int(words["retention.bytes"]) for words in retention(Topics()).values())
    assert f"bounded at {bounds // 10**9} GB" in said


def test_it_says_whose_the_data_is_and_that_it_is_no_advice() -> None:
    said = " ".join(ENGLISH.read_text().split())
    assert "Market data belongs to the exchange." in said
    assert "terms of use" in said
    assert "Nothing here is trading advice" in said
