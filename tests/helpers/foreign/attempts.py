"""What a worker does with a mutated file: reads it as ingest does."""

import warnings

from pcrl.config import load_recipe
from pcrl.datasets.dicom.header import DicomError, read_header
from pcrl.engine.dicom import stored_pixels
from pcrl.engine.errors import ReadError
from pcrl.engine.images.reading import read_picture
from pcrl.engine.volumes.reading.reader import read

DATA = load_recipe("cpu-2d", ["data.size=64"]).data


def attempt(task):
    """`(kind, path)`: its values and its spacing (x, y, z), or why it is refused."""
    kind, path = task
    warnings.simplefilter("ignore")
    try:
        if kind == "volume":
            scan = read(path)
            return scan.values, scan.grid.spacing[::-1]
        if kind == "slice":
            read_header(path)
            return stored_pixels(path)[1], (1.0,)
        return read_picture(path, DATA).values, (1.0,)
    except (ReadError, DicomError) as error:
        return str(error)
