"""How the listings of cuobjdump are read, on small ones."""

from __future__ import annotations

import pytest

from tests.machine_code.sass import (
    count,
    hot_path,
    inner_loops,
    instructions,
    issued,
    loop_with,
    loops,
)

# An outer loop of 0010 to 0070 around an inner one of 0020 to 0040, and a detour of 0050.
LISTING = """
        /*0000*/                   MOV R1, c[0x0][0x28] ;      /* 0x00000a0000017a02 */
        /*0010*/                   LDS.128 R4, [R2] ;          /* 0x0000000002047984 */
        /*0020*/                   HMMA.16816.F32 R8, R4, R6, R8 ;  /* 0x000000060408723c */
        /*0030*/                   FFMA R9, R9, |R3|, R8 ;     /* 0x4000000309097223 */
        /*0040*/               @P0 BRA 0x20 ;                  /* 0xffffffd000000947 */
        /*0048*/              @!P1 BRA 0x60 ;                  /* 0x0000001000009947 */
        /*0050*/              @!PT LDS RZ, [RZ] ;              /* 0x00000000ffff7984 */
        /*0060*/                   LDGSTS.E.BYPASS.128 [R5], [R6.64] ;  /* 0x0000000006057fae */
        /*0070*/              @!P2 BRA 0x10 ;                  /* 0xffffff900000a947 */
        /*0080*/                   EXIT ;                      /* 0x000000000000794d */
"""
OUTER, INNER = range(1, 9), range(2, 5)


def test_an_instruction_is_read_without_its_encoding():
    assert instructions(LISTING)[1].text == "LDS.128 R4, [R2]"


def test_a_jump_leads_to_a_place_in_the_list():
    assert [one.target for one in instructions(LISTING) if "BRA" in one.text] == [2, 7, 1]


def test_a_jump_forward_is_no_loop():
    assert loops(instructions(LISTING)) == [INNER, OUTER]


def test_a_loop_around_another_is_not_an_inner_one():
    (loop,) = inner_loops(LISTING)
    assert [one.text[:4] for one in loop] == ["HMMA", "FFMA", "@P0 "]


@pytest.mark.parametrize(
    ("name", "number"), [("LDG", 0), ("LDGSTS", 1), ("LDS", 2), ("LDS.128", 1), ("BRA", 3)]
)
def test_a_name_is_counted_with_its_suffixes_and_predicates_only(name: str, number: int):
    assert count(instructions(LISTING), name) == number


def test_the_smallest_loop_with_an_instruction_is_taken():
    code = instructions(LISTING)
    assert (loop_with(code, {"HMMA": 1}), loop_with(code, {"LDS": 1})) == (INNER, OUTER)


def test_what_no_loop_has_is_said():
    with pytest.raises(LookupError, match="no loop has"):
        loop_with(instructions(LISTING), {"HMMA": 2})


def test_the_shortest_way_that_issues_just_so_many_is_counted():
    code = instructions(LISTING)
    assert issued(code, OUTER, {"LDS": 1}) == 7  # past the detour
    assert issued(code, OUTER, {"LDS": 2}) == 8


def test_a_way_that_issues_other_numbers_is_none():
    with pytest.raises(LookupError, match="no way through the loop"):
        issued(instructions(LISTING), OUTER, {"LDS": 3})


def test_the_hot_path_goes_through_each_place_of_a_name_and_past_others():
    texts = [one.text.split()[0] for one in hot_path(LISTING, "HMMA", "LDGSTS")]
    assert texts == ["LDS.128", "HMMA.16816.F32", "FFMA", "@P0", "@!P1",
                     "LDGSTS.E.BYPASS.128", "@!P2"]  # fmt: skip
