"""Point clouds in other formats become files that FiftyOne shows; the originals stay."""

import os
import threading

import fiftyone as fo
import laspy
import numpy as np
import pytest
from PIL import Image

import auto_labeling as al
from auto_labeling import cli
from auto_labeling.cli import verbs
from auto_labeling.threed import conversion, scenes
from tests.support.app_double import App

POINTS = np.random.default_rng(51).uniform(-80, 80, (500, 4)).astype(np.float32)


def las(path, shift=0.0, kind="las"):
    header = laspy.LasHeader(point_format=3, version="1.2")
    header.offsets, header.scales = [shift, shift, 0], [0.001] * 3
    made = laspy.LasData(header)
    made.x, made.y, made.z = (POINTS[:, i].astype(float) + shift * (i < 2) for i in range(3))
    made.intensity = np.arange(len(POINTS))
    made.write(str(path.with_suffix(f".{kind}")))
    return str(path.with_suffix(f".{kind}"))


def files_of(folder):
    return {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.iterdir() if p.is_file()}


def test_every_format_is_converted_once_and_nothing_else_changes(tmp_path):
    POINTS.tofile(tmp_path / "kitti.bin")
    np.column_stack([POINTS, POINTS[:, 0]]).astype("<f4").tofile(tmp_path / "nuscenes.pcd.bin")
    las(tmp_path / "scan")
    las(tmp_path / "packed", kind="laz")
    before = files_of(tmp_path)
    results = al.convert_point_clouds([tmp_path])
    assert [r.outcome.value for r in results] == ["converted"] * 4
    names = {"kitti.pcd", "nuscenes.pcd", "scan.pcd", "packed.pcd"}
    assert {os.path.basename(r.target) for r in results} == names
    for name in names:
        cloud = scenes.read_cloud(str(tmp_path / name))
        np.testing.assert_allclose(cloud.xyz, POINTS[:, :3], atol=1e-3)
        shades = np.arange(len(POINTS)) if name in ("scan.pcd", "packed.pcd") else POINTS[:, 3]
        np.testing.assert_allclose(cloud.intensity, shades, atol=1e-3)
    after = files_of(tmp_path)
    assert {name: after[name] for name in before} == before
    assert after.keys() == before.keys() | names, "no partial files are left"
    again = al.convert_point_clouds([tmp_path])
    assert {r.outcome.value for r in again} == {"existed"} and files_of(tmp_path) == after
    dataset = fo.Dataset()
    dataset.add_samples([fo.Sample(r.target) for r in results], progress=False)
    assert dataset.media_type == "point-cloud"
    dataset.delete()


def test_coordinates_of_a_map_keep_their_millimeters(tmp_path):
    import pypcd4

    assert conversion.convert(las(tmp_path / "map", shift=4_500_000.0))
    stored = pypcd4.PointCloud.from_path(tmp_path / "map.pcd").numpy(("x", "y", "z"))
    shifted = POINTS[:, :3].astype(float) + np.array([4.5e6, 4.5e6, 0])
    np.testing.assert_allclose(stored, shifted, atol=2e-3, rtol=0)


def test_what_cannot_be_converted_is_named_and_leaves_nothing(tmp_path):
    (tmp_path / "short.bin").write_bytes(b"123")
    np.random.default_rng(0).integers(0, 256, 16_000).astype(np.uint8).tofile(tmp_path / "any.bin")
    (tmp_path / "no.las").write_bytes(b"no LAS")
    results = {os.path.basename(r.source): r for r in al.convert_point_clouds([tmp_path])}
    assert {r.outcome.value for r in results.values()} == {"failed"}
    assert "3 bytes, which are not points" in results["short.bin"].error
    assert "does not hold points of 4 numbers" in results["any.bin"].error
    assert results["no.las"].error.startswith(f"{tmp_path}/no.las cannot be read")
    assert len(list(tmp_path.iterdir())) == 3
    for path, words in ((tmp_path / "gone", "no file or folder"), (__file__, "none of .las")):
        with pytest.raises(al.AutoLabelingError, match=words):
            al.convert_point_clouds([path])


