"""Faces that were captured earlier, looked up by a picture's or clip's content."""

import os
from pathlib import Path

from ..face_capture import FaceCapture
from ..media_kind import MediaKind
from ..processing_emotion_qwen import EmotionQwenProcessor
from .capture_files import JOURNAL, ROW_GROUP_SIZE, TABLE, has_rows, import_parquet, read_contents, read_journal
from .capture_recipe import KINDS, CaptureRecipe
from .content_hash import content_hash
from .media_capturer import CaptureRow, Media, file_content

RECIPE_FILE = "recipe.json"


class FaceCaptureStore:
    """What `emotion-qwen faces` wrote, for the processor, training and inference.

    Only the hashes are held in memory; a row is read when it is asked for. A file is hashed again only once it has
    changed. The store may be pickled, forked and used from several threads.

    Args:
        folder: The command's `--output`.
        processor: The processor that is to use the faces; results of other settings are refused. Without it the
            folder must hold the results of one recipe only for each kind of media.

    Raises:
        FileNotFoundError: If there is no such folder, or nothing is stored in it.
        ValueError: If what is stored was captured with other settings, or with several and there is no processor.
        ImportError: If pyarrow is not installed.
    """

    def __init__(self, folder: str | os.PathLike[str], processor: EmotionQwenProcessor | None = None) -> None:
        self.folder = Path(folder)
        recipes = [
            CaptureRecipe.read(path) for path in sorted(self.folder.glob(f"*/{RECIPE_FILE}")) if has_rows(path.parent)
        ]
        if not recipes:
            raise FileNotFoundError(f"There are no stored faces in '{self.folder}'.")
        import_parquet()
        self._places: dict[tuple[MediaKind, str], tuple[Path, int]] = {}
        self._unpacked: dict[tuple[MediaKind, str], CaptureRow] = {}
        self._hashes: dict[tuple[str, int, int], str] = {}
        for kind in KINDS:
            of_kind = [recipe for recipe in recipes if recipe.kind == kind]
            if of_kind:
                wanted = None if processor is None else CaptureRecipe.of(processor.visual_processor(kind))
                self._index(kind, self.folder / self._choose(of_kind, wanted).name)

    def __len__(self) -> int:
        return len(self._places.keys() | self._unpacked.keys())

    def get(self, media: Media, kind: MediaKind | None = None) -> FaceCapture | None:
        """Return the faces of a picture or clip, or None if they are not stored.

        Args:
            media: A path, bytes, or a record `{"bytes", "path"}`.
            kind: Whether it is used as an "image" or a "video"; either if left out.

        Raises:
            MediaError: If the file can't be read.
        """
        content = self._hash(file_content(media))
        for key in [(kind, content)] if kind else [(kind, content) for kind in KINDS]:
            if key in self._unpacked:
                return self._unpacked[key].face_capture()
            if key in self._places:
                return self._read(*self._places[key]).face_capture()
        return None

    def _choose(self, recipes: list[CaptureRecipe], wanted: CaptureRecipe | None) -> CaptureRecipe:
        fitting = recipes if wanted is None else [recipe for recipe in recipes if recipe.fits(wanted)]
        if not fitting:
            raise ValueError(
                f"The faces of {wanted.kind}s in '{self.folder}' were captured with other settings than the "
                f"processor's: {min((recipe.differences(wanted) for recipe in recipes), key=len)}. "
                "Run `emotion-qwen faces` again with the processor's settings."
            )
        if len(fitting) > 1:
            raise ValueError(
                f"'{self.folder}' holds faces of {recipes[0].kind}s captured with {len(fitting)} different "
                "settings: name the processor that is to use them, with the weights that its faces are captured with."
            )
        return fitting[0]

    def _index(self, kind: MediaKind, folder: Path) -> None:
        # Journals first: their rows may move to a parquet file meanwhile.
        for path in sorted(folder.glob(f"*{JOURNAL}")):
            self._unpacked.update({(kind, row.content): row for row in read_journal(path)})
        for path in sorted(folder.glob(f"*{TABLE}")):
            contents = read_contents(path)
            self._places.update({(kind, content): (path, number) for number, content in enumerate(contents)})

    def _hash(self, media: str | bytes) -> str:
        if isinstance(media, bytes) or not os.path.isfile(media):
            return content_hash(media)
        state = os.stat(media)
        key = (os.path.abspath(media), state.st_size, state.st_mtime_ns)
        if key not in self._hashes:
            self._hashes[key] = content_hash(media)
        return self._hashes[key]

    def _read(self, path: Path, number: int) -> CaptureRow:
        # Opened anew each time (a millisecond): an open file would not survive a fork or a pickle.
        with import_parquet().ParquetFile(path, memory_map=True) as file:
            group = file.read_row_group(number // ROW_GROUP_SIZE, use_threads=False)
        return CaptureRow(**group.slice(number % ROW_GROUP_SIZE, 1).to_pylist()[0])
