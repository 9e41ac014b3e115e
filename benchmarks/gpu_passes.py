"""The measuring itself: a transformer of random weights, asked again and again; what it takes, and how much memory."""

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from typing import Any, Final

import torch
from diffusers import AutoencoderKLWan
from torch import Tensor

from benchmarks.figures import verdict
from workers.infinitetalk import autoencoder, residency
from workers.infinitetalk.audio_branch import FRAMES_PER_LATENT, PUBLISHED, AudioShape
from workers.infinitetalk.masks import LATENT_PIXELS, TOKEN_LATENTS
from workers.infinitetalk.residency import Residency, Weights
from workers.infinitetalk.speed import Speed, quicken
from workers.infinitetalk.timeline import WINDOW
from workers.infinitetalk.transformer import TEXT_TOKENS, WAN_14B, TalkTransformer

ROUNDS: Final = 3
IMAGE_TOKENS: Final = 257
BACK_ENDS: Final = ("native", "_native_cudnn", "_native_flash", "flash", "_flash_3", "sage")
"""Those that begin with `native` or `_native` come with PyTorch; the others are tried where they are installed."""
_GB: Final = 1e9


@dataclass(frozen=True)
class Size:
    """A picture, and how many times the floor a pass may take at most; None where nothing was promised."""

    name: str
    height: int
    width: int
    goal: float | None = None


