"""Kinds and code lists over the socket, and a nomenclature brought by it."""

from pathlib import Path
from typing import Any

import jsonschema_rs

from gateway.cases.kinds import ALL_KINDS
from tests.network.served import served
from tests.network.test_local_api import problem

TABLE = b"hscode,description\n64,Footwear\n6403,Of leather\n"
FRENCH = {"Accept-Language": "fr-CA, en"}


async def test_every_kind_is_published_with_schema_and_example(tmp_path: Path) -> None:
    """In the caller's language; the example of each passes the schema beside it."""
    async with served(tmp_path, "XA") as made, made.house("XA") as xa:
        async with xa.get("/v1/kinds", headers=FRENCH) as answer:
            kinds = (await answer.json())["kinds"]
        assert [item["name"] for item in kinds] == list(ALL_KINDS)
        for item in kinds:
            jsonschema_rs.meta.validate(item["schema"])
            assert item["label"] == item["schema"]["title"]
            async with xa.get(f"/v1/kinds/{item['name']}", headers=FRENCH) as answer:
                one = await answer.json()
            assert jsonschema_rs.is_valid(one["schema"], one.pop("example"))
            assert one == item
        by_name = {item["name"]: item for item in kinds}
        assert by_name["request.verify_origin"]["deadlines"]["execute"] == {
            "count": 10, "unit": "months",
        }  # fmt: skip
        assert by_name["intelligence.alert"]["senders"] == [
            "administration", "union", "liaison-office",
        ]  # fmt: skip
        assert "/persons" in by_name["request.enquiry"]["personal"]
        assert by_name["ping"]["moves"] == []
        moves = by_name["case.reply"]["moves"]
        assert {(item["by"], item["state"], item["to"]) for item in moves} == {
            ("asked", state, "answered") for state in ("submitted", "in_progress", "partial")
        }
        async with xa.get("/v1/kinds/case.repply") as answer:
            told = await problem(answer)
            assert (told["status"], told["code"]) == (404, "kind_not_found")
            assert "case.reply" in told["detail"]


async def test_code_lists_are_shown_by_name(tmp_path: Path) -> None:
    """With the nomenclature once it was brought; before, and by another name, there is none."""
    async with served(tmp_path, "XA") as made, made.house("XA") as xa:

        async def get(path: str) -> Any:
            async with xa.get(path, headers=FRENCH) as answer:
                assert answer.status == 200, path
                return await answer.json()

        for name in ("hs", "colours"):
            async with xa.get(f"/v1/codes/{name}") as answer:
                told = await problem(answer)
                assert (told["status"], told["code"]) == (404, "list_not_found")
        async with xa.post("/v1/codes/hs?edition=2022", data=TABLE) as answer:
            assert (answer.status, (await answer.json())["codes"]) == (201, 2)
        lists = await get("/v1/codes")
        assert [item["edition"] for item in lists["hs_editions"]] == ["2022"]
        for name in lists["lists"]:
            assert (await get(f"/v1/codes/{name}"))["codes"]
        listed = await get("/v1/codes/hs?under=6403&edition=2022")
        assert listed["codes"] == [{"code": "6403", "label": "Of leather"}]
        listed = await get("/v1/codes/countries?under=DE")
        assert listed["codes"] == [{"code": "DE", "label": "Allemagne"}]


async def test_bad_nomenclature_is_refused(tmp_path: Path) -> None:
    """Empty, malformed, or of no year: nothing is stored."""
    async with served(tmp_path, "XA") as made, made.house("XA") as xa:
        for body in (b"", b"\xff", b"code\n64\n"):
            async with xa.post("/v1/codes/hs?edition=2022", data=body) as answer:
                assert (await problem(answer))["code"] == "nomenclature_malformed"
        for query in ("", "?edition=22", "?edition=2022&year=2022"):
            async with xa.post(f"/v1/codes/hs{query}", data=TABLE) as answer:
                assert (await problem(answer))["code"] == "validation_failed"
        async with xa.get("/v1/codes") as answer:
            assert (await answer.json())["hs_editions"] == []
