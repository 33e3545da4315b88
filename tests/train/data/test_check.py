"""`emotion-qwen data check`, on data that is sound and on data that is not."""

import json

import pytest
import yaml
from PIL import Image

from emotion_qwen.inference.cli import main
from emotion_qwen.train.data.layouts import guess_reader

from .conftest import write_clip, write_picture
from .layouts import LAYOUTS

FEW = ("--samples", "3", "--no-fec")


def check(capsys, *arguments) -> tuple[int, str]:
    code = main(["data", "check", *map(str, arguments)])
    printed = capsys.readouterr()
    return code, printed.out + printed.err


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_layout_tells_the_reader(name, tmp_path):
    layout = LAYOUTS[name](tmp_path)
    path = type(tmp_path)(layout.source["path"])
    assert guess_reader(path) == layout.source["reader"]


@pytest.mark.parametrize("name", ["empty", "notes.txt"])
def test_nothing_known_is_refused(name, tmp_path, capsys):
    path = tmp_path / name
    path.write_text("words") if path.suffix else path.mkdir()
    code, printed = check(capsys, path)
    assert code == 2
    assert str(path) in printed


def test_counts_of_samples_modalities_labels_and_tokens(tmp_path, capsys):
    for number in range(3):
        write_clip(tmp_path / "happy" / f"{number}.mp4")
    write_picture(tmp_path / "sad" / "a.png")
    code, printed = check(capsys, tmp_path, *FEW)
    assert code == 0
    assert "samples     4" in printed
    assert "image 1, video 3" in printed
    assert "happy 3, sad 1" in printed
    assert "»happy<|im_end|>«" in printed
    assert "decoded     3 of 4" in printed


def test_broken_files_are_named_and_their_share_decides(tmp_path, capsys):
    write_clip(tmp_path / "clips" / "a.mp4"), write_clip(tmp_path / "clips" / "b.mp4")
    (tmp_path / "clips" / "cut.mp4").write_bytes((tmp_path / "clips" / "a.mp4").read_bytes()[:100])
    (tmp_path / "clips" / "empty.mp4").touch()
    rows = ["path,label", "clips/a.mp4,sad", "clips/b.mp4,happy", "clips/cut.mp4,sad", "clips/empty.mp4,sad"]
    (tmp_path / "labels.csv").write_text("\n".join([*rows, "clips/gone.mp4,sad", "clips/a.mp4,keen", ",sad"]))
    source = {"reader": "csv", "path": str(tmp_path / "labels.csv"), "label_set": "basic"}
    recipe = tmp_path / "recipe.yaml"
    for share, expected in ((0.8, 0), (0.1, 2)):
        recipe.write_text(yaml.safe_dump({"data": [source], "max_broken_share": share}))
        code, printed = check(capsys, recipe, "--samples", "100", "--no-fec", "--json")
        (report,) = json.loads(printed)
        assert code == expected
        assert report["samples"] == 7
        assert report["labels"] == {"happy": 1, "sad": 2}
        assert len(report["broken"]) == 5
        for part in ("cut.mp4", "empty.mp4' is an empty", "gone.mp4", "'keen' is no label", "Line 8"):
            assert any(part in reason for reason in report["broken"]), part


def test_tokens_are_those_of_training_with_faces_captured(faces, tmp_path, capsys):
    recipe = tmp_path / "recipe.yaml"
    source = {"reader": "rendered", "folder": str(faces), "samples": 4, "side": 80}
    recipe.write_text(yaml.safe_dump({"data": [source], "seed": 1}))
    lengths = []
    for options in ((), ("--no-fec",)):
        code, printed = check(capsys, recipe, "--samples", "1", "--json", *options)
        assert code == 0
        (report,) = json.loads(printed)
        assert report["samples"] == 4
        assert report["modalities"] == {"image": 4}
        lengths.append(report["tokens"][0])
    assert lengths[0] > lengths[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [("seed: 1", "has no list `data`"), ("data: [{reader: dfeww, path: x}]", "Did you mean 'dfew'"), ("- 1", "hold")],
)
def test_a_recipe_that_can_not_be_read_is_one_sentence(text, message, tmp_path, capsys):
    (tmp_path / "recipe.yaml").write_text(text)
    code, printed = check(capsys, tmp_path / "recipe.yaml")
    assert code == 2
    assert message in printed
    assert len(printed.strip().splitlines()) == 1