@dataclass(frozen=True)
class Setup:
    """What is measured where. `base_dim` is the width of the decoder's narrowest layer."""

    device: str
    dtype: torch.dtype
    wan: Mapping[str, Any]
    audio: AudioShape
    base_dim: int
    frames: int
    sizes: tuple[Size, ...]
    matrix: int
    compiles: bool

    def latent_shape(self, size: Size) -> tuple[int, int, int]:
        frames = (self.frames - 1) // FRAMES_PER_LATENT + 1
        return frames, size.height // LATENT_PIXELS, size.width // LATENT_PIXELS

    def tokens(self, size: Size) -> int:
        frames, height, width = self.latent_shape(size)
        return frames * (height // TOKEN_LATENTS) * (width // TOKEN_LATENTS)

    def pass_flop(self, size: Size) -> float:
        """Multiplications and additions of one pass: projections, feed-forward, self-attention, text and picture."""
        tokens, blocks = self.tokens(size), self.wan["num_layers"]
        dim = self.wan["num_attention_heads"] * self.wan["attention_head_dim"]
        projected = (16 + 4 * self.wan["ffn_dim"] / dim) * tokens * dim**2
        attended = 4 * tokens**2 * dim + 4 * tokens * (TEXT_TOKENS + IMAGE_TOKENS) * dim
        return float(blocks * (projected + attended))


REAL: Final = Setup(
    device="cuda",
    dtype=torch.bfloat16,
    wan=WAN_14B,
    audio=PUBLISHED,
    base_dim=96,
    frames=81,
    sizes=(Size("480p", 480, 832, 1.4), Size("720p", 704, 1280, 1.6)),
    matrix=16_384,
    compiles=True,
)
REHEARSAL: Final = Setup(
    device="cpu",
    dtype=torch.float32,
    wan={**WAN_14B, "num_attention_heads": 2, "ffn_dim": 512, "num_layers": 2, "added_kv_proj_dim": 256},
    audio=AudioShape(layers=3, channels=32, hidden=40, tokens=8, width=48),
    base_dim=8,
    frames=9,
    sizes=(Size("tiny", 32, 48),),
    matrix=256,
    compiles=False,
)


def measure(setup: Setup) -> int:
    """Measure everything, print it; what this process ends with."""
    name = torch.cuda.get_device_name() if setup.device == "cuda" else "a CPU, as a rehearsal"
    best = fastest_matrix(setup)
    print(f"{name}, PyTorch {torch.__version__}: {best / 1e12:.1f} TFLOP/s at best, on matrices of {setup.matrix}")
    with torch.inference_mode():
        kept = passes(setup, best)
        _forget()
        for way in Residency:
            memory_of(setup, way)
        for size in setup.sizes:
            decoding(setup, size)
    return verdict(is_missed=not kept)


def fastest_matrix(setup: Setup) -> float:
    """The reference, FLOP a second: two large matrices, multiplied."""
    left, right = (torch.randn(setup.matrix, setup.matrix, device=setup.device, dtype=setup.dtype) for _ in range(2))
    return 2 * setup.matrix**3 / min(_seconds(setup, lambda: left @ right, rounds=10))


def passes(setup: Setup, flop_a_second: float) -> bool:
    """Time passes with everything resident, one speaker and two; whether every goal is met by PyTorch's own means."""
    model = transformer(setup)
    found: dict[str, list[float]] = {}
    for back_end in BACK_ENDS:
        if _takes(model, back_end):
            found[back_end] = [_tell(setup, model, size, back_end, flop_a_second) for size in setup.sizes]
    own = {back_end: ratios for back_end, ratios in found.items() if "native" in back_end}
    if setup.compiles:
        chosen = min(own, key=lambda back_end: own[back_end][0])
        quicken(model, Speed(attention=chosen, is_compiled=True))
        name = f"{chosen}, compiled"
        own[name] = [_tell(setup, model, size, name, flop_a_second) for size in setup.sizes]
    best = [min(ratios) for ratios in zip(*own.values(), strict=True)]
    return all(size.goal is None or ratio <= size.goal for size, ratio in zip(setup.sizes, best, strict=True))


def memory_of(setup: Setup, way: Residency) -> None:
    """Print the transformer's peak when it lives this way, and the engine's estimate of the same."""
    model = transformer(setup).to("cpu")
    _forget()
    residency.move_in(model, way, setup.device)
    for size in setup.sizes:
        with _peak(setup) as peak:
            seconds = median(_seconds(setup, partial(_ask, setup, model, size, 2)))
        block, blocks, stem = residency.count(model)
        alone = Weights(block, blocks, stem, text_encoder=0, image_encoder=0, vae=0, audio_encoder=0)
        estimate = (residency.needed_bytes(way, alone, setup.tokens(size)) - residency.CONTEXT_BYTES) / _GB
        print(f"{size.name} {way.name.lower():<10} {seconds:8.3f} s a pass, peak {peak()}, estimated {estimate:.1f} GB")
    del model
    _forget()


def decoding(setup: Setup, size: Size) -> None:
    """Print what one chunk takes to be decoded piece by piece, in both types."""
    for dtype in dict.fromkeys((torch.float32, setup.dtype)):
        vae = AutoencoderKLWan(base_dim=setup.base_dim).to(setup.device, dtype).eval()
        latents = torch.randn(16, *setup.latent_shape(size), device=setup.device)
        with _peak(setup) as peak:
            seconds = median(_seconds(setup, partial(_decode, vae, latents)))
        print(f"{size.name} decoding {setup.frames} frames in {dtype}: {seconds:.3f} s, peak {peak()}")


def transformer(setup: Setup) -> TalkTransformer:
    """A transformer of random weights, on the device, in the types that loading gives real ones."""
    with torch.device("meta"):
        model = TalkTransformer(setup.wan, setup.audio)
    exact = set(model._keep_in_fp32_modules)  # noqa: SLF001 - there is no public list
    drawn = {
        name: torch.empty(
            tensor.shape, device=setup.device, dtype=torch.float32 if exact & set(name.split(".")) else setup.dtype
        ).normal_(std=0.02)
        for name, tensor in model.state_dict().items()
    }
    model.load_state_dict(drawn, assign=True)
    model.settle()
    model.eval().requires_grad_(requires_grad=False)
    return model


def _tell(setup: Setup, model: TalkTransformer, size: Size, how: str, flop_a_second: float) -> float:
    """Time one speaker and two, print both; the worse ratio to the floor."""
    floor_seconds = setup.pass_flop(size) / flop_a_second
    ratios = []
    for speakers in (1, 2):
        with _peak(setup) as peak:
            seconds = median(_seconds(setup, partial(_ask, setup, model, size, speakers)))
        ratios.append(seconds / floor_seconds)
        print(
            f"{size.name} {how:<24} {speakers} speaking: {seconds:8.3f} s a pass, floor {floor_seconds:.3f} s,"
            f" ratio {ratios[-1]:.2f}, peak {peak()}",
            flush=True,
        )
    return max(ratios)


def _ask(setup: Setup, model: TalkTransformer, size: Size, speakers: int) -> None:
    """One pass over one chunk."""
    there: dict[str, Any] = {"device": setup.device, "dtype": setup.dtype}
    shape = setup.latent_shape(size)
    first = setup.tokens(size) // shape[0]
    shares = torch.arange(first, device=setup.device) * (speakers + 1) // first
    classes = torch.stack([shares == each for each in range(speakers + 1)]).float() if speakers > 1 else None
    model(
        torch.randn(1, setup.wan["in_channels"], *shape, **there),
        torch.tensor([500.0], device=setup.device),
        text=torch.randn(1, TEXT_TOKENS, setup.wan["text_dim"], **there),
        image=torch.randn(1, IMAGE_TOKENS, setup.wan["image_dim"], **there),
        windows=torch.randn(speakers, setup.frames, WINDOW, setup.audio.layers, setup.audio.channels, **there),
        classes=classes,
    )


def _decode(vae: AutoencoderKLWan, latents: Tensor) -> None:
    for _ in autoencoder.decode(vae, latents):
        pass


def _takes(model: TalkTransformer, back_end: str) -> bool:
    """Whether this back end is installed and knows this device."""
    try:
        model.set_attention_backend(back_end)
        _ask(replace(REHEARSAL, **_same(model)), model, REHEARSAL.sizes[0], speakers=2)
    except (ImportError, RuntimeError, ValueError) as error:
        print(f"{back_end:<24} not measured: {str(error).strip().splitlines()[0][:80]}")
        return False
    return True


def _same(model: TalkTransformer) -> dict[str, Any]:
    weight = model.patch_embedding.weight
    return {"device": weight.device.type, "dtype": weight.dtype, "wan": model.config, "audio": model.audio_shape}


def _seconds(setup: Setup, once: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    """Time it so often, after one time that does not count."""
    took = []
    for _ in range(rounds + 1):
        _settle(setup)
        began_at = time.perf_counter()
        once()
        _settle(setup)
        took.append(time.perf_counter() - began_at)
    return took[1:]


def _settle(setup: Setup) -> None:
    if setup.device == "cuda":
        torch.cuda.synchronize()


@contextmanager
def _peak(setup: Setup) -> Iterator[Callable[[], str]]:
    """Tells afterwards how much of the GPU's memory was taken at once; a CPU does not count it."""
    if setup.device != "cuda":
        yield lambda: "not counted"
        return
    torch.cuda.reset_peak_memory_stats()
    yield lambda: f"{torch.cuda.max_memory_allocated() / _GB:.1f} GB"


def _forget() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
