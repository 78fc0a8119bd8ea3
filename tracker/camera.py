"""Camera motion: how the image moved since the last frame, estimated or read, and trackers that move with it.

A camera is any callable (image, boxes (N, 4) xyxy or None) -> (2, 3): the affine matrix that maps points of the last
image to this one, the identity where nothing moved. ``Compensated`` gives any tracker such a camera: before each update
it warps every track. Prediction is linear, so warping before it and after it give the same means.

Shifts and uniform scales change mean and covariance of a state exactly. A rotation moves the means exactly, but the
split filter holds no covariance between x and y and drops it (``tracker.motion``). Boxes stay upright and keep their
aspect ratio.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import FloatArray, Image
from tracker.boxes import affine_scale
from tracker.detections import Detections, Invalid, as_detections
from tracker.protocol import Remembers, Warps
from tracker.settings import settings_of
from tracker.tracks import Tracks

METHODS = ("flow", "orb", "ecc")
OWN_CAMERA = ("auto", "pairs", "off")  # the tracker itself sees to it, or nobody
PAIRS_SETTING = "camera_from_pairs"
BESIDE = "gmc"  # the option, and the folder of a sequence that holds its camera file
STILL: FloatArray = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
STILL.flags.writeable = False

# An estimate from fewer points, or on which a smaller share of them agree, is rejected.
LEAST_POINTS = 10
LEAST_AGREEING = 0.4
LEAST_CORRELATION = 0.6  # of ECC
LARGEST_SCALE = 1.5  # between two frames
# A file is trusted further, but not with what no camera does: a mirrored or flattened image, a shift past any image.
LARGEST_SCALE_OF_FILE, LARGEST_SHIFT_OF_FILE = 10.0, 1e6


@runtime_checkable
class Indexed(Protocol):
    """A camera that must know which frame it is called for."""

    def at(self, index: int) -> None:
        """The place of the next frame among all of the video, from 0."""
        ...


class CameraFile:
    """Camera motion from a text file: lines ``frame a11 a12 tx a21 a22 ty``, frames from 0, one for each.

    path    the file; fields separated by blanks, tabs or commas. A matrix in pixels of the full image for each frame
    frames  number of frames that the file must have, or None
    offset  frame of the file at which the video starts

    Each call gives the motion since the last call; ``at`` names its frame where frames were lost, else it is the next.

    Raises ValueError, with file and line, for a line that is not seven finite numbers, a matrix that no camera gives
    (mirrored, flat, a scale beyond 10), frames that are not 0, 1, 2, ..., or another number of frames; and for a call
    beyond the end of the file.
    """

    def __init__(self, path: str | Path, *, frames: int | None = None, offset: int = 0) -> None:
        self.path = Path(path)
        try:
            text = self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"{path}: camera motion cannot be read ({error}); give a text file") from None
        rows: list[list[float]] = []
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.strip():
                continue
            try:
                row = [float(field) for field in line.replace(",", " ").split()]
            except ValueError:
                row = []
            if len(row) != 7 or not np.isfinite(row).all():
                raise ValueError(f"{path}:{number}: expected frame a11 a12 tx a21 a22 ty, seven finite numbers")
            if row[0] != len(rows):
                raise ValueError(
                    f"{path}:{number}: frame {row[0]:g}, expected {len(rows)}; give one line for each frame, from 0"
                )
            if rows and not _is_motion(np.array(row[1:]).reshape(2, 3)):  # the first frame has nothing before it
                raise ValueError(
                    f"{path}:{number}: not a camera's motion: it mirrors, flattens or throws the image; "
                    "expected frame a11 a12 tx a21 a22 ty, with 1 0 0 0 1 0 for a still camera"
                )
            rows.append(row)
        self.matrices: FloatArray = np.array(rows).reshape(-1, 7)[:, 1:].reshape(-1, 2, 3)
        if frames is not None and len(rows) != frames:
            raise ValueError(f"{path}: camera motion of {len(rows)} frames for a video of {frames}; is it another's?")
        self.offset = offset
        self.reset()

    def reset(self) -> None:
        """Start again at the first frame."""
        self.frame = self.offset  # of the next call
        self._last: int | None = None  # frame of the last call

    @property
    def state(self) -> tuple[int, int | None]:
        """The frame of the next call and that of the last one."""
        return self.frame, self._last

    @state.setter
    def state(self, state: tuple[int, int | None]) -> None:
        self.frame, self._last = state

    def at(self, index: int) -> None:
        """Say which frame the next call is for, from 0; frames that were lost lie before it. Later ones follow it."""
        self.frame = max(self.offset + index, -1 if self._last is None else self._last + 1)

    def __call__(self, image: Image | None = None, boxes: FloatArray | None = None) -> FloatArray:
        """The matrix (2, 3) from the frame of the last call to the next frame, or to the one that ``at`` named."""
        if not 0 <= self.frame < len(self.matrices):
            raise ValueError(
                f"{self.path}: camera motion ends after {len(self.matrices)} frames; is it another video's?"
            )
        last, self._last = self._last, self.frame
        self.frame += 1
        # The first frame has nothing before it.
        return STILL if last is None else _composed(self.matrices[last + 1 : self.frame])


def _composed(matrices: FloatArray) -> FloatArray:
    """The map (2, 3) of K >= 1 maps (K, 2, 3) one after the other."""
    whole: FloatArray = matrices[0]
    for matrix in matrices[1:]:
        whole = np.column_stack((matrix[:, :2] @ whole[:, :2], matrix[:, :2] @ whole[:, 2] + matrix[:, 2]))
    return whole


def _is_motion(matrix: FloatArray) -> bool:
    """Whether a camera can move so: the scale (square root of the determinant) and the shift are possible."""
    if not np.abs(matrix).max() <= LARGEST_SHIFT_OF_FILE:
        return False
    determinant = matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0]
    return bool(LARGEST_SCALE_OF_FILE**-2 <= determinant <= LARGEST_SCALE_OF_FILE**2)


class CameraSaved:
    """Camera motion that was kept with detections; ``at`` must name the frame of each call.

    motions   (2, 3) from the frame before, by the place of the frame among all of the video, from 0
    failures  in how many frames it was not found, where that is known
    followed  in how many frames it was looked for, where that is known
    """

    def __init__(self, motions: Mapping[int, FloatArray], failures: int = 0, followed: int | None = None) -> None:
        self.motions = motions
        self.failures = failures
        self.followed = followed
        self.state: int | None = None  # place of the next call

    def at(self, index: int) -> None:
        """Say which frame the next call is for, from 0."""
        self.state = index

    def __call__(self, image: Image | None = None, boxes: FloatArray | None = None) -> FloatArray:
        """The matrix (2, 3) of the frame that ``at`` named; still where none was kept."""
        return STILL if self.state is None else self.motions.get(self.state, STILL)


class CameraEstimate:
    """Camera motion estimated from the images; give each image once, in order.

    method     "flow": corners followed by sparse optical flow; "orb": ORB features matched; "ecc": the alignment of the
               whole image with the largest enhanced correlation coefficient (Evangelidis 2008), the slowest
    longest    longest side, in pixels, of the image it works on
    quiet      whether the first frame in which nothing is found warns not

    Boxes given with an image are masked out, since objects move by themselves; the largest ones only as long as half of
    the image is left. Where too little agrees (a scene cut, darkness, a blank wall) the camera counts as still;
    ``failures`` counts these frames and the first one warns. One affine map fits a camera that turns, shakes or zooms;
    from a car, near things move more than far ones, and the map is that of most of the image.

    Raises ValueError for an unknown method, or an image that is not (H, W) or (H, W, 3) uint8.
    """

    def __init__(self, method: str = "flow", *, longest: int = 480, quiet: bool = False) -> None:
        if method not in METHODS:
            raise ValueError(f"camera motion {method!r} is unknown; use {', '.join(METHODS)} or a file")
        if not longest >= 32:
            raise ValueError(f"longest={longest!r}: give 32 pixels or more")
        self.method = method
        self.quiet = quiet
        self.longest = int(longest)
        self.reset()

    def reset(self) -> None:
        """Forget the last image."""
        self.last: tuple[Image, Image] | None = None  # grey image and mask
        self.failures = 0

    @property
    def state(self) -> tuple[tuple[Image, Image] | None, int]:
        """The last image with its mask, and the failures."""
        return self.last, self.failures

    @state.setter
    def state(self, state: tuple[tuple[Image, Image] | None, int]) -> None:
        self.last, self.failures = state

    def __call__(self, image: Image | None, boxes: FloatArray | None = None) -> FloatArray:
        """The matrix (2, 3), in pixels of the full image, from the image of the last call to this one."""
        grey, mask, scale = self._prepare(image, boxes)
        last, self.last = self.last, (grey, mask)
        if last is None or last[0].shape != grey.shape:
            return STILL
        matrix = {"flow": _flow, "orb": _orb, "ecc": _ecc}[self.method](*last, grey, mask)
        if matrix is None or not 1 / LARGEST_SCALE < affine_scale(matrix) < LARGEST_SCALE:
            self.failures += 1
            if self.failures == 1 and not self.quiet:
                warnings.warn(
                    "camera motion not found (a scene cut?): taken as still here and wherever it is not found",
                    stacklevel=2,
                )
            return STILL
        # Pixel centres: x of the small image is scale * (x + 1/2) - 1/2 of the large one.
        linear = matrix[:, :2]
        half = np.array([0.5, 0.5])
        shift = (linear @ (scale * half - half) + matrix[:, 2] + half) / scale - half
        return np.column_stack((linear, shift))

    def _prepare(self, image: Image | None, boxes: FloatArray | None) -> tuple[Image, Image, float]:
        cv2 = cv2_module()
        if image is None:
            raise ValueError(
                f"camera motion by {self.method} needs an image for each frame, and there is none; "
                "give a file of its motion, or none (off)"
            )
        image = np.asarray(image)
        if image.dtype != np.uint8 or image.ndim not in (2, 3) or 0 in image.shape:
            raise ValueError(f"camera motion needs an image (H, W, 3) uint8, not {image.dtype} {image.shape}")
        grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        scale = min(1.0, self.longest / max(grey.shape))
        if scale < 1.0:
            size = (max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale)))
            grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        return grey, _outside(np.empty((0, 4)) if boxes is None else boxes * scale, grey.shape), scale


def cv2_module() -> Any:
    """OpenCV."""
    import cv2  # late: it is slow to load, and only estimates need it

    return cv2


def _outside(boxes: FloatArray, shape: tuple[int, int]) -> Image:
    """(H, W) 255 outside the boxes (N, 4), 0 inside; at least half of the image stays.

    A false detection as large as the image would leave nothing to estimate from, so the smallest boxes come first. What
    moves in the others is a minority, which the estimates outvote.
    """
    mask = np.full(shape, 255, dtype=np.uint8)
    corners = np.clip(boxes, 0, [shape[1], shape[0]] * 2)
    corners[:, 2:] = np.ceil(corners[:, 2:])
    areas = np.prod(corners[:, 2:] - corners[:, :2], axis=1)
    for left, top, right, bottom in corners[np.argsort(areas, kind="stable")].astype(int).tolist():
        inside = mask[top:bottom, left:right]
        before = inside.copy()
        inside[:] = 0
        if 2 * np.count_nonzero(mask) < mask.size:
            inside[:] = before
            break
    return mask


def _affine(old: NDArray[np.float32], new: NDArray[np.float32]) -> FloatArray | None:
    """Shift, turn and scale (2, 3) that most of the points (K, 2) agree on, or None."""
    cv2 = cv2_module()
    if len(old) < LEAST_POINTS:
        return None
    matrix, agreeing = cv2.estimateAffinePartial2D(old, new, method=cv2.RANSAC, ransacReprojThreshold=1.5)
    if matrix is None or np.count_nonzero(agreeing) < max(LEAST_POINTS, LEAST_AGREEING * len(old)):
        return None
    return np.asarray(matrix, dtype=np.float64)


def _flow(last: Image, last_mask: Image, grey: Image, mask: Image) -> FloatArray | None:
    cv2 = cv2_module()
    corners = cv2.goodFeaturesToTrack(last, 500, 0.01, 5, mask=last_mask)
    if corners is None:
        return None
    moved, found, _ = cv2.calcOpticalFlowPyrLK(last, grey, corners, None)
    # There and back: a corner that does not return to its place was not followed.
    back, returned, _ = cv2.calcOpticalFlowPyrLK(grey, last, moved, None)
    good = (found.ravel() == 1) & (returned.ravel() == 1) & (np.abs(back - corners).max(axis=(1, 2)) < 0.5)
    return _affine(corners[good, 0], moved[good, 0])


def _orb(last: Image, last_mask: Image, grey: Image, mask: Image) -> FloatArray | None:
    cv2 = cv2_module()
    orb = cv2.ORB_create(1000, fastThreshold=10)
    old, old_features = orb.detectAndCompute(last, last_mask)
    new, new_features = orb.detectAndCompute(grey, mask)
    if old_features is None or new_features is None:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(old_features, new_features)
    pairs = [pair for pair in pairs if pair.distance < 50]
    a = np.array([old[pair.queryIdx].pt for pair in pairs], dtype=np.float32)
    b = np.array([new[pair.trainIdx].pt for pair in pairs], dtype=np.float32)
    return _affine(a, b)


def _ecc(last: Image, last_mask: Image, grey: Image, mask: Image) -> FloatArray | None:
    cv2 = cv2_module()
    # ECC only climbs, so it starts from the shift of the largest phase correlation.
    shift, _ = cv2.phaseCorrelate(last.astype(np.float32), grey.astype(np.float32))
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], dtype=np.float32)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 100, 1e-5)
    try:
        likeness, matrix = cv2.findTransformECC(last, grey, matrix, cv2.MOTION_AFFINE, stop, mask, 5)
    except cv2.error:  # it does not converge
        return None
    return np.asarray(matrix, dtype=np.float64) if likeness >= LEAST_CORRELATION else None


def open_camera(name: str, *, frames: int | None = None) -> Callable[..., FloatArray] | None:
    """The camera that a command's option names: "off" (None), "flow", "orb", "ecc", or the path of a file."""
    if name == "off":
        return None
    if name in METHODS:
        return CameraEstimate(name)
    if not Path(name).exists():
        raise ValueError(
            f"camera motion {name!r} is neither a method nor a file; "
            f"use auto, pairs, off, {', '.join(METHODS)}, {BESIDE} or a file"
        )
    return CameraFile(name, frames=frames)


