"""The line before the accelerator: one at a time, in order, and a place can be given up."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from seq2exp.inference.turns import Turns


class Visitor(threading.Thread):
    """Takes a turn and holds it until told to leave; what it was told meanwhile is kept."""

    def __init__(self, turns: Turns, name: str, order: list[str], waiting: Callable[[int], None] | None = None) -> None:
        super().__init__(name=name, daemon=True)
        self.turns, self.order, self.waiting = turns, order, waiting
        self.inside, self.leave = threading.Event(), threading.Event()
        self.problem: BaseException | None = None

    def run(self) -> None:
        try:
            with self.turns.turn(self.waiting):
                self.order.append(self.name)
                self.inside.set()
                assert self.leave.wait(30)
        except RuntimeError as error:
            self.problem = error


def told(places: list[int], wanted: int) -> tuple[Callable[[int], None], threading.Event]:
    reached = threading.Event()

    def waiting(ahead: int) -> None:
        places.append(ahead)
        if ahead == wanted:
            reached.set()

    return waiting, reached


def test_turns_come_in_the_order_of_asking_and_the_place_is_told() -> None:
    turns, order = Turns(), list[str]()
    first = Visitor(turns, "first", order)
    first.start()
    assert first.inside.wait(30)
    second_places, third_places = list[int](), list[int]()
    says_one, second_in_line = told(second_places, 1)
    second = Visitor(turns, "second", order, says_one)
    second.start()
    assert second_in_line.wait(30)
    says_two, third_in_line = told(third_places, 2)
    third = Visitor(turns, "third", order, says_two)
    third.start()
    assert third_in_line.wait(30)
    assert not second.inside.is_set()
    for visitor in (first, second, third):
        assert visitor.inside.wait(30)
        visitor.leave.set()
        visitor.join(30)
    assert order == ["first", "second", "third"]
    assert set(second_places) == {1}
    assert set(third_places) <= {1, 2}
    assert third_places == sorted(third_places, reverse=True)


def test_a_place_given_up_lets_those_behind_move_up() -> None:
    turns, order = Turns(), list[str]()
    first = Visitor(turns, "first", order)
    first.start()
    assert first.inside.wait(30)
    patience = threading.Event()

    def leaves(ahead: int) -> None:
        del ahead
        if patience.is_set():
            raise RuntimeError("a newer request")

    second = Visitor(turns, "second", order, leaves)
    second.start()
    places: list[int] = []
    waiting, behind_two = told(places, 2)
    third = Visitor(turns, "third", order, waiting)
    third.start()
    assert behind_two.wait(30)
    patience.set()
    second.join(30)
    assert str(second.problem) == "a newer request"
    first.leave.set()
    assert third.inside.wait(30)
    third.leave.set()
    third.join(30)
    assert order == ["first", "third"]


def test_who_has_the_turn_may_ask_again_and_an_error_frees_it() -> None:
    turns = Turns()
    with pytest.raises(ValueError, match="inside"), turns.turn(), turns.turn():
        raise ValueError("inside")
    order: list[str] = []
    after = Visitor(turns, "after", order)
    after.start()
    assert after.inside.wait(30)
    after.leave.set()
    after.join(30)
