"""A drawn street with walking figures and exact ground truth: a video for those who have none at hand.

Integer drawing and one seeded generator make every pixel, so a scene is the same in each run. Figures differ in build,
clothes and gait; they enter, cross, hide each other, pass behind a kiosk and a tree, and leave.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import BoolArray, FloatArray, Image, IntArray
from tracker.io.video import Frame, Source

Point = tuple[float, float]
Colour = tuple[int, int, int]

# BGR. Neighbours in these lists differ much in hue, since figures that meet should differ.
_TOPS: tuple[Colour, ...] = (
    (40, 40, 190),
    (150, 70, 20),
    (40, 110, 40),
    (20, 120, 225),
    (120, 35, 110),
    (130, 120, 10),
    (45, 45, 45),
    (20, 165, 200),
    (70, 40, 150),
    (95, 80, 70),
    (150, 60, 165),
    (165, 135, 40),
    (25, 70, 115),
    (70, 150, 90),
    (110, 100, 205),
)
_LEGS: tuple[Colour, ...] = ((75, 45, 30), (35, 35, 35), (40, 65, 95), (85, 75, 65), (60, 30, 60), (30, 60, 45))
_SKINS: tuple[Colour, ...] = ((140, 170, 220), (70, 100, 150), (100, 135, 190), (50, 70, 105))
_HAIRS: tuple[Colour, ...] = ((20, 25, 35), (35, 60, 95), (60, 130, 175), (120, 120, 125), (25, 40, 110))
_CUTS = ("shirt", "coat", "dress", "pack")

_SHIFT = 4  # sub-pixel bits of OpenCV's drawing


@dataclass(frozen=True, eq=False)
class _Prop:
    """A thing that stands still and hides what is behind it."""

    feet: float  # row of the ground under it
    place: tuple[slice, slice]  # rows and columns of the frame
    mask: BoolArray  # its pixels there
    image: Image


@dataclass(frozen=True)
class _Walker:
    """One figure, and the straight path that it walks. Lengths in pixels, times in frames."""

    id: int
    enters: int
    start: float
    speed: float  # pixels per frame, negative to the left
    feet: float  # row of the ground under it
    drift: float  # change of feet per frame
    height: float
    build: float  # 1 is average width
    phase: float
    cut: str
    top: Colour
    legs: Colour
    skin: Colour
    hair: Colour

    def at(self, number: int) -> tuple[float, float, float]:
        """Centre, feet and gait phase (radians) in a frame."""
        walked = number - self.enters
        # One gait cycle takes .9 body heights, so that feet do not slide.
        cycle = 2 * math.pi * abs(self.speed) * walked / (0.9 * self.height)
        return self.start + self.speed * walked, self.feet + self.drift * walked, self.phase + cycle


class Scene:
    """A street scene of ``n_frames`` frames: iterate over it to get each ``Frame``; ``truth`` says who is where.

    n_frames    length, at least 1
    size        (width, height) in pixels; figures are about a quarter to a third of the height
    seed        chooses the people
    frame_rate  frames per second; the speed of the figures per frame does not depend on it

    Raises ValueError for a length below 1, a size below 160 x 120, or a rate that is not positive.
    """

    name = "demo scene"

    def __init__(
        self, n_frames: int = 300, size: tuple[int, int] = (640, 480), seed: int = 0, frame_rate: float = 25.0
    ) -> None:
        if n_frames < 1 or size[0] < 160 or size[1] < 120:
            raise ValueError(f"a scene of {n_frames} frames of {size[0]}x{size[1]}; at least 1 of 160x120 is needed")
        if not (math.isfinite(frame_rate) and frame_rate > 0):
            raise ValueError(f"frame rate {frame_rate:g} is not positive")
        self.n_frames = n_frames
        self.size = (int(size[0]), int(size[1]))
        self.seed = seed
        self.frame_rate = frame_rate
        self._walkers = _walkers(n_frames, self.size, seed)

    def __len__(self) -> int:
        return self.n_frames

    def __iter__(self) -> Iterator[Frame]:
        for number in range(1, self.n_frames + 1):
            yield Frame(self.draw(number), number, (number - 1) / self.frame_rate)

    def source(self) -> Source:
        """The scene as a source of frames, like an opened video file."""
        return Source(
            self.name, "scene", lambda _: iter(self), frame_rate=self.frame_rate, n_frames=self.n_frames, size=self.size
        )

    def draw(self, number: int) -> Image:
        """Frame ``number`` (1-based) as (H, W, 3) uint8 BGR. ValueError for a number not in 1..n_frames."""
        image = self._street.copy()
        for thing in self._by_depth(number):
            if isinstance(thing, _Prop):
                image[thing.place][thing.mask] = thing.image[thing.mask]
                continue
            x, feet, phase = thing.at(number)
            _shadow(image, x, feet, thing.height)
            _paint(image, _figure(thing, phase), (x, feet))
        return image

    def truth(self, number: int) -> tuple[IntArray, FloatArray, FloatArray]:
        """Who is in frame ``number`` (1-based): ids (N,), boxes (N, 4), visible (N,).

        Boxes are left, top, right, bottom of the whole figure, including what something hides, clipped to the frame.
        ``visible`` is the share of the figure's pixels that can be seen, 0 (hidden) to 1; pixels outside the frame
        count as hidden. Figures entirely outside are left out. Raises ValueError for a number not in 1..n_frames.
        """
        width, height = self.size
        owner = np.zeros((height, width), np.int64)  # the figure nearest to the viewer, 0 none
        areas: dict[int, int] = {}
        boxes: dict[int, tuple[int, int, int, int]] = {}
        for thing in self._by_depth(number):
            if isinstance(thing, _Prop):
                owner[thing.place][thing.mask] = 0
                continue
            x, feet, phase = thing.at(number)
            mask, left, top = _silhouette(thing, x, feet, phase)
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            box = (left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1)
            box = (max(box[0], 0), max(box[1], 0), min(box[2], width), min(box[3], height))
            if box[0] >= box[2] or box[1] >= box[3]:
                continue
            areas[thing.id], boxes[thing.id] = int(mask.sum()), box
            inside = mask[box[1] - top : box[3] - top, box[0] - left : box[2] - left]
            owner[box[1] : box[3], box[0] : box[2]][inside] = thing.id
        ids = np.array(sorted(boxes), np.int64)
        seen = np.bincount(owner.ravel(), minlength=ids.max(initial=0) + 1)
        return (
            ids,
            np.array([boxes[i] for i in ids], np.float64).reshape(-1, 4),
            np.array([seen[i] / areas[i] for i in ids], np.float64),
        )

    def _by_depth(self, number: int) -> list[_Prop | _Walker]:
        """Everything in a frame, far to near."""
        if not 1 <= number <= self.n_frames:
            raise ValueError(f"frame {number} is not in 1..{self.n_frames}")
        margin = self.size[1] / 4
        things: list[tuple[float, _Prop | _Walker]] = [(prop.feet, prop) for prop in self._props]
        for walker in self._walkers:
            x, feet, _ = walker.at(number)
            if number >= walker.enters and -margin < x < self.size[0] + margin:
                things.append((feet, walker))
        return [thing for _, thing in sorted(things, key=lambda pair: pair[0])]

    @cached_property
    def _street(self) -> Image:
        return _street(self.size, self.seed)

    @cached_property
    def _props(self) -> tuple[_Prop, ...]:
        return _kiosk(self.size), _tree(self.size)


# --- who walks where -----------------------------------------------------------------------------------------------

_LANES = ((0.73, -1), (0.78, 1), (0.84, -1), (0.905, 1))  # feet as a share of the height, and the way people walk there


def _walkers(n_frames: int, size: tuple[int, int], seed: int) -> list[_Walker]:
    rng = np.random.default_rng(seed)
    width, height = size
    paths: list[tuple[int, float, float, float, float, float]] = []  # enters, start, speed, feet, drift, height
    for share, way in _LANES:
        # One is there at the start; the rest enter at the side.
        x, number = float(rng.uniform(0.1, 0.8)) * width, 1.0
        while number <= n_frames:
            feet = share * height * float(rng.uniform(0.99, 1.01))
            tall = height * (0.26 + 0.34 * (share - 0.73)) * float(rng.uniform(0.95, 1.05))
            speed = way * tall * float(rng.uniform(0.021, 0.031))
            drift = float(rng.uniform(-1, 1)) * 0.02 * height * abs(speed) / width
            paths.append((int(number), x, speed, feet, drift, tall))
            if rng.random() < 0.15:  # a friend walks along
                paths.append((int(number), x - way * tall * 0.5, speed, feet * 1.015, drift, tall * 0.96))
            x = -0.25 * tall if way > 0 else width + 0.25 * tall
            number += float(rng.uniform(0.55, 1.1)) * 0.7 * width / abs(speed)
    paths.sort(key=lambda path: path[0])
    order = rng.permutation(len(_TOPS))
    return [
        _Walker(
            k + 1,
            *path,
            build=float(rng.uniform(0.92, 1.15)),
            phase=float(rng.uniform(0, 2 * math.pi)),
            cut=_CUTS[int(rng.integers(len(_CUTS)))],
            top=_TOPS[order[k % len(_TOPS)]],
            legs=_LEGS[int(rng.integers(len(_LEGS)))],
            skin=_SKINS[int(rng.integers(len(_SKINS)))],
            hair=_HAIRS[int(rng.integers(len(_HAIRS)))],
        )
        for k, path in enumerate(paths)
    ]


# --- how a figure looks --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Shape:
    """A convex polygon, or with a width a thick line through its points; relative to the feet, y up, in pixels."""

    points: tuple[Point, ...]
    colour: Colour
    width: float = 0.0


def _shade(colour: Colour, percent: int) -> Colour:
    return tuple(min(255, c * percent // 100) for c in colour)  # type: ignore[return-value]


def _figure(w: _Walker, phase: float) -> list[_Shape]:
    """The shapes of a walking figure, back to front."""
    h, b = w.height, w.height * w.build
    way = 1.0 if w.speed > 0 else -1.0
    bob = 0.008 * h * math.cos(2 * phase)
    hip, shoulder = 0.50 * h + bob, 0.805 * h + bob
    lean = 0.01 * h * way

    def leg(side: float, shade: int) -> list[_Shape]:
        swing = math.sin(phase + side)
        thigh = 0.36 * swing
        bend = 0.12 + 0.55 * max(0.0, math.cos(phase + side)) ** 2 * (0.6 - 0.4 * swing)
        knee = (way * 0.25 * h * math.sin(thigh), hip - 0.25 * h * math.cos(thigh))
        shin = thigh - bend
        foot = (knee[0] + way * 0.235 * h * math.sin(shin), knee[1] - 0.225 * h * math.cos(shin))
        toe = (foot[0] + way * 0.055 * h, foot[1] - 0.004 * h)
        colour = w.skin if w.cut == "dress" else w.legs
        return [
            _Shape((foot, toe), _shade((40, 40, 45), shade), 0.042 * h),
            _Shape(((0, hip), knee), _shade(colour, shade), 0.10 * b),
            _Shape((knee, foot), _shade(colour, shade), 0.075 * b),
        ]

    def arm(side: float, shade: int) -> list[_Shape]:
        angle = 0.42 * math.sin(phase + side)
        top = (lean, shoulder - 0.035 * h)
        elbow = (top[0] + way * 0.165 * h * math.sin(angle), top[1] - 0.165 * h * math.cos(angle))
        low = angle + 0.28
        hand = (elbow[0] + way * 0.15 * h * math.sin(low), elbow[1] - 0.15 * h * math.cos(low))
        return [
            _Shape((hand, hand), _shade(w.skin, shade), 0.05 * h),
            _Shape((elbow, hand), _shade(w.top, shade), 0.055 * b),
            _Shape((top, elbow), _shade(w.top, shade), 0.068 * b),
        ]

    half, waist = 0.105 * b, 0.08 * b
    hem = {"shirt": hip - 0.01 * h, "coat": hip - 0.14 * h, "dress": hip - 0.19 * h, "pack": hip - 0.01 * h}[w.cut]
    flare = {"shirt": 1.05, "coat": 1.25, "dress": 1.6, "pack": 1.05}[w.cut]
    torso = (
        (lean - half * 0.62, shoulder + 0.03 * h),
        (lean + half * 0.62, shoulder + 0.03 * h),
        (lean + half, shoulder - 0.015 * h),
        (waist * flare, hem),
        (-waist * flare, hem),
        (lean - half, shoulder - 0.015 * h),
    )
    neck, head = (lean, shoulder + 0.02 * h), (lean * 1.6, 0.915 * h + bob)
    shapes = arm(0.0, 78) + leg(math.pi, 80)
    if w.cut == "pack":
        x = lean - way * 0.10 * h
        shapes.append(_Shape(((x, shoulder - 0.02 * h), (x, shoulder - 0.17 * h)), _shade(w.legs, 130), 0.10 * h))
    shapes += leg(0.0, 100)
    shapes.append(_Shape(torso, w.top))
    shapes += [_Shape((neck, head), _shade(w.skin, 85), 0.055 * h)]
    shapes += arm(math.pi, 90)
    shapes.append(_Shape((head, (head[0], head[1] + 0.012 * h)), w.skin, 0.118 * h))
    crown = (head[0] - way * 0.012 * h, head[1] + 0.027 * h)
    shapes.append(_Shape((crown, (crown[0] - way * 0.016 * h, crown[1] - 0.012 * h)), w.hair, 0.112 * h))
    face = (head[0] + way * 0.03 * h, head[1] - 0.012 * h)
    shapes.append(_Shape((face, face), w.skin, 0.062 * h))
    return shapes


def _fixed(points: tuple[Point, ...], at: Point) -> NDArray[np.int32]:
    xy = np.array(points, np.float64) * (1, -1) + at
    return np.rint(xy * (1 << _SHIFT)).astype(np.int32)


def _paint(image: Image, shapes: list[_Shape], at: Point, colour: Colour | None = None) -> None:
    """Draw shapes with their feet at a point; with a colour, draw them all in it and without smooth edges: a mask."""
    import cv2

    line = cv2.LINE_AA if colour is None else cv2.LINE_8
    for shape in shapes:
        points, paint = _fixed(shape.points, at), colour or shape.colour
        if not shape.width:
            cv2.fillConvexPoly(image, points, paint, line, _SHIFT)
        elif shape.points[0] == shape.points[-1]:
            cv2.circle(image, points[0].tolist(), round(shape.width / 2 * (1 << _SHIFT)), paint, -1, line, _SHIFT)
        else:
            for a, b in pairwise(points):
                cv2.line(image, a.tolist(), b.tolist(), paint, max(1, round(shape.width)), line, _SHIFT)


def _silhouette(walker: _Walker, x: float, feet: float, phase: float) -> tuple[BoolArray, int, int]:
    """The figure's pixels on a patch around it, and the patch's left and top in the frame."""
    reach = math.ceil(walker.height * 0.7)
    left, top = math.floor(x) - reach, math.floor(feet) - math.ceil(walker.height * 1.15)
    patch = np.zeros((math.ceil(walker.height * 1.3), 2 * reach), np.uint8)
    _paint(patch, _figure(walker, phase), (x - left, feet - top), (255, 255, 255))
    return patch > 0, left, top


# --- the street ----------------------------------------------------------------------------------------------------


def _shadow(image: Image, x: float, feet: float, height: float) -> None:
    import cv2

    w, h = round(height * 0.42), max(2, round(height * 0.06))
    left, top = round(x) - w // 2, round(feet) - h // 2
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + w, image.shape[1]), min(top + h, image.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    mask = np.zeros((h, w), np.uint8)
    cv2.ellipse(mask, (w // 2, h // 2), (w // 2 - 1, max(1, h // 2 - 1)), 0, 0, 360, 60, -1, cv2.LINE_AA)
    dark = 256 - mask[y0 - top : y1 - top, x0 - left : x1 - left, None].astype(np.uint16)
    image[y0:y1, x0:x1] = (image[y0:y1, x0:x1] * dark >> 8).astype(np.uint8)


def _street(size: tuple[int, int], seed: int) -> Image:
    import cv2

    width, height = size
    rng = np.random.default_rng([seed, 1])
    image = np.empty((height, width, 3), np.uint8)
    ground = round(0.60 * height)
    # House fronts are plain and light, so that people stand out.
    image[:ground] = (196, 206, 212)
    x = -round(0.05 * width)
    while x < width:
        w = round(float(rng.uniform(0.22, 0.34)) * width)
        tone = int(rng.integers(-10, 11))
        front = (198 + tone, 208 + tone, 214 + tone // 2)
        cv2.rectangle(image, (x, 0), (x + w, ground), front, -1)
        pane, gap = round(0.055 * width), round(0.085 * width)
        for row in (0.03, 0.24):
            for left in range(x + gap // 3, x + w - pane, gap):
                corner = (left + pane, round((row + 0.12) * height))
                cv2.rectangle(image, (left, round(row * height)), corner, _shade(front, 93), -1)
        x += w
    rows = np.arange(height - ground)
    tone_of_row = (176 + 24 * rows // max(1, len(rows))).astype(np.uint8)
    image[ground:] = tone_of_row[:, None, None]
    cv2.line(image, (0, ground), (width, ground), (165, 170, 172), 2)
    for share in (0.66, 0.74, 0.84, 0.97):
        y = round(share * height)
        cv2.line(image, (0, y), (width, y), (170, 172, 174), 1)
    speckle = rng.integers(-3, 4, (height, width, 1))
    noisy: Image = np.clip(image.astype(np.int16) + speckle, 0, 255).astype(np.uint8)
    return noisy


def _kiosk(size: tuple[int, int]) -> _Prop:
    import cv2

    width, height = size
    kiosk = np.zeros((height, width, 3), np.uint8)
    x, w, top, foot = round(0.60 * width), round(0.12 * width), round(0.44 * height), round(0.815 * height)
    cv2.rectangle(kiosk, (x, top), (x + w, foot), (120, 150, 120), -1)
    cv2.rectangle(kiosk, (x - w // 10, top - round(0.025 * height)), (x + w + w // 10, top), (90, 120, 95), -1)
    cv2.rectangle(kiosk, (x + w // 8, top + w // 5), (x + w - w // 8, top + w), (150, 175, 160), -1)
    cv2.rectangle(kiosk, (x, foot - w // 2), (x + w, foot), (105, 135, 108), -1)
    return _cut_out(foot, kiosk)


def _tree(size: tuple[int, int]) -> _Prop:
    import cv2

    width, height = size
    tree = np.zeros((height, width, 3), np.uint8)
    x, foot = round(0.22 * width), round(0.87 * height)
    trunk = max(3, round(0.022 * width))
    cv2.rectangle(tree, (x - trunk // 2, round(0.25 * height)), (x + trunk // 2, foot), (75, 95, 115), -1)
    # The crown has no holes: HOG takes a round gap above a trunk for a head.
    crown = (round(0.13 * width), round(0.12 * height))
    cv2.ellipse(tree, (x, round(0.17 * height)), crown, 0, 0, 360, (80, 135, 95), -1)
    rng = np.random.default_rng(5)
    for _ in range(40):
        angle, reach = rng.uniform(0, 2 * math.pi), math.sqrt(rng.uniform(0, 1))
        across, up = 0.12 * width * reach * math.cos(angle), 0.11 * height * reach * math.sin(angle)
        centre = (round(x + across), round(0.17 * height + up))
        tone = int(rng.integers(0, 40))
        cv2.circle(tree, centre, round(0.035 * width), (70 + tone // 2, 120 + tone, 85 + tone // 2), -1, cv2.LINE_8)
    return _cut_out(foot, tree)


def _cut_out(feet: float, image: Image) -> _Prop:
    mask = np.any(image, axis=2)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    place = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return _Prop(feet, place, mask[place], image[place])