def file_beside(folder: Path) -> Path:
    """The camera file in the folder ``gmc`` of a sequence's folder. Raises ValueError unless there is just one."""
    files = sorted((folder / BESIDE).glob("*.txt"))
    if len(files) != 1:
        raise ValueError(
            f"{folder / BESIDE}: {len(files)} camera files (*.txt) where one is expected; give the file, "
            "pairs or off (--camera-motion)"
        )
    return files[0]


def pairs_setting(how: str, cls: type[Any], given: Collection[str]) -> dict[str, bool]:
    """What the option for the camera makes of an algorithm's own search for its motion.

    given  names of the settings that are set. Raises ValueError where the algorithm has no such search and ``how`` asks
    for it, and where both say what the camera does.
    """
    known = PAIRS_SETTING in settings_of(cls)
    if how == "auto" or (not known and how != "pairs"):
        return {}
    if not known:
        raise ValueError(
            f"camera_motion=pairs: {cls.__name__} has no setting {PAIRS_SETTING}; "
            "give a method, a file or off (--camera-motion)"
        )
    if PAIRS_SETTING in given:
        raise ValueError(f"{PAIRS_SETTING} and camera_motion={how} both say what the camera does; give one of them")
    return {PAIRS_SETTING: how == "pairs"}  # another source of the camera's motion takes its place


