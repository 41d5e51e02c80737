"""Points of real files: as their libraries wrote them, and where the App draws them."""

import json

import fiftyone as fo
import numpy as np
import pypcd4
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from auto_labeling.core.errors import AutoLabelingError, FailureReason
from auto_labeling.threed import scenes

POINTS = np.random.default_rng(51).uniform(-50, 50, (200, 3)).astype(np.float32)
ENCODINGS = ("ascii", "binary", "binary_compressed")


def pcd(path, points=POINTS, encoding="binary", intensity=None):
    cloud = pypcd4.PointCloud.from_xyz_points(points)
    if intensity is not None:
        cloud = pypcd4.PointCloud.from_xyzi_points(np.column_stack([points, intensity]))
    cloud.save(path, pypcd4.Encoding(encoding))
    return str(path)


def ply(path, points=POINTS, encoding="binary", normals=False):
    mesh = trimesh.PointCloud(points)
    if normals:
        mesh = trimesh.Trimesh(points, [[i, i + 1, i + 2] for i in range(len(points) - 2)])
    options = {"vertex_normal": True} if normals else {}
    path.write_bytes(trimesh.exchange.ply.export_ply(mesh, encoding=encoding, **options))
    return str(path)


def scene(path, *nodes):
    made = fo.Scene()
    made.add(*nodes)
    made.write(str(path))
    return str(path)


def refused(path):
    with pytest.raises(AutoLabelingError) as refusal:
        scenes.read_points(str(path))
    assert refusal.value.reason is FailureReason.POINTS_UNREADABLE
    return str(refusal.value)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_point_cloud_is_read_as_it_was_written(tmp_path, encoding):
    shades = np.linspace(0, 1, len(POINTS), dtype=np.float32)
    path = pcd(tmp_path / "a.pcd", encoding=encoding, intensity=shades)
    cloud = scenes.read_cloud(path)
    assert cloud.xyz.dtype == np.float32 and cloud.xyz.flags.c_contiguous
    np.testing.assert_allclose(cloud.xyz, POINTS, rtol=1e-6)
    np.testing.assert_allclose(cloud.intensity, shades, rtol=1e-6)
    assert scenes.read_cloud(pcd(tmp_path / "b.pcd", encoding=encoding)).intensity is None


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_points_that_are_not_finite_are_left_out_and_an_empty_cloud_is_empty(tmp_path, encoding):
    points = POINTS.copy()
    points[::4] = np.nan
    points[1, 2] = np.inf
    read = scenes.read_points(pcd(tmp_path / "a.pcd", points, encoding))
    np.testing.assert_allclose(read, points[np.isfinite(points).all(axis=1)], rtol=1e-6)
    empty = scenes.read_points(pcd(tmp_path / "b.pcd", POINTS[:0], encoding))
    assert empty.shape == (0, 3)


def test_text_that_others_write_is_read(tmp_path):
    """Comments, two spaces, values that are no numbers, and a field of several values."""
    (tmp_path / "a.pcd").write_text(
        "# .PCD v0.7\nVERSION 0.7\nFIELDS shot x y z\nSIZE 4 4 4 4\nTYPE F F F F\nCOUNT 2 1 1 1\n"
        "WIDTH 3\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS 3\nDATA ascii\n"
        "9 9 1 2  3\n9 9 ? 5 6\n9 9 7 8 9\n"
    )
    assert scenes.read_points(str(tmp_path / "a.pcd")).tolist() == [[1, 2, 3], [7, 8, 9]]


@pytest.mark.parametrize("encoding", ("ascii", "binary"))
def test_a_scene_is_read_where_the_app_draws_it(tmp_path, encoding):
    """A node below a node: each one's scale, rotation and position are applied, inmost first."""
    pcd(tmp_path / "points.pcd")
    ply(tmp_path / "points.ply", encoding=encoding)
    turn = Rotation.from_euler("xyz", [0.3, -0.2, 1.1])
    outer = fo.PointCloud("outer", "points.pcd", position=[10, 0, -2], scale=[1, 2, 3])
    outer.quaternion = fo.Quaternion(*turn.as_quat())
    inner = fo.PlyMesh("inner", str(tmp_path / "points.ply"), is_point_cloud=True)
    inner.center_geometry, inner.position = False, [0, 5, 0]
    hidden = fo.PointCloud("hidden", "no such file.pcd", visible=False)
    outer.add(inner)
    read = scenes.read_points(scene(tmp_path / "a.fo3d", outer, hidden))
    assert read.dtype == np.float32

    def of_outer(points):
        return turn.apply(points * [1, 2, 3]) + np.array([10, 0, -2])

    expected = np.concatenate([of_outer(POINTS), of_outer(POINTS + np.array([0, 5, 0]))])
    np.testing.assert_allclose(read, expected, atol=1e-4)


