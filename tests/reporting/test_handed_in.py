import re

import pytest

from assignment_lib.data.attributes import CLASSIFICATION_COLUMNS, TASKS
from assignment_lib.reporting.handed_in import read_classes, read_lists, read_truth

QUERIES, IMAGES = ["q1.jpg", "q2.jpg"], ["a.jpg", "b.jpg", "c.jpg"]
LISTS = "q1.jpg: b.jpg, a.jpg\nq2.jpg:\n"
# every class the first: 1 everywhere, but 2 for upblack and downblack
ROW = ",".join("2" if column in ("upblack", "downblack") else "1" for column in CLASSIFICATION_COLUMNS)
HEADER = ",".join(CLASSIFICATION_COLUMNS)
CLASSES = f"id,{HEADER}\n" + "".join(f"{name},{ROW}\n" for name in IMAGES)
TRUTH = f"folder,file,pid,camera,{HEADER}\nqueries,q1.jpg,7,1,{ROW}\ntest,a.jpg,7,2,{ROW}\ntest,b.jpg,0,2{',' * 29}\n"


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    "content",
    [
        LISTS,
        "\ufeff" + LISTS,
        LISTS.replace("\n", "\r\n"),
        LISTS.rstrip(),
        "\n" + LISTS.replace("\n", "\n\n"),
        " q1.jpg :b.jpg,a.jpg \nq2.jpg: \n",
    ],
    ids=["as written", "byte order mark", "Windows", "no last line end", "blank lines", "other spaces"],
)
def test_lists_in_many_editors_forms(tmp_path, content):
    path = write(tmp_path / "r.txt", content)
    assert read_lists(path, QUERIES, IMAGES) == {"q1.jpg": ["b.jpg", "a.jpg"], "q2.jpg": []}
    assert read_lists(path) == {"q1.jpg": ["b.jpg", "a.jpg"], "q2.jpg": []}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("q1.jpg b.jpg\n", "r.txt: line 1 is not 'query.jpg: a.jpg, b.jpg'; write a query, a colon, and images"),
        (LISTS.replace(", ", " "), "r.txt: line 1 is not 'query.jpg"),
        (LISTS.replace("a.jpg", "a.jpg,"), "r.txt: line 1 is not 'query.jpg"),
        (LISTS + "q1.jpg: a.jpg", "r.txt: line 3 has the query q1.jpg again, after line 1; keep one of the two"),
        (LISTS + "q3.jpg:", "r.txt: line 3 begins with q3.jpg, which is no query (one is q1.jpg); mend the name"),
        (
            "q2.jpg:",
            "r.txt: after line 1 it ends without a line for q1.jpg; add 'q1.jpg:' with its images, or with none",
        ),
        ("q2.jpg: a.jpg, b.jpg, a.jpg", "r.txt: line 1 names a.jpg twice; remove the second"),
        ("q2.jpg: test/a.jpg", "r.txt: line 1 names test/a.jpg, which is no test image (one is a.jpg)"),
        ("", "r.txt is empty; write it again"),
        (b"\xef\xbb\xbf \r\n", "r.txt is empty"),
        (b"q1.jpg: a.jpg\nq2.jpg: \xe4.jpg\n", "r.txt: line 2 is not UTF-8; save it as plain text in UTF-8"),
        (LISTS.encode("utf-16"), "r.txt: line 1 is not UTF-8"),
    ],
)
def test_a_malformed_list_gets_one_sentence(tmp_path, content, message):
    with pytest.raises(ValueError, match=re.escape(message)) as raised:
        read_lists(write(tmp_path / "r.txt", content), QUERIES, IMAGES)
    assert "\n" not in str(raised.value)