def test_two_at_once_write_one_whole_file(tmp_path):
    path = str(tmp_path / "a.bin")
    POINTS.tofile(path)
    outcomes, start = [], threading.Barrier(4)

    def convert():
        start.wait()
        outcomes.append(conversion.convert(path))

    threads = [threading.Thread(target=convert) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False, False, False, True]
    assert len(scenes.read_points(str(tmp_path / "a.pcd"))) == len(POINTS)
    assert sorted(os.listdir(tmp_path)) == ["a.bin", "a.pcd"]


def test_the_command_asks_first(tmp_path, capsys):
    POINTS.tofile(tmp_path / "a.bin")
    assert cli.main(["convert", str(tmp_path)]) == verbs.REFUSED
    assert "pass --yes" in capsys.readouterr().err and not (tmp_path / "a.pcd").exists()
    assert cli.main(["convert", str(tmp_path), "--yes"]) == verbs.OK
    assert "1 converted" in capsys.readouterr().out and (tmp_path / "a.pcd").exists()
    (tmp_path / "b.bin").write_bytes(b"1")
    assert cli.main(["convert", str(tmp_path), "--yes"]) == verbs.RUN_FAILED
    assert "1 existed, 1 failed" in capsys.readouterr().out


@pytest.fixture
def unshown(dataset, tmp_path):
    """Groups of an image and a .bin file, which FiftyOne does not show."""
    dataset.add_group_field("group", default="lidar")
    for number in range(3):
        POINTS.tofile(tmp_path / f"{number}.bin")
        group = fo.Group()
        Image.new("RGB", (8, 8)).save(tmp_path / f"{number}.png")
        dataset.add_samples(
            [
                fo.Sample(str(tmp_path / f"{number}.bin"), group=group.element("lidar")),
                fo.Sample(str(tmp_path / f"{number}.png"), group=group.element("camera")),
            ],
            progress=False,
        )
    assert dataset.group_media_types["lidar"] == "unknown"
    return dataset


def shown_files(dataset):
    return sorted(
        os.path.basename(path) for path in dataset.select_group_slices("lidar").values("filepath")
    )


def test_the_panel_asks_and_converts_the_files_of_a_dataset(unshown, tmp_path):
    app = App(unshown)
    page = app.send("new_run")
    assert "FiftyOne does not show 3 point clouds" in page and "3D detection" not in page
    assert app.button("convert")["label"] == "Convert 3 point clouds"
    assert not list(tmp_path.glob("*.pcd")), "only after the question"
    app.send("convert_files")
    while app.state["page"] == "working":
        app.send("refresh")
    unshown.reload()
    assert unshown.group_media_types == {"lidar": "point-cloud", "camera": "image"}
    assert shown_files(unshown) == ["0.pcd", "1.pcd", "2.pcd"]
    assert {s.media_type for s in unshown.select_group_slices("lidar")} == {"point-cloud"}
    page = app.send("refresh")
    assert app.state["page"] == "configure" and "3D detection" in app.send("new_run")
    assert app.find("convert") is None and len(list(tmp_path.glob("*.bin"))) == 3


def test_one_file_that_fails_leaves_the_dataset_unchanged(unshown, tmp_path, capsys):
    whole = (tmp_path / "1.bin").read_bytes()
    (tmp_path / "1.bin").write_bytes(b"123")
    arguments = ["convert", "--dataset", unshown.name, "--yes"]
    assert cli.main(arguments) != verbs.OK
    assert "1 of 3 files cannot be converted" in capsys.readouterr().err
    unshown.reload()
    assert shown_files(unshown) == ["0.bin", "1.bin", "2.bin"]
    assert unshown.group_media_types["lidar"] == "unknown"
    (tmp_path / "1.bin").write_bytes(whole)
    assert cli.main(arguments) == verbs.OK
    unshown.reload()
    assert shown_files(unshown) == ["0.pcd", "1.pcd", "2.pcd"]


def test_a_dataset_of_such_files_alone_becomes_one_of_point_clouds(tmp_path):
    dataset = fo.Dataset()
    dataset.add_samples([fo.Sample(las(tmp_path / "scan"))], progress=False)
    assert len(al.convert_samples(dataset)) == 1 and al.convert_samples(dataset) == []
    assert dataset.media_type == "point-cloud" and dataset.first().filepath.endswith("scan.pcd")
    dataset.delete()
