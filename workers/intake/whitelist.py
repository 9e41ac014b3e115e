"""What a media library may open: without these lists, a text file under an audio name makes it follow other files.

Whoever opens a caller's film again, an engine for example, opens it with `FILM` and as a file object, and gives its
decoder `FILM_DECODER`: a film is judged by how it begins, and any later frame may say that it is much larger.
"""

from typing import Final

from workers.intake.limits import Limits

PICTURES: Final = ("PNG", "JPEG", "MPO", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")

_SOUND_FORMATS: Final = "wav,w64,mp3,flac,ogg,aac,aiff,caf,mov,mp4,m4a,3gp,matroska,webm"
_FILM_FORMATS: Final = "mov,mp4,m4a,3gp,matroska,webm"
_SOUND_CODECS: Final = (
    "mp3float,mp3,mp2float,mp2,aac,flac,opus,libopus,vorbis,libvorbis,alac,ac3,eac3,pcm_u8,pcm_s8,pcm_s16le,pcm_s16be,"
    "pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be,pcm_alaw,pcm_mulaw,adpcm_ms,"
    "adpcm_ima_wav,adpcm_ima_qt"
)
_FILM_CODECS: Final = "h264,hevc,vp8,vp9,libvpx,libvpx-vp9,av1,libdav1d,mpeg4,mjpeg,prores"


def _options(formats: str, codecs: str) -> dict[str, str]:
    return {
        "format_whitelist": formats,
        "codec_whitelist": codecs,
        # The file is handed over opened: no protocol at all is needed, and the name of one that is none allows none.
        "protocol_whitelist": "none",
        "enable_drefs": "0",
        "use_absolute_path": "0",
        "max_streams": "32",
    }


SOUND_CODECS: Final = frozenset(_SOUND_CODECS.split(","))
FILM_CODECS: Final = frozenset(_FILM_CODECS.split(","))
SOUND: Final = _options(_SOUND_FORMATS, _SOUND_CODECS)
FILM: Final = _options(_FILM_FORMATS, f"{_FILM_CODECS},{_SOUND_CODECS}")
FILM_DECODER: Final = {"max_pixels": str(Limits().video_side_max_pixels ** 2)}
