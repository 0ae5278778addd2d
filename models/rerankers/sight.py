"""A vision-language model of transformers, asked yes or no about pictures: in one plain call, or on what was kept.

A prompt is: words before the picture, the tokens that the picture takes, HEAD, what differs from slot to slot. What the
vision tower made of a picture and the keys and values up to the end of HEAD do not change from slot to slot, so they
are computed once. Where a model's own code does not allow one of the two, the step before it is taken: `ways` says how
far it goes, found out by a trial when the model is loaded and not by its name.

The score is the log-odds of "yes" against "no" as the first word of the answer, over all ways to spell them: one
forward pass, no sampling. After VQAScore (Lin et al. 2024, arXiv 2404.01291).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from PIL.Image import Image, new

from composer.ports import Cancel, Vectors
from models.checkpoints import Stop
from models.rerankers.looks import Look
from models.rerankers.questions import HEAD, answers, question
from models.templates import render
from models.writers.thoughts import unthinking

Ways = Literal["plain", "features", "prefix"]
PLAIN = "User:{image}{question}\nAssistant:"
TRIAL = question("Boats in a harbour", "The town grew around it."), question("《山》 7", "")
"""Two questions that begin as differently as captions do: what their tokens share is what every question's share."""
JUDGE = (
    "Judge whether the Document meets the requirements based on the Query and the Instruct provided. Note that the "
    'answer can only be "yes" or "no".'
)
"""The system words that Qwen3-VL-Reranker was trained with (Qwen team 2026, arXiv 2601.04720)."""
INSTRUCTION = "<Instruct>: Find a picture that illustrates this part of an article.\n<Query>: {question}\n<Document>: "


