"""Read a model's configuration from the Hugging Face hub (extra ``hub``)."""

from __future__ import annotations

import socket
from dataclasses import replace
from urllib.parse import urlsplit

from inferplan.catalog.hf_config import model_from_config
from inferplan.catalog.types import ModelSpec
from inferplan.errors import InputError

_OFFLINE_FIX = "fetch its config.json where there is a network and give that file"


def model_from_hub(repo_id: str) -> tuple[ModelSpec, str | None]:
    """Fetch ``config.json`` of a repository (a few kB; no weights) and read it.

    Parameters
    ----------
    repo_id : str
        ``organisation/name``.

    Returns
    -------
    ModelSpec
        Its architecture.
    str or None
        The weight format it declares.

    Raises
    ------
    InputError
        If the ``hub`` extra is not installed, there is no network, the repository does
        not exist, is gated, or holds no configuration.
    DataError
        If the configuration cannot be used.

    Examples
    --------
    >>> model_from_hub("meta-llama/Llama-3.1-8B")  # doctest: +SKIP
    """
    try:
        from huggingface_hub import hf_hub_download
    except ImportError as error:
        problem = "needs the hub extra"
        raise InputError("model", repo_id, problem, "pip install 'inferplan[hub]'") from error
    from huggingface_hub import errors

    try:
        path = hf_hub_download(repo_id, "config.json", local_files_only=not reachable())
    except errors.GatedRepoError as error:
        fix = "accept its licence on the hub and log in, or give a local config.json"
        raise InputError("model", repo_id, "is gated", fix) from error
    except errors.RepositoryNotFoundError as error:
        fix = "check the spelling, or log in if it is private"
        raise InputError("model", repo_id, "is not on the hub", fix) from error
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled) as error:
        raise InputError("model", repo_id, "cannot be fetched offline", _OFFLINE_FIX) from error
    except errors.EntryNotFoundError as error:
        fix = "give the original repository, or a local config.json or .gguf"
        raise InputError("model", repo_id, "has no config.json", fix) from error
    except errors.HFValidationError as error:
        raise InputError("model", repo_id, "is no repository name", "write org/name") from error
    except (errors.HfHubHTTPError, OSError) as error:
        problem = f"cannot be fetched ({type(error).__name__})"
        raise InputError("model", repo_id, problem, _OFFLINE_FIX) from error
    spec, weights = model_from_config(path)
    name = repo_id.rpartition("/")[2]
    return replace(spec, id=name, hf_id=repo_id, source=f"{repo_id} config.json"), weights


def reachable(timeout_s: float = 2.0) -> bool:
    """Whether the hub answers at all; asked first because the client retries for half a minute.

    Parameters
    ----------
    timeout_s : float
        How long to wait [s].
    """
    from huggingface_hub.constants import ENDPOINT

    parts = urlsplit(ENDPOINT)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=timeout_s):
            return True
    except OSError:
        return False
