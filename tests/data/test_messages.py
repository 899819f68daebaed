"""Long lists of names are cut, and identities counted."""

from assignment_lib.data.layouts import few, ids_have


def test_the_first_few_names_and_how_many_more():
    assert few(["a", 2]) == "a, 2"
    assert few(range(10), limit=3) == "0, 1, 2 and 7 more"


def test_one_identity_has_and_several_have():
    assert ids_have([7]) == "id 7 has"
    assert ids_have([7, 9]) == "ids 7, 9 have"
