"""The names of architectures that timm does not know: folders, pages of the hub, and towers of open_clip."""

from __future__ import annotations

LOCAL = "local-dir:"
HUB = ("hf-hub:", "hf_hub:")
CLIP = "open_clip:"
SITE = "https://huggingface.co"


def is_outside(arch: str) -> bool:
    """Return whether an architecture is a folder, a page of the hub or a tower of open_clip."""
    return arch.startswith((LOCAL, CLIP, *HUB))


def local_folder(arch: str) -> str:
    """Return the folder that holds an architecture; empty for any other."""
    inner = arch.removeprefix(CLIP)
    return inner.removeprefix(LOCAL) if inner.startswith(LOCAL) else ""


def page(arch: str) -> str:
    """Return the page of the hub that holds an architecture, with its revision; empty for any other."""
    inner = arch.removeprefix(CLIP)
    return next((inner.removeprefix(prefix) for prefix in HUB if inner.startswith(prefix)), "")


def file_names(arch: str) -> tuple[str, str]:
    """Return what timm or open_clip calls the configuration and the weights of an architecture in a folder."""
    if arch.startswith(CLIP):
        return "open_clip_config.json", "open_clip_model.safetensors"
    return "config.json", "model.safetensors"


def how_to_get(arch: str, hub_id: str = "") -> str:
    """Write what to download and where to put it, for a network that is out of reach here.

    Args:
        arch: Name of the architecture.
        hub_id: Its page of the hub, if its name does not tell.
    """
    if local_folder(arch):
        return ""
    prefix = f"{CLIP}{LOCAL}" if arch.startswith(CLIP) else LOCAL
    name = (page(arch) or hub_id).partition("@")[0]
    if not name:
        return ": without network access, copy the hub's cache (HF_HOME) from a machine that has it"
    config, weights = file_names(arch)
    return (
        f": without network access, download {config} and {weights} of {SITE}/{name} elsewhere, put them into a folder "
        f"and set arch={prefix}FOLDER; or copy the hub's cache (HF_HOME) from a machine that has them"
    )
