"""``auto-labeling install-plugin``: what it does to a plugins directory, and what it never does."""

import pytest

from auto_labeling import __version__
from auto_labeling.cli import main
from tests.support.paths import CHECKOUT


@pytest.fixture
def plugins(tmp_path, monkeypatch):
    """FiftyOne's plugins directory: fresh, and not there yet."""
    import fiftyone as fo

    folder = tmp_path / "plugins"
    monkeypatch.setattr(fo.config, "plugins_dir", str(folder))
    return folder


@pytest.fixture
def foreign(tmp_path):
    """A folder of the user's."""
    folder = tmp_path / "foreign"
    folder.mkdir()
    (folder / "precious").write_text("mine")
    yield folder
    assert (folder / "precious").read_text() == "mine"


def install(*arguments):
    return main(["install-plugin", *arguments])


def test_may_be_repeated(plugins, capsys):
    assert install() == 0
    assert "Installed" in capsys.readouterr().out
    assert (plugins / "auto-labeling").resolve() == CHECKOUT
    for force in ([], ["--force"]):
        assert install(*force) == 0
        assert "Already installed" in capsys.readouterr().out
    assert (plugins / "auto-labeling").resolve() == CHECKOUT


def test_finds_its_folder_under_another_name(plugins, capsys):
    plugins.mkdir()
    (plugins / "mine").symlink_to(CHECKOUT, target_is_directory=True)
    assert install() == 0
    assert "Already installed" in capsys.readouterr().out
    assert [path.name for path in plugins.iterdir()] == ["mine"]


def test_replaces_a_foreign_link_only_when_told(plugins, foreign, capsys):
    plugins.mkdir()
    link = plugins / "auto-labeling"
    link.symlink_to(foreign, target_is_directory=True)
    assert install() == 1
    assert str(foreign) in capsys.readouterr().err
    assert link.resolve() == foreign
    assert install("--force") == 0
    assert link.resolve() == CHECKOUT


def test_replaces_a_dead_link_only_when_told(plugins, tmp_path):
    plugins.mkdir()
    link = plugins / "auto-labeling"
    link.symlink_to(tmp_path / "gone", target_is_directory=True)
    assert install() == 1
    assert install("--force") == 0
    assert link.resolve() == CHECKOUT


def test_never_replaces_a_folder(plugins, capsys):
    precious = plugins / "auto-labeling" / "precious"
    precious.parent.mkdir(parents=True)
    precious.write_text("mine")
    for force in ([], ["--force"]):
        assert install(*force) == 1
        assert str(precious.parent) in capsys.readouterr().err
    assert precious.read_text() == "mine"


def test_refuses_beside_another_copy(plugins, tree, capsys):
    plugins.mkdir()
    (plugins / "theirs").symlink_to(tree, target_is_directory=True)
    assert install("--force") == 1
    assert str(plugins / "theirs") in capsys.readouterr().err
    assert not (plugins / "auto-labeling").exists()


def test_says_its_version(capsys):
    with pytest.raises(SystemExit) as done:
        main(["--version"])
    assert done.value.code == 0
    assert capsys.readouterr().out.strip() == __version__