def test_what_is_no_file(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder; give the file itself"):
        read_lists(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"r\.txt is not there; check the name"):
        read_lists(tmp_path / "r.txt")


@pytest.mark.parametrize(
    "content",
    [
        CLASSES,
        "\ufeff" + CLASSES.replace("\n", "\r\n"),
        CLASSES.replace(",2,", ",2.0,").replace("a.jpg", '"a.jpg"') + "\n",
        "\n".join([CLASSES.splitlines()[i] for i in (0, 3, 1, 2)]),
        "\n".join(f"x,{line}" if i else f"number,{line}" for i, line in enumerate(CLASSES.splitlines())),
    ],
    ids=["as written", "Windows with byte order mark", "decimals and quotes", "another order", "one column more"],
)
def test_classes_in_many_programs_forms(tmp_path, content):
    table = read_classes(write(tmp_path / "c.csv", content), IMAGES)
    assert list(table.columns) == list(TASKS) and (table == 0).all(axis=None) and len(table) == 3


def test_classes_come_in_the_order_of_the_images(tmp_path):
    content = CLASSES.replace(f"b.jpg,{ROW}", f"b.jpg,3{ROW[1:]}")
    assert read_classes(write(tmp_path / "c.csv", content), ["c.jpg", "b.jpg", "a.jpg"])["age"].tolist() == [0, 2, 0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (CLASSES.replace("id,age,", "id,", 1), "c.csv: line 1 lacks the column age; its columns are to be id, age, "),
        (CLASSES.replace("age,", "age,age,", 1), "c.csv: line 1 has the column age twice"),
        (CLASSES.replace(",", ";"), "c.csv: line 1 separates its columns by semicolons or tabs; save it with commas"),
        (CLASSES.replace("b.jpg,1", "b.jpg,5"), "c.csv: line 3 has '5' in the column age; write a number from 1 to 4"),
        (CLASSES.replace("b.jpg,1", "b.jpg,"), "c.csv: line 3 has '' in the column age"),
        (CLASSES.replace("b.jpg,1,1", "b.jpg,1,yes"), "c.csv: line 3 has 'yes' in the column backpack; write 1 or 2"),
        (CLASSES.replace("b.jpg,1", "b.jpg,1.5"), "c.csv: line 3 has '1.5' in the column age"),
        (
            CLASSES.replace("c.jpg,1", "c.jpg,1,1"),
            "c.csv: line 4 has 31 values for 30 columns; write one value a column",
        ),
        (CLASSES.replace("c.jpg", "d.jpg"), "c.csv: line 4 has the id 'd.jpg', which is no test image (one is a.jpg)"),
        (
            CLASSES.replace("c.jpg", "a.jpg"),
            "c.csv: line 4 has the image a.jpg again, after line 2; keep one of the two",
        ),
        (CLASSES.rsplit("\n", 2)[0], "c.csv: after line 3 it ends without a row for c.jpg; add it"),
        (
            CLASSES.replace("2", "1", 1),
            "c.csv: line 2 has a 2 in 0 of the columns upblack to upmulticolor; write 2 in one",
        ),
        (f"id,{HEADER}\n", "c.csv: after line 1 there is no row; write a row an image"),
        (CLASSES.replace("b.jpg", '"b.jpg'), "is not CSV"),
        ("", "c.csv is empty"),
    ],
)
def test_a_malformed_table_gets_one_sentence(tmp_path, content, message):
    with pytest.raises(ValueError, match=re.escape(message)) as raised:
        read_classes(write(tmp_path / "c.csv", content), IMAGES)
    assert "\n" not in str(raised.value)


def test_truth(tmp_path):
    truth = read_truth(write(tmp_path / "t.csv", TRUTH))
    assert truth.query.to_numpy().tolist() == [["q1.jpg", 7, 1]]
    assert truth.gallery.to_numpy().tolist() == [["a.jpg", 7, 2, *[0] * 12], ["b.jpg", 0, 2, *[-1] * 12]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (TRUTH.replace("queries", "query"), "t.csv: line 2 has the folder 'query'; write test or queries"),
        (TRUTH.replace("b.jpg", "a.jpg"), "t.csv: line 4 has the image test/a.jpg again; remove it"),
        (TRUTH.replace(",0,2,", ",zero,2,"), "t.csv: line 4 has 'zero' in the column pid; write a whole number"),
        (TRUTH.replace("camera", "place"), "t.csv: line 1 lacks the column camera"),
        (TRUTH.replace("2,1", "2,7", 1), "t.csv: line 2 has '7' in the column upwhite; write 1 or 2"),
        (TRUTH.replace("queries,", "test,"), "t.csv: no line has the folder 'queries'"),
    ],
)
def test_a_malformed_truth_gets_one_sentence(tmp_path, content, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        read_truth(write(tmp_path / "t.csv", content))
