"""DICOM files made for the tests: slices of a series, enhanced files of many frames, radiographs."""

from types import SimpleNamespace

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    EnhancedCTImageStorage,
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    generate_uid,
)

AXIAL = (1, 0, 0, 0, 1, 0)
STEP, PIXEL = 2.0, 1.5
SHAPE = (12, 16, 20)
BRIGHT = SimpleNamespace(index=(5, 6, 13), lps=(-10 + 13 * PIXEL, -20 + 6 * PIXEL, -30 + 5 * STEP))
"""Where the one bright block is: (z, y, x) in the array, and in the patient in mm."""


def uid(*words):
    """An identifier that is the same for the same words."""
    return generate_uid(entropy_srcs=["pcrl", *map(str, words)])


def body(shape=SHAPE):
    """(z, y, x) HU: air about soft tissue with fat, and one bright block of a voxel and its neighbours."""
    values = np.full(shape, -1000, np.int16)
    values[1:-1, 2:-2, 2:-2] = -100
    values[2:-2, 4:-4, 4:-4] = 40
    z, y, x = BRIGHT.index
    values[z - 1 : z + 2, y - 1 : y + 2, x - 1 : x + 2] = 1000
    return values


def header(sop_class=CTImageStorage, modality="CT", series="series", patient="P1", **tags):
    """A data set without pixels."""
    file = Dataset()
    file.file_meta = FileMetaDataset()
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file.file_meta.MediaStorageSOPClassUID = file.SOPClassUID = sop_class
    file.file_meta.MediaStorageSOPInstanceUID = file.SOPInstanceUID = uid(series, patient, *tags.items())
    file.Modality, file.PatientID = modality, patient
    file.SeriesInstanceUID = uid("series", series)
    file.StudyInstanceUID = tags.pop("StudyInstanceUID", uid("study", series, patient))
    file.SeriesNumber = 1
    for keyword, value in tags.items():
        setattr(file, keyword, value)
    return file


def put_pixels(file, values, bits=16):
    """Stored values (y, x) or (frame, y, x) into a data set; signed if their type is."""
    file.Rows, file.Columns = values.shape[-2:]
    file.SamplesPerPixel, file.PhotometricInterpretation = (
        1,
        file.get("PhotometricInterpretation", "MONOCHROME2"),
    )
    file.BitsAllocated, file.BitsStored, file.HighBit = 16, bits, bits - 1
    file.PixelRepresentation = int(values.dtype.kind == "i")
    file.PixelData = values.astype(values.dtype.newbyteorder("<")).tobytes()
    return file


def save(file, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save_as(path, enforce_file_format=True)
    return path


def position(index):
    """LPS of the first pixel of a slice."""
    return (-10.0, -20.0, -30 + STEP * index)


def ct_slice(values, number, place, orientation=AXIAL, slope=1, intercept=-1024, **tags):
    """A slice of a CT, of values in HU."""
    file = header(InstanceNumber=number, **tags)
    if place is not None:
        file.ImagePositionPatient = [f"{mm:.4f}" for mm in place]
    file.ImageOrientationPatient = [f"{part:.6f}" for part in orientation]
    file.PixelSpacing = [str(PIXEL), str(PIXEL)]
    file.RescaleSlope, file.RescaleIntercept = str(slope), str(intercept)
    return put_pixels(file, np.rint((values - intercept) / slope).astype(np.uint16))


def series(folder, values=None, skip=(), names="{:03}.dcm", **tags):
    """A CT series in a folder, a file a slice."""
    for index, one in enumerate(body() if values is None else values):
        if index not in skip:
            save(ct_slice(one, index + 1, position(index), **tags), folder / names.format(index))
    return folder


def item(**tags):
    made = Dataset()
    for keyword, value in tags.items():
        setattr(made, keyword, value)
    return made


def group(**tags):
    return Sequence([item(**tags)])


def _diffusion(frame):
    direction = group(DiffusionGradientOrientation=[float(part) for part in frame.get("gradient", (0, 0, 0))])
    return group(DiffusionBValue=float(frame.get("b", 0)), DiffusionGradientDirectionSequence=direction)


def enhanced(path, frames, **tags):
    """An enhanced MR of many frames: of each its stored values, position, orientation, time and echo."""
    file = header(EnhancedMRImageStorage, "MR", **tags)
    file.NumberOfFrames = len(frames)
    measures = group(
        PixelSpacing=[str(PIXEL), str(PIXEL)], SliceThickness="3", SpacingBetweenSlices=str(STEP)
    )
    file.SharedFunctionalGroupsSequence = Sequence([item(PixelMeasuresSequence=measures)])
    file.PerFrameFunctionalGroupsSequence = Sequence(
        [
            item(
                PlanePositionSequence=group(ImagePositionPatient=[f"{mm:.4f}" for mm in frame["place"]]),
                PlaneOrientationSequence=group(ImageOrientationPatient=list(frame.get("orientation", AXIAL))),
                FrameContentSequence=group(TemporalPositionIndex=frame.get("time", 1), StackID=frame.get("stack", "1")),
                MRDiffusionSequence=_diffusion(frame),
                MREchoSequence=group(EffectiveEchoTime=float(frame.get("echo", 10))),
                PixelValueTransformationSequence=group(
                    RescaleSlope=str(frame.get("slope", 1)), RescaleIntercept=str(frame.get("intercept", 0))
                ),
            )
            for frame in frames
        ]
    )  # fmt: skip
    return save(put_pixels(file, np.stack([frame["values"] for frame in frames]).astype(np.uint16)), path)


def counted(path, values, per_frame=None, shared=None, **tags):
    """A CT of many frames of which only the first states where it lies; further tags and groups as they are given.

    Args:
        per_frame: of each frame, its groups as keywords of `item`.
    """
    file = header(EnhancedCTImageStorage, **({"SpacingBetweenSlices": str(STEP)} | tags))
    file.NumberOfFrames = len(values)
    if "DetectorInformationSequence" not in tags:
        file.ImagePositionPatient = [f"{mm:.4f}" for mm in position(0)]
        file.ImageOrientationPatient = [str(part) for part in AXIAL]
    file.PixelSpacing = [str(PIXEL), str(PIXEL)]
    file.RescaleSlope, file.RescaleIntercept = "1", "-1024"
    if shared is not None:
        file.SharedFunctionalGroupsSequence = group(**shared)
    if per_frame is not None:
        file.PerFrameFunctionalGroupsSequence = Sequence([item(**groups) for groups in per_frame])
    return save(put_pixels(file, (values + 1024).astype(np.uint16)), path)


def radiograph(path, values, bits=12, **tags):
    """A DX of (y, x) stored values; tags by their keywords."""
    made = header(DigitalXRayImageStorageForPresentation, "DX", **({"series": path.name} | tags))
    return save(put_pixels(made, values.astype(np.uint16), bits), path)


def without_preamble(path):
    """Write a file again as bare data elements, implicit VR, without group 2."""
    file = pydicom.dcmread(path)
    bare = Dataset()
    bare.update({element.tag: element for element in file})
    pydicom.dcmwrite(path, bare, implicit_vr=True, little_endian=True)
