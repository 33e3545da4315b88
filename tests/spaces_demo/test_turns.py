"""Steps of a request end where a later turn of the page began."""


def test_steps_pass_while_their_turn_lasts(module):
    turns = module("turns")
    page = turns.Turns()
    turn = turns.take_turn(page)
    assert list(turns.while_it_lasts(page, turn, (number for number in range(3)))) == [0, 1, 2]


def test_a_later_turn_ends_and_closes_them(module):
    turns = module("turns")
    page, closed = turns.Turns(), []

    def steps():
        try:
            yield from range(10)
        finally:
            closed.append(True)

    passed = turns.while_it_lasts(page, turns.take_turn(page), steps())
    assert next(passed) == 0 and not closed
    later = turns.take_turn(page)
    assert list(passed) == [] and closed == [True]
    assert list(turns.while_it_lasts(page, later, iter_once())) == ["answer"]


def test_a_page_on_which_no_turn_was_taken_yet(module):
    turns = module("turns")
    assert list(turns.while_it_lasts(turns.Turns(), None, iter_once())) == ["answer"]


def test_a_turn_says_whether_it_reads(module):
    turns = module("turns")
    page = turns.Turns()
    assert not page.reads
    assert turns.take_turn(page) == 1 and page.reads
    assert turns.take_turn(page, reads=False) == 2 and not page.reads


def iter_once():
    yield "answer"