_OWN = ("tracker", "camera", "motion")  # attributes that are not the tracker's


class Compensated:
    """A tracker moved with the camera; use it as the tracker itself.

    tracker  any tracker that has ``warp``, as the library's have
    camera   a callable as the module describes, such as ``CameraEstimate("flow")`` or ``CameraFile("gmc.txt")``

    motion  (2, 3) what the camera gave last

    Raises ValueError for a tracker without ``warp``.
    """

    def __init__(self, tracker: Any, camera: Callable[..., FloatArray]) -> None:
        if not isinstance(tracker, Warps):
            raise ValueError(f"{type(tracker).__name__} has no method warp(matrix), so no camera motion can be applied")
        self.tracker: Any = tracker
        self.camera = camera
        self.motion: FloatArray = STILL

    def __getattr__(self, name: str) -> Any:
        if name in _OWN:  # not there yet, while being unpickled
            raise AttributeError(name)
        return getattr(self.tracker, name)

    def __setattr__(self, name: str, value: Any) -> None:
        """What is set, the state or a log, is the tracker's; the camera's last image is no part of the state."""
        if name in _OWN:
            object.__setattr__(self, name, value)
        else:
            setattr(self.tracker, name, value)

    def reset(self) -> None:
        """Forget everything; the camera too, where it can."""
        self.tracker.reset()
        if hasattr(self.camera, "reset"):
            self.camera.reset()

    def at(self, index: int) -> None:
        """Say the place of the next frame among all of the video, from 0, for a camera that is read from a file."""
        if isinstance(self.camera, Indexed):
            self.camera.at(index)

    def carry(self, frame: Image | None = None, boxes: FloatArray | None = None) -> None:
        """A frame without an update: the tracks move with the camera and no further.

        frame  the image (H, W, 3) where the camera needs one. boxes  (N, 4) xyxy to be masked out of it
        """
        self._warp(self.camera(frame, boxes))

    def update(
        self, detections: Any, frame: Image | None = None, time: float | None = None, *, invalid: Invalid = "raise"
    ) -> Tracks:
        """As the tracker's; ``frame`` is the image (H, W, 3) where the camera needs one."""
        found: Detections = as_detections(detections, invalid=invalid)
        before = self.tracker.state if isinstance(self.tracker, Remembers) else None
        self._warp(self.camera(frame, found.boxes))
        try:
            tracks: Tracks = self.tracker.update(found, frame, time)
            return tracks
        except BaseException:
            if isinstance(self.tracker, Remembers):
                self.tracker.state = before
            raise

    def _warp(self, matrix: FloatArray) -> None:
        self.motion = matrix
        if not np.array_equal(matrix, STILL):
            self.tracker.warp(matrix)