def test_a_centered_node_is_read_where_the_app_draws_it(tmp_path):
    pcd(tmp_path / "points.pcd", POINTS + 100)
    ply(tmp_path / "points.ply", POINTS + 100)
    ply(tmp_path / "mesh.ply", POINTS + 100, normals=True)
    middle = ((POINTS + 100).min(axis=0) + (POINTS + 100).max(axis=0)) / 2
    centered = fo.PointCloud("pcd", "points.pcd", center_geometry=True)
    for node, shift in (
        (centered, middle),
        (fo.PlyMesh("ply", "points.ply"), middle),  # its default
        (fo.PlyMesh("normals", "mesh.ply"), 0),  # the App centers files without normals only
        (fo.PointCloud("plain", "points.pcd"), 0),
    ):
        read = scenes.read_points(scene(tmp_path / f"{node.name}.fo3d", node))
        np.testing.assert_allclose(read, POINTS + 100 - shift, atol=1e-3)


def test_the_intensity_of_one_file_of_two_is_kept(tmp_path):
    shades = np.ones(len(POINTS), np.float32)
    pcd(tmp_path / "with.pcd", intensity=shades)
    pcd(tmp_path / "without.pcd")
    nodes = [fo.PointCloud(name, f"{name}.pcd") for name in ("with", "without")]
    cloud = scenes.read_cloud(scene(tmp_path / "a.fo3d", *nodes))
    assert np.isnan(cloud.intensity[len(POINTS) :]).all()
    assert (cloud.intensity[: len(POINTS)] == 1).all() and len(cloud.xyz) == 2 * len(POINTS)


def test_what_is_broken_is_named(tmp_path):
    assert refused(tmp_path / "gone.pcd") == f"There is no file {tmp_path / 'gone.pcd'}"
    assert "neither a point cloud" in refused(tmp_path / "a.las")
    for encoding in ENCODINGS:
        path = tmp_path / f"{encoding}.pcd"
        pcd(path, encoding=encoding)
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        assert any(words in refused(path) for words in ("cut off", "ends early")), encoding
        path.write_bytes(whole.replace(b"POINTS 200", b"POINTS many"))
        assert "header" in refused(path) and "is broken" in refused(path)
        path.write_bytes(whole.replace(b"FIELDS x y z", b"FIELDS x y h"))
        assert "has no field 'z'" in refused(path)
        path.write_bytes(whole.replace(b"DATA", b"DATE"))
        assert "not a PCD file" in refused(path)
    (tmp_path / "picture.pcd").write_bytes(bytes(range(256)) * 50)
    assert "not a PCD file" in refused(tmp_path / "picture.pcd")


def test_what_is_broken_in_a_scene_is_named(tmp_path):
    missing = scene(tmp_path / "a.fo3d", fo.PointCloud("lidar", "sub/gone.pcd"))
    assert "names the file sub/gone.pcd in its node 'lidar'" in refused(missing)
    assert "has no visible point cloud" in refused(scene(tmp_path / "empty.fo3d"))
    boxes = scene(tmp_path / "boxes.fo3d", fo.BoxGeometry("box", 1, 2, 3))
    assert refused(boxes).endswith("it holds BoxGeometry")
    (tmp_path / "text.fo3d").write_text("not JSON")
    assert "is not a scene that FiftyOne can read" in refused(tmp_path / "text.fo3d")
    (tmp_path / "list.fo3d").write_text("[1]")
    assert "is not a scene" in refused(tmp_path / "list.fo3d")
    whole = json.loads((tmp_path / "a.fo3d").read_text())
    whole["children"][0]["position"] = "here"
    (tmp_path / "b.fo3d").write_text(json.dumps(whole))
    assert "is not a scene" in refused(tmp_path / "b.fo3d")


@pytest.mark.parametrize("encoding", ("ascii", "binary"))
def test_what_is_broken_in_a_ply_file_is_named(tmp_path, encoding):
    path = tmp_path / "a.ply"
    ply(path, encoding=encoding)
    shown = scene(tmp_path / "a.fo3d", fo.PlyMesh("ply", "a.ply"))
    whole = path.read_bytes()
    for broken, words in (
        (whole[: len(whole) // 2], "ends early"),
        (whole.replace(b"element vertex 200", b"element vertex x"), "is broken"),
        (whole.replace(b"format", b"fromat"), "names no format"),
        (whole.replace(b"vertex", b"vortex"), "has no vertices"),
        (whole.replace(b"float x", b"float u"), "have no 'x'"),
        (whole.replace(b"end_header", b"and_header"), "does not end"),
        (b"solid", "does not begin with 'ply'"),
    ):
        path.write_bytes(broken)
        assert words in refused(shown), words
    path.write_bytes(whole)
    assert len(scenes.read_points(shown)) == len(POINTS)
