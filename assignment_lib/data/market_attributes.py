"""Read the attributes of Market-1501, `market_attribute.mat` (Lin et al., 2019)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.io

from assignment_lib.data.attributes import ANNOTATION_COLUMNS
from assignment_lib.data.messages import few

ATTRIBUTES_FILE = "market_attribute.mat"


def find_market_attributes(places: Iterable[Path]) -> Path | None:
    """The first `market_attribute.mat` in one of the folders `places`, or in a folder its authors put it in there."""
    for place in places:
        for folder in (place, place / "attribute", place / "Market-1501_Attribute"):
            if (folder / ATTRIBUTES_FILE).is_file():
                return folder / ATTRIBUTES_FILE
    return None


def read_market_attributes(mat: str | Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`market_attribute.mat` -> annotations of the training and of the test identities.

    Two frames in annotation form: the 27 int64 columns of `ANNOTATION_COLUMNS`, index `pid` (int64). In the file the
    fields of the two parts are in different orders, so they are taken by name; its values mean what the course's mean.
    Raises `FileNotFoundError` or `ValueError` with one sentence.
    """
    mat = Path(mat)
    if not mat.is_file():
        raise FileNotFoundError(f"{mat} is missing; it comes from github.com/vana77/Market-1501_Attribute")
    try:
        content = scipy.io.loadmat(mat, squeeze_me=True, struct_as_record=False)
    except Exception as error:  # scipy raises what its parser trips over: TypeError, zlib.error, NotImplementedError
        reason = " ".join(str(error).split())
        raise ValueError(f"{mat} is not a readable MATLAB file ({reason}); remove it and download it again") from error
    parts = content.get("market_attribute")
    return _attribute_frame(parts, "train", mat), _attribute_frame(parts, "test", mat)


def _attribute_frame(parts: object, part: str, mat: Path) -> pd.DataFrame:
    fields: Any = getattr(parts, part, None)
    missing = [name for name in ("image_index", *ANNOTATION_COLUMNS) if not hasattr(fields, name)]
    if missing:
        raise ValueError(f"{mat}: market_attribute.{part} lacks {few(missing)}; remove it and download it again")
    try:
        pids = pd.Index(np.atleast_1d(fields.image_index).astype(np.int64), name="pid")
        columns = {name: np.atleast_1d(getattr(fields, name)).astype(np.int64) for name in ANNOTATION_COLUMNS}
        frame = pd.DataFrame(columns, index=pids)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{mat}: market_attribute.{part} is not one number per person ({error})") from error
    if frame.index.has_duplicates:
        raise ValueError(f"{mat}: market_attribute.{part} names a person twice; remove it and download it again")
    return frame
