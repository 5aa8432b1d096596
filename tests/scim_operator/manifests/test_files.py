import os
from pathlib import Path

import pytest

from scim_operator.manifests import UnreadableFile, read_files


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"name: {name}\n")


def names(folder: Path, *paths: Path) -> list[str]:
    return [str(Path(file.name).relative_to(folder)) for file in read_files(paths or [folder])]


def test_manifests_of_a_folder_are_read_in_order(tmp_path: Path) -> None:
    write(tmp_path, "b.yaml", "a.yml", "sub/c.yaml", "readme.md", "d.json")

    assert names(tmp_path) == ["a.yml", "b.yaml", "d.json", "sub/c.yaml"]
    assert [file.text for file in read_files([tmp_path / "b.yaml"])] == ["name: b.yaml\n"]


def test_hidden_names_are_left_out_so_that_a_mounted_config_map_is_read_once(tmp_path: Path) -> None:
    write(tmp_path, "..2026_11/a.yaml", ".hidden.yaml")
    (tmp_path / "..data").symlink_to("..2026_11")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")

    assert names(tmp_path) == ["a.yaml"]


def test_a_file_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", "b.yaml")

    assert names(tmp_path, tmp_path / "b.yaml", tmp_path) == ["b.yaml", "a.yaml"]


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="nowhere: no such file or folder"):
        read_files([tmp_path / "nowhere"])


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"kind: x\nname: \xe9\n")
    (tmp_path / "b.yaml").write_text("kind: x\n")

    first, second = read_files([tmp_path])

    assert first.problem == (2, "UTF-8 is expected")
    assert second.text


def test_a_byte_order_mark_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfa: 1\n")

    assert read_files([tmp_path])[0].text == "a: 1\n"


def test_what_is_neither_a_file_nor_a_folder_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")

    with pytest.raises(UnreadableFile, match=r"pipe\.yaml: neither a file nor a folder"):
        read_files([tmp_path / "pipe.yaml"])
    assert read_files([tmp_path]) == []  # nor would it ever end


@pytest.mark.skipif(not Path("/proc/kmsg").exists(), reason="only Linux has it")
def test_a_file_of_the_system_that_never_ends_is_not_waited_for(tmp_path: Path) -> None:
    """Either it may not be opened, or nothing is there to be read, or what is there isn't endless."""
    (tmp_path / "endless.yaml").symlink_to("/proc/kmsg")

    try:
        [file] = read_files([tmp_path])
    except UnreadableFile as error:
        assert "endless.yaml: " in str(error)  # noqa: PT017 - either outcome is right
    else:
        assert file.name.endswith("endless.yaml")


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    write(tmp_path, "sub/a.yaml")
    (tmp_path / "sub" / "again").symlink_to(tmp_path)
    (tmp_path / "sub" / "b.yaml").symlink_to("c.yaml")
    (tmp_path / "sub" / "c.yaml").symlink_to("b.yaml")

    assert names(tmp_path) == ["sub/a.yaml"]


def test_too_large_a_file_is_named(tmp_path: Path) -> None:
    with (tmp_path / "large.yaml").open("wb") as file:
        file.truncate((16 << 20) + 1)

    with pytest.raises(UnreadableFile, match=r"large\.yaml: larger than 16777216 bytes"):
        read_files([tmp_path])