class Sight:
    """The model with its processor. `judge`: it was trained to judge documents and is asked in its own form."""

    def __init__(self, model: Any, processor: Any, *, judge: bool = False) -> None:  # noqa: ANN401
        self._model, self._processor = model, processor
        self._device, self._dtype = model.device, model.dtype
        self._judge = judge
        self._template = _template(processor)
        names = ("bos_token", "eos_token", "unk_token", "pad_token")
        self._special = {name: str(word) for name in names if (word := getattr(processor.tokenizer, name, None))}
        # Padding goes after the words: every row then has the positions it would have alone.
        processor.tokenizer.padding_side = "right"
        self._yes, self._no = answers(processor.tokenizer)
        self._stop = Stop(model)
        self._accepted = set(inspect.signature(model.forward).parameters)
        self._seen = set(inspect.signature(model.get_image_features).parameters) - {"input_ids", "attention_mask"}
        self._before: list[int] = []
        self._head: list[int] = []
        self._kind: Any = None
        self._listed = True
        self.ways: Ways = self._how_far()

    # --- one plain call -----------------------------------------------------------------------------------------------

    def plain(self, images: Sequence[Image], asked: str, cancel: Cancel) -> Vectors:
        """Log-odds of yes for each picture, shape (len(images),): everything computed, nothing kept."""
        import torch

        inputs = self._inputs(images, [self.prompt(asked)] * len(images))
        last = inputs["attention_mask"].sum(dim=1) - 1
        wanted, column = last.unique(return_inverse=True)
        with torch.inference_mode(), self._stop.on(cancel):
            logits = self._model(**inputs, use_cache=False, logits_to_keep=wanted).logits
        return self._odds(logits[torch.arange(len(images), device=logits.device), column])

    def choose(
        self, images: Sequence[Image], parts: list[dict[str, Any]], answers: Sequence[str], cancel: Cancel
    ) -> Vectors:
        """Log-probabilities of the answers among themselves, (len(answers),), after a message of words and pictures."""
        import torch

        text = self._rendered([{"role": "user", "content": parts}])
        inputs = self._processor(images=[list(images)], text=[text], return_tensors="pt")
        inputs = inputs.to(self._device, dtype=self._dtype)
        with torch.inference_mode(), self._stop.on(cancel):
            logits = self._model(**inputs, use_cache=False, logits_to_keep=1).logits[0, -1].float()
        encode = self._processor.tokenizer.encode
        spelled = [{encode(word, add_special_tokens=False)[0] for word in (each, f" {each}")} for each in answers]
        odds = torch.stack([logits[sorted(ids)].logsumexp(dim=0) for ids in spelled])
        return odds.log_softmax(dim=0).cpu().numpy().astype(np.float32)

    # --- in steps -----------------------------------------------------------------------------------------------------

    def look(self, images: Sequence[Image], cancel: Cancel) -> list[Look]:
        """What the vision tower makes of each picture."""
        import torch

        each = [self._inputs([image], [self.prompt(TRIAL[0])]) for image in images]
        looks = [Look(run=self._run(inputs["input_ids"][0].tolist())) for inputs in each]
        for look, inputs in zip(looks, each, strict=True):
            look.features = {f"input.{name}": inputs[name].cpu() for name in self._shapes(inputs)}
        seen = [{name: inputs[name] for name in self._seen if name in inputs} for inputs in each]
        for group in _alike(seen, told_apart=self._listed):
            joined = {name: torch.cat([inputs[name] for _, inputs in group]) for name in group[0][1]}
            with torch.inference_mode(), self._stop.on(cancel):
                made = self._model.get_image_features(**joined, return_dict=True)
            self._kind, self._listed = type(made), isinstance(made.pooler_output, (list, tuple))
            for (at, _), parts in zip(group, self._parts(made, len(group)), strict=True):
                looks[at].features |= parts
        return looks

    def read(self, looks: Sequence[Look], cancel: Cancel) -> None:
        """Fill in the keys and values of the prompt's beginning, and where it ends. `ways` must be "prefix"."""
        import torch
        from transformers import DynamicCache

        rows = [[*self._before, *look.run, *self._head] for look in looks]
        inputs = self._batch(rows, looks)
        cache: Any = DynamicCache(config=self._model.config)
        with torch.inference_mode(), self._stop.on(cancel):
            self._model(**inputs, past_key_values=cache, use_cache=True, logits_to_keep=1)
        shifts = self._shifts(len(rows))
        layers = [torch.stack([layer.keys, layer.values]) for layer in cache.layers]
        whole = torch.stack(layers)  # (layers, 2, rows, heads, tokens, head size)
        for at, (look, row) in enumerate(zip(looks, rows, strict=True)):
            look.prefix = whole[:, :, at, :, : len(row)].to("cpu", copy=True)
            look.start = len(row) + shifts[at]

    def ask(self, looks: Sequence[Look], asked: str, cancel: Cancel) -> Vectors:
        """Log-odds of yes for each picture, shape (len(looks),), on what is kept of them."""
        rest = self._rest(asked)
        if rest is not None and all(look.prefix is not None for look in looks):
            return self._ask_prefixes(looks, rest, cancel)
        return self._ask_features(looks, asked, cancel)

    def _ask_prefixes(self, looks: Sequence[Look], rest: list[int], cancel: Cancel) -> Vectors:
        import torch
        from transformers import DynamicCache

        longest = max(look.prefix.shape[3] for look in looks)
        mask = torch.ones(len(looks), longest + len(rest), dtype=torch.long)
        held = []
        for at, look in enumerate(looks):  # shorter beginnings are padded in front and masked there
            missing = longest - look.prefix.shape[3]
            mask[at, :missing] = 0
            held.append(torch.nn.functional.pad(look.prefix, (0, 0, missing, 0)))
        kept = torch.stack(held, dim=2).to(self._device, dtype=self._dtype)
        cache = DynamicCache(config=self._model.config)
        for number, (keys, values) in enumerate(kept):
            cache.update(keys, values, number)
        starts = torch.tensor([[look.start] for look in looks])
        inputs = {
            "input_ids": torch.tensor([rest] * len(looks)),
            "attention_mask": mask,
            "position_ids": starts + torch.arange(len(rest))[None],
        }
        inputs = {name: tensor.to(self._device) for name, tensor in inputs.items()}
        with torch.inference_mode(), self._stop.on(cancel):
            logits = self._model(**inputs, past_key_values=cache, use_cache=True, logits_to_keep=1).logits
        return self._odds(logits[:, -1])

    def _ask_features(self, looks: Sequence[Look], asked: str, cancel: Cancel) -> Vectors:
        import torch

        before, after = self._around(self.prompt(asked))
        rows = [[*before, *look.run, *after] for look in looks]
        inputs = self._batch(rows, looks)
        last = torch.tensor([len(row) - 1 for row in rows], device=self._device)
        wanted, column = last.unique(return_inverse=True)
        with torch.inference_mode(), self._stop.on(cancel):
            logits = self._model(**inputs, use_cache=False, logits_to_keep=wanted).logits
        return self._odds(logits[torch.arange(len(rows), device=logits.device), column])

    # --- prompts ------------------------------------------------------------------------------------------------------

    def prompt(self, asked: str) -> str:
        """The words of a prompt with the processor's own mark where the picture goes."""
        if self._judge:
            said: list[dict[str, Any]] = [
                {"role": "system", "content": [{"type": "text", "text": JUDGE}]},
                {"role": "user", "content": [
                    {"type": "text", "text": INSTRUCTION.format(question=asked.removeprefix(HEAD).strip())},
                    {"type": "image"},
                ]},
            ]  # fmt: skip
        else:
            said = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": asked}]}]
        if not self._template:
            return PLAIN.format(image=getattr(self._processor, "image_token", "<image>"), question=asked)
        return self._rendered(said)

    def _rendered(self, said: list[dict[str, Any]]) -> str:
        text = render(self._template, said, special=self._special, enable_thinking=False, thinking=False)
        return unthinking(text, self._template)

    def _inputs(self, images: Sequence[Image], texts: list[str]) -> Any:  # noqa: ANN401 - transformers is untyped
        made = self._processor(images=[[image] for image in images], text=texts, padding=True, return_tensors="pt")
        return made.to(self._device, dtype=self._dtype)

    def _around(self, text: str) -> tuple[list[int], list[int]]:
        """Tokens before and after the picture's mark."""
        ids = self._processor.tokenizer(text, verbose=False)["input_ids"]
        at = len(ids) - 1 - ids[::-1].index(self._mark)
        return ids[:at], ids[at + 1 :]

    @property
    def _mark(self) -> int:
        token = getattr(self._processor, "image_token", None)
        known = self._processor.tokenizer.convert_tokens_to_ids(str(token)) if token else None
        found = known if known is not None else getattr(self._model.config, "image_token_id", None)
        if found is None:
            raise ValueError("no mark for pictures")
        return int(found)

    def _run(self, ids: list[int]) -> list[int]:
        """The picture's own tokens, out of those of a whole prompt for TRIAL[0]."""
        before, after = self._around(self.prompt(TRIAL[0]))
        if ids[: len(before)] != before or ids[len(ids) - len(after) :] != after:
            raise ValueError("the processor changes the words around a picture")
        return ids[len(before) : len(ids) - len(after)]

    def _rest(self, asked: str) -> list[int] | None:
        """The tokens after HEAD; None where this question does not begin as the others do."""
        before, after = self._around(self.prompt(asked))
        same = before == self._before and after[: len(self._head)] == self._head
        return after[len(self._head) :] if self.ways == "prefix" and same else None

    # --- tensors ------------------------------------------------------------------------------------------------------

    def _shapes(self, inputs: Any) -> list[str]:  # noqa: ANN401 - as above
        """What the text model must know of a picture besides its features, such as its grid."""
        told = {"input_ids", "attention_mask", "mm_token_type_ids", "token_type_ids"}
        return [name for name in inputs if name in self._accepted and name not in told and not name.startswith("pixel")]

    def _parts(self, made: Any, count: int) -> list[dict[str, Any]]:  # noqa: ANN401 - as above
        """The features of `count` pictures, each picture's for itself."""
        pooled = made.pooler_output
        if not self._listed:
            if len(pooled) % count:
                raise ValueError("features that cannot be told apart")
            pooled = pooled.split(len(pooled) // count)
        parts = [{"pooled": each.cpu()} for each in pooled]
        if len(parts) != count:
            raise ValueError("features that cannot be told apart")
        for number, deep in enumerate(getattr(made, "deepstack_features", None) or ()):
            for part, own in zip(parts, deep, strict=True):
                part[f"deep.{number}"] = own.cpu()
        return parts

    def _batch(self, rows: list[list[int]], looks: Sequence[Look]) -> dict[str, Any]:
        """Inputs of prompts whose pictures have been seen already."""
        import torch

        longest = max(len(row) for row in rows)
        padding = self._processor.tokenizer.pad_token_id or 0
        inputs: dict[str, Any] = {
            "input_ids": torch.tensor([[*row, *[padding] * (longest - len(row))] for row in rows]),
            "attention_mask": torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows]),
        }
        for name in {"mm_token_type_ids", "token_type_ids"} & self._accepted:
            inputs[name] = (inputs["input_ids"] == self._pictured).long()
        for name in [name for name in looks[0].features if name.startswith("input.")]:
            inputs[name.removeprefix("input.")] = torch.cat([look.features[name] for look in looks])
        inputs = {name: tensor.to(self._device) for name, tensor in inputs.items()}
        inputs["mm_encoder_outputs"] = {"image": self._joined(looks)}
        return inputs

    @property
    def _pictured(self) -> int:
        """The token that stands for a bit of a picture in the model's own prompts."""
        return int(getattr(self._model.config, "image_token_id", self._mark))

    def _joined(self, looks: Sequence[Look]) -> Any:  # noqa: ANN401 - as above
        import torch

        pooled = [look.features["pooled"].to(self._device) for look in looks]
        deep = [name for name in looks[0].features if name.startswith("deep.")]
        more = {"deepstack_features": [[look.features[name].to(self._device) for look in looks] for name in deep]}
        return self._kind(pooler_output=pooled if self._listed else torch.cat(pooled), **(more if deep else {}))

    def _shifts(self, rows: int) -> list[int]:
        """How far positions lag behind tokens: a picture's tokens share positions in Qwen's models."""
        for owner in (self._model, getattr(self._model, "model", None)):
            deltas = getattr(owner, "rope_deltas", None)
            if deltas is not None:
                return [int(delta) for delta in deltas.reshape(-1)[:rows]]
        return [0] * rows

    def _odds(self, logits: Any) -> Vectors:  # noqa: ANN401 - a tensor
        first = logits.float()
        odds = first[:, self._yes].logsumexp(dim=1) - first[:, self._no].logsumexp(dim=1)
        return odds.cpu().numpy().astype(np.float32)

    # --- how far it goes ----------------------------------------------------------------------------------------------

    def _how_far(self) -> Ways:
        """The furthest way whose scores are those of a plain call, on a small picture of many colours."""
        image = new("RGB", (64, 48), "orange")
        image.paste((20, 90, 200), (10, 8, 40, 40))
        cancel = Cancel()
        plainly = self.plain([image], TRIAL[1], cancel)
        if "mm_encoder_outputs" not in self._accepted:
            return "plain"
        try:
            look = self.look([image], cancel)
            if not self._agrees(plainly, lambda: self._ask_features(look, TRIAL[1], cancel)):
                return "plain"
        except (ValueError, TypeError, KeyError, AttributeError, RuntimeError, IndexError):
            return "plain"
        try:
            if not self._find_head() or not self._keeps_all():
                return "features"
            self.ways = "prefix"
            self.read(look, cancel)
            return "prefix" if self._agrees(plainly, lambda: self.ask(look, TRIAL[1], cancel)) else "features"
        except (ValueError, TypeError, KeyError, AttributeError, RuntimeError, IndexError):
            return "features"

    def _agrees(self, plainly: Vectors, other: Callable[[], Vectors]) -> bool:
        import torch

        tolerance = 1e-3 if self._dtype == torch.float32 else 0.5  # bf16 has three digits
        return bool(np.allclose(other(), plainly, atol=tolerance))

    def _find_head(self) -> bool:
        """What all prompts share after the picture; False where a picture is not the first thing."""
        (before, one), (other, two) = (self._around(self.prompt(asked)) for asked in TRIAL)
        shared = next((at for at, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), 0)
        self._before, self._head = before, one[:shared]
        return before == other and shared > 0

    def _keeps_all(self) -> bool:
        """Whether the cache keeps every token; a sliding window forgets."""
        from transformers import DynamicCache
        from transformers.cache_utils import DynamicLayer

        layers = DynamicCache(config=self._model.config).layers
        return all(type(layer) is DynamicLayer for layer in layers)


def _template(processor: Any) -> str:  # noqa: ANN401 - transformers is untyped
    """The processor's chat template, the default one of several, or none."""
    found = getattr(processor, "chat_template", None) or getattr(processor.tokenizer, "chat_template", None)
    if isinstance(found, dict):
        found = found.get("default") or next(iter(found.values()), None)
    return found if isinstance(found, str) else ""


def _alike(each: list[dict[str, Any]], *, told_apart: bool) -> list[list[tuple[int, dict[str, Any]]]]:
    """Pictures that the vision tower can take at once, with their places: all, or one by one when shapes differ.

    `told_apart`: the tower gives a list with a part a picture, so that the pictures may have unequal numbers of tiles.
    """
    numbered = list(enumerate(each))
    first = 1 if told_apart else 0
    shapes = {tuple((name, *tensor.shape[first:]) for name, tensor in inputs.items()) for inputs in each}
    return [numbered] if len(shapes) == 1 else [[one] for one in numbered]