@pytest.mark.parametrize("checkpoint", ["outputs/stage9", "outputs/nano/stage9", "/nowhere/stage9"])
def test_without_the_recipes_checkpoint_everything_but_the_tokens_is_told(checkpoint, tmp_path, capsys, caplog):
    write_clip(tmp_path / "clips" / "happy" / "a.mp4"), write_clip(tmp_path / "clips" / "sad" / "a.mp4")
    data = [{"reader": "folder_per_label", "path": str(tmp_path / "clips")}]
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump({"data": data, "model_name_or_path": checkpoint}))
    code, printed = check(capsys, tmp_path / "recipe.yaml")
    assert code == 0
    assert "samples     2" in printed
    assert "decoded     0 of 2" in printed
    assert "tokens" not in printed
    assert checkpoint in caplog.text


def test_a_source_that_is_not_there_does_not_hide_the_others(tmp_path, capsys):
    write_clip(tmp_path / "clips" / "happy" / "a.mp4"), write_clip(tmp_path / "clips" / "sad" / "a.mp4")
    data = [{"reader": "dfew", "path": "gone"}, {"reader": "folder_per_label", "path": str(tmp_path / "clips")}]
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump({"data": data, "max_broken_share": 0.5}))
    code, printed = check(capsys, tmp_path / "recipe.yaml", *FEW)
    assert code == 2
    assert "There is no table with the columns video_name,label at 'gone" in printed
    assert "happy 1, sad 1" in printed
    assert printed.strip().endswith("As it is, nothing can be learnt from dfew gone.")


def test_a_picture_that_is_cut_off_is_found_where_it_is_decoded(tmp_path, capsys):
    path = tmp_path / "sad" / "cut.png"
    write_picture(tmp_path / "happy" / "a.png"), path.parent.mkdir()
    Image.effect_noise((64, 64), 50).save(path)
    path.write_bytes(path.read_bytes()[:500])
    code, printed = check(capsys, tmp_path, "--samples", "2", "--no-fec")
    assert code == 2
    assert "cut.png" in printed


def test_held_out_data_is_looked_at_too_and_asked_with_the_labels_of_training(tmp_path, capsys):
    for label in ("bored", "keen"):
        write_picture(tmp_path / "train" / label / "a.png")
    write_picture(tmp_path / "test" / "keen" / "b.png")
    data, eval_data = ([{"reader": "folder_per_label", "path": str(tmp_path / name)}] for name in ("train", "test"))
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump({"data": data, "eval_data": eval_data}))
    code, printed = check(capsys, recipe, *FEW)
    assert code == 0
    held_out = printed.partition("test (held out)")[2]
    assert "one word: bored or keen." in held_out and "labels      keen 1" in held_out
    (tmp_path / "test" / "keen" / "b.png").write_bytes(b"")
    assert check(capsys, recipe, *FEW)[0] == 2


@pytest.mark.parametrize(
    ("stated", "message"), [({"weight": 1}, "streaming needs a label_set"), ({"label_set": "basic"}, "needs a weight")]
)
def test_what_streaming_would_refuse_is_told(stated, message, tmp_path, capsys):
    write_picture(tmp_path / "happy" / "a.png"), write_picture(tmp_path / "sad" / "a.png")
    source = {"reader": "folder_per_label", "path": str(tmp_path), **stated}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump({"data": [source, source], "streaming": True}))
    code, printed = check(capsys, tmp_path / "recipe.yaml", *FEW)
    assert code == 2
    assert message in printed


def test_a_model_that_is_not_there_is_one_sentence(tmp_path, capsys):
    write_picture(tmp_path / "happy" / "a.png"), write_picture(tmp_path / "sad" / "a.png")
    code, printed = check(capsys, tmp_path, "--model", "/nowhere")
    assert code == 2
    assert "There is no checkpoint folder '/nowhere'." in printed
