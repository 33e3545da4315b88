import pytest

from emotion_qwen.train.synthetic.group_data_set import GroupPlan, main, write_groups
from emotion_qwen.train.synthetic.records import HELD_OUT_FROM, read_records

PLAN = GroupPlan(clips=2, held_out_clips=3, scenes=("still", "cut"), frames=(8, 10), size=(48, 64))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("groups")
    write_groups(folder, PLAN)
    return folder


def test_clips_have_one_two_and_three_people_in_turn_of_one_split_each(folder):
    records = read_records(folder)
    assert [len(record["people"]) for record in records] == [1, 2, 1, 2, 3]
    people = [(record["split"], person) for record in records for person in record["people"]]
    assert all((split == "held_out") == (person["identity"] >= HELD_OUT_FROM) for split, person in people)
    assert len({person["identity"] for _, person in people}) == len(people)


def test_every_clip_lies_beside_its_record(folder):
    for record in read_records(folder):
        assert (folder / record["media"]).stat().st_size > 500
        assert 8 <= record["frames"] <= 10
        assert record["face_boxes"] in [person["face_boxes"] for person in record["people"]]


def test_the_same_plan_writes_the_same_bytes_with_more_workers(folder, tmp_path):
    write_groups(tmp_path, PLAN, workers=2)
    for path in sorted(folder.rglob("*.*")):
        assert path.read_bytes() == (tmp_path / path.relative_to(folder)).read_bytes(), path.name


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"size": (47, 48)}, "even"),
        ({"frames": (9, 9)}, "even number of frames"),
        ({"scenes": ("x",)}, "scene 'x'"),
        ({"first_identity": HELD_OUT_FROM}, "below"),
    ],
)
def test_an_impossible_plan_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        GroupPlan(**wrong)


def test_the_command_line_refuses_in_one_sentence(tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["--output", str(tmp_path), "--size", "33", "48"])
    assert "must be even" in capsys.readouterr().err
