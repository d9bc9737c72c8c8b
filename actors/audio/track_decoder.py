"""One audio track: decoded with FFmpeg onto a timeline, and compared with what the file declares."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import av

from actors.audio.containers import CLAIMING_CONTAINERS, SHORTEST_UNKNOWN_RIFF, TUNED_IN_S, Claims
from actors.audio.placing import CLOCKS, Placer
from actors.audio.timeline import TRUNCATED_LOSSLESS_S, Timeline

# Streams of frames in which players skip what is not a frame: tags in the middle, where files were joined, and junk.
# Above this share of undecodable packets it is not audio at all.
_LOOSE_STREAMS = {"mp3", "aac", "ac3", "eac3", "dts", "loas"}
_MAX_JUNK = 0.1

# A file whose audio ends this much before its header says is truncated. Encoder delay and padding are below, and there are
# none in lossless files.
TRUNCATED_S = 0.25
_LOSSLESS = {"flac", "aiff", "au", "wv", "tta", "ape"}

# Streams that may be cut anywhere and are whole: that their last frame is not is no damage.
_ENDLESS_STREAMS = _LOOSE_STREAMS | {"mpegts", "mpeg"}

# Between two packets of a Matroska file is less than this many bytes; more was skipped because it could not be read.
_MOST_BETWEEN_PACKETS = 600

# An MP4 file whose sound and picture both begin later than this has the clock of a live stream.
_LATEST_EDIT_S = 600.0

# Decoders leave out some of the first frames: a place between frames comes this much before its count of seconds.
_LOST_EARLY_S = 0.06

# A packet of no more bytes that cannot be decoded is what fills up a file (Wave64 to multiples of 8).
_MOST_PADDING = 7

# How often a demuxer is asked to go on behind an error.
_MOST_RESUMED = 100

# Containers whose track duration, or that of the whole, is written in the file; for the others FFmpeg may only estimate it.
_TRACK_DURATION = {"flac", "mov,mp4,m4a,3gp,3g2,mj2", "aiff", "au", "wv", "tta", "ape", "dsf", "mpc", "mpc8", "rm"}
_FILE_DURATION = {"matroska,webm", "flv", "asf"}
# Their track durations are exact as well, but of what is there: of use only against a limit.
_COUNTED_DURATION = _TRACK_DURATION | {"wav", "w64", "caf"}

_TAGGED_DURATION = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)")


class TrackDecoder:
    """Decodes one audio track with FFmpeg onto a timeline, and compares what came out with what the file declares."""

    def __init__(self, container: Any, stream: Any, claims: Claims, timeline: Timeline, name: str) -> None:
        self._container, self._stream, self._claims, self._timeline = container, stream, claims, timeline
        self._format: str = container.format.name
        self._is_loose = self._format in _LOOSE_STREAMS
        self._clock = CLOCKS.get(self._format)
        self._origin_s = self._origin()
        self._placer = Placer(
            timeline,
            self._clock,
            origin_s=self._origin_s,
            is_patchy=self._is_patchy(),
            is_alone=self._format == "flac" or self._lacks_pages,
            name=name,
        )
        self._tags = list(reversed(claims.tags))
        self._lost = list(claims.lost if stream == container.streams.audio[0] else ())
        self._stream_s = 0.0  # what was heard, and what was not because it could not be decoded
        self._failed_s = 0.0  # of that, since the last frame
        self._all_end_s = 0.0
        self._read_to = 0
        self._failed_last = self._corrupt_last = self._broke_off = False
        self.packets = self.failures = 0
        self.error: Exception | None = None

    @property
    def declared_s(self) -> float | None:
        """The duration that the file declares for this track, in seconds from time 0; None if it does not."""
        if self._format not in _FILE_DURATION and self._claims.duration_s is not None:
            return self._claims.duration_s
        if self._format == "avi":
            seconds = float(self._stream.frames * self._stream.time_base)
            is_known = seconds * (self._stream.codec_context.bit_rate or 0) / 8 < SHORTEST_UNKNOWN_RIFF
            return seconds if seconds and is_known else None
        if self._claims.is_fragmented:
            return None
        if self._format in _TRACK_DURATION and self._stream.duration is not None:
            return float(((self._stream.start_time or 0) + self._stream.duration) * self._stream.time_base) - self._offset_s
        tagged = _TAGGED_DURATION.match(self._stream.metadata.get("DURATION", ""))
        of_all_s = self._declared_of_all_s
        if tagged and of_all_s is not None:
            tagged_s = 3600 * float(tagged[1]) + 60 * float(tagged[2]) + float(tagged[3]) - self._offset_s
            return tagged_s if tagged_s <= of_all_s + 1 else None  # a tag may be that of the file from which this one was made
        return of_all_s if len(self._container.streams) == 1 else None

    @property
    def longest_s(self) -> float | None:
        """What to compare with a limit before anything is decoded."""
        if self._claims.at_least_s is not None:
            return self._claims.at_least_s
        if self._format in _COUNTED_DURATION and self._stream.duration is not None:
            return float(self._stream.duration * self._stream.time_base)
        return self.declared_s

    @property
    def _declared_of_all_s(self) -> float | None:
        if self._format == "asf":  # FFmpeg has its own opinion where the file is not as long as it says
            return self._claims.duration_s
        if self._format not in _FILE_DURATION or self._container.duration is None:
            return None
        return float(self._container.duration / av.time_base) - self._offset_s

    @property
    def _offset_s(self) -> float:
        return max(self._origin_s or 0.0, 0.0)

    def _origin(self) -> float | None:
        """Return the time in the file that is time 0 for players: where the first of its tracks begins.

        An MP4 file's own time begins at 0 (its edit lists say so), unless it is a piece of a live stream.
        """
        if self._format == "flac":  # its frames are numbered: unless it is one of a known length, it may be a piece of a stream
            return None if self._stream.duration is None else 0.0
        start = self._container.start_time
        start_s = None if start is None else float(start / av.time_base)
        if self._lacks_pages and (start_s or 0.0) < TUNED_IN_S:
            return 0.0  # its first pages are among those that are lost
        is_edited = self._format.startswith("mov") and not self._claims.is_fragmented
        return 0.0 if is_edited and (start_s or 0.0) < _LATEST_EDIT_S else start_s

    @property
    def _lacks_pages(self) -> bool:
        return self._format == "ogg" and self._claims.is_patchy

    def _is_patchy(self) -> bool:
        return self._claims.is_patchy or (self._format == "matroska,webm" and self._claims.is_cut)

    def run(self) -> None:
        """Decode all of it."""
        for packet in self._packets():
            if self._format in _FILE_DURATION:
                self._note_place(packet)
                if packet.stream.index != self._stream.index:
                    continue
            if self._is_in_tag(packet.pos):
                continue
            self.packets += 1
            self._placer.expects_hole |= packet.is_corrupt
            self._corrupt_last = packet.is_corrupt or (self._corrupt_last and packet.size == 0)
            try:
                frames = packet.decode()
            except av.error.DecoderNotFoundError:
                raise
            except av.FFmpegError as error:
                self._fail(packet, error)
                continue
            for frame in frames:
                self._take(frame)
        self._placer.finish()

    def _packets(self) -> Iterator[Any]:
        streams = [] if self._format in _FILE_DURATION else [self._stream]
        for _ in range(_MOST_RESUMED):
            try:
                yield from self._container.demux(*streams)
            except av.FFmpegError as error:  # some go on behind what they cannot read
                self.error = self.error or error
                self._broke_off = True
                self._placer.expects_hole = True
            else:
                return

    def _is_in_tag(self, position: int | None) -> bool:
        while self._tags and position is not None and position >= self._tags[-1][1]:
            self._tags.pop()
        return bool(self._tags) and position is not None and position >= self._tags[-1][0]

    def _note_place(self, packet: Any) -> None:
        if packet.pos is not None:
            skipped = packet.pos - self._read_to if self._read_to else 0
            self._placer.skipped_bytes |= skipped > _MOST_BETWEEN_PACKETS and self._format == "matroska,webm"
            self._read_to = max(self._read_to, packet.pos + packet.size)
        if packet.pts is not None and packet.time_base is not None:
            end_s = float((packet.pts + (packet.duration or 0)) * packet.time_base) - self._offset_s
            self._all_end_s = max(self._all_end_s, end_s)

    def _fail(self, packet: Any, error: Exception) -> None:
        if packet.size <= _MOST_PADDING:
            return
        self.error = self.error or error
        self.failures += 1
        self._placer.expects_hole = True
        self._failed_last = True
        if not (self._is_loose and _is_tag(bytes(packet))):
            self._failed_s += float((packet.duration or 0) * (packet.time_base or 0))

    def _take(self, frame: Any) -> None:
        self._fill()
        self._placer.put(frame)
        self._stream_s += frame.samples / frame.sample_rate
        self._failed_last = False

    def _fill(self) -> None:
        """Where timestamps count frames only, put in what could not be decoded and what is missing between frames."""
        failed_s, self._failed_s = self._failed_s, 0.0
        self._stream_s += failed_s
        if self._clock or not self._timeline.rate:
            return
        while self._lost and self._lost[0][0] <= self._stream_s + _LOST_EARLY_S:
            failed_s += self._lost.pop(0)[1]
        if failed_s:
            self._timeline.skip(failed_s, is_damage=True)

    def compare(self, is_credible: Callable[[float], bool]) -> None:
        """Note what is missing at the end."""
        end_s, declared_s, of_all_s = self._timeline.end_s, self.declared_s, self._declared_of_all_s
        if self._claims.share < 1:
            self._timeline.break_off_of(self._claims.share)
        elif declared_s is not None and is_credible(declared_s):
            if end_s < declared_s - (TRUNCATED_LOSSLESS_S if self._format in _LOSSLESS else TRUNCATED_S):
                self._timeline.break_off(declared_s)
        elif of_all_s is not None and is_credible(of_all_s):
            if max(self._all_end_s, end_s) < of_all_s - TRUNCATED_S:
                self._timeline.break_off(of_all_s)
        elif self._ends_early() or (self._lacks_pages and end_s < (self._claims.at_least_s or 0.0) - TRUNCATED_S):
            self._timeline.break_off(None)

    def _ends_early(self) -> bool:
        if self._format in _ENDLESS_STREAMS:
            return self._broke_off
        is_unread = self._format not in CLAIMING_CONTAINERS
        broke_off = self._broke_off and self._format != "ogg"  # FFmpeg takes much junk behind its end for an error
        return self._claims.is_cut or broke_off or self._failed_last or (self._corrupt_last and is_unread)

    @property
    def is_junk(self) -> bool:
        """Whether so little of a loose stream could be decoded that it is not audio."""
        return self._is_loose and self.failures > _MAX_JUNK * self.packets


def _is_tag(packet: bytes) -> bool:
    """Say whether what could not be decoded is none of a stream's frames: those begin with bits that are all set."""
    return packet[:1] != b"\xff"
