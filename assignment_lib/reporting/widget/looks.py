"""What one network says of queries and gallery, however the switches stand; a picture of one's own is asked of it too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torchvision.transforms.v2.functional import resize

from assignment_lib.evaluation.calibration import calibrated
from assignment_lib.evaluation.predictions import Predictions, predict, with_mirror
from assignment_lib.reporting.widget import explaining
from assignment_lib.reporting.widget.explaining import AttributeHeat, MatchHeat
from assignment_lib.retrieval.decisions import Learned
from assignment_lib.retrieval.expansion import expand_queries
from assignment_lib.retrieval.options import Options
from assignment_lib.retrieval.pair_scores import GallerySide, gallery_side
from assignment_lib.retrieval.same_person_probability import SamePerson, candidates
from assignment_lib.retrieval.whitening import Whitening, fit_whitening


class View(NamedTuple):
    """How embeddings are made: two of the switches."""

    mirror: bool = False
    whitening: bool = False


@dataclass(eq=False)
class Look:
    """One network's answers; `look` makes it."""

    views: Mapping[bool, Mapping[str, Predictions]]  # with mirror images or without -> "query", "gallery", ... -> said
    usual: View  # that of threshold, probability and answers
    reranked: bool  # whether these are re-ranked
    threshold: float  # similarity with which the slider begins
    keep: Tensor | None = None  # (G,) bool: what passes the junk filter
    answers: Mapping[str, Sequence[Tensor]] = field(default_factory=dict)  # "list", "set" -> places of each query
    model: SamePerson | None = None  # of the probability "same person"
    expanded: bool = False  # whether queries are expanded before it is asked
    network: nn.Module | None = None
    temperatures: dict[str, float] | None = None
    said: Mapping[str, dict[str, Tensor]] | None = (
        None  # "query", "gallery" -> probabilities, where other than in `views`
    )
    size: tuple[int, int] | None = None  # (height, width) that the network wants of a picture of one's own
    heat: MatchHeat | None = None
    attribute_heat: AttributeHeat | None = None
    _whitenings: dict[bool, Whitening] = field(default_factory=dict)
    _embeddings: dict[View, dict[str, Tensor]] = field(default_factory=dict)
    _probabilities: dict[str, dict[str, Tensor]] = field(default_factory=dict)
    _side: GallerySide | None = None
    _kept: tuple[Tensor, Tensor] | None = None

    def embeddings(self, view: View) -> dict[str, Tensor]:
        """Those of "query" `(Q, D)` and "gallery" `(G, D)`, L2-normalised; whitening is learned when it is first asked for."""
        if view not in self._embeddings:
            said = self.views[view.mirror]
            self._embeddings[view] = {name: self.white(said[name].embeddings, view) for name in ("query", "gallery")}
        return self._embeddings[view]

    def white(self, embeddings: Tensor, view: View) -> Tensor:
        """Embeddings `(N, D)` made with or without mirror images, whitened where `view` asks for it."""
        if not view.whitening:
            return embeddings
        if view.mirror not in self._whitenings:
            said = self.views[view.mirror]
            # as notebook 05 does for a network with validation people, and for one without
            names = ("crowd", "validation", "training") if "crowd" in said else ("gallery", "training")
            names = names if set(names) <= set(said) else ("gallery", "query")
            self._whitenings[view.mirror] = fit_whitening(*(said[name].embeddings for name in names))
        return self._whitenings[view.mirror](embeddings)

    def probabilities(self, name: str) -> dict[str, Tensor]:
        """What the attribute heads say of "query" or "gallery", calibrated where that helps: task -> `(N, C)`."""
        if name not in self._probabilities:
            said = self.views[self.usual.mirror][name].probabilities if self.said is None else self.said[name]
            self._probabilities[name] = self._calibrated(said)
        return self._probabilities[name]

    def _calibrated(self, said: dict[str, Tensor]) -> dict[str, Tensor]:
        return said if self.temperatures is None or not said else calibrated(said, self.temperatures)

    def fitting(self, image: Tensor) -> Tensor:
        """An image `(3, H, W)` uint8 of the size that the network wants."""
        if self.size is None or tuple(image.shape[1:]) == self.size:
            return image
        return resize(image, list(self.size), antialias=True)

    def ask(self, image: Tensor) -> tuple[dict[bool, Tensor], dict[str, Tensor]]:
        """Embeddings `(1, D)`, without mirror images and with them, and probabilities `(C,)` of each task of an image.

        The image is one's own: uint8 `(3, H, W)`.

        Raises ValueError where the network is not at hand.
        """
        if self.network is None:
            raise ValueError("the network is not at hand, so pictures of your own cannot be looked at")
        image = self.fitting(image)
        plain, mirrored = (predict(self.network, store) for store in (image[None], image[None].flip(3)))
        said = {False: plain, True: with_mirror(plain, mirrored)}
        of = self._calibrated(said[self.usual.mirror].probabilities)
        return {mirror: one.embeddings for mirror, one in said.items()}, {
            task: values[0] for task, values in of.items()
        }

    def same_person(self, embedding: Tensor, own: int | None = None) -> Tensor | None:
        """How likely each gallery image shows the person of `embedding` `(D,)`, made by the `usual` view: `(G,)`.

        NaN for images that are no candidate, are filtered away, or are the `own` image that is asked with. None where no
        probability was learned.
        """
        if self.model is None:
            return None
        made = self.embeddings(self.usual)
        if self._kept is None:
            places = torch.arange(len(made["gallery"])) if self.keep is None else self.keep.nonzero()[:, 0]
            self._kept = places, made["gallery"][places]
        places, gallery = self._kept
        if self._side is None:
            self._side = gallery_side(made["query"], gallery)
        asked = embedding[None]
        if self.expanded:
            asked = expand_queries(asked, gallery)
        similarity = asked @ gallery.T
        if own is not None:
            similarity[:, places == own] = -torch.inf
        found = candidates(similarity, self._side)
        likely = self.model(found.evidence)[0].masked_fill(~found.there[0], torch.nan)
        return torch.full((len(made["gallery"]),), torch.nan).scatter_(0, places[found.order[0]], likely)


def look(
    views: Mapping[bool, Mapping[str, Predictions]],
    *,
    threshold: float,
    options: Options | None = None,
    keep: Tensor | None = None,
    answers: Mapping[str, Sequence[Tensor]] | None = None,
    learned: Learned | None = None,
    network: nn.Module | None = None,
    temperatures: dict[str, float] | None = None,
    probabilities: Mapping[str, dict[str, Tensor]] | None = None,
    size: tuple[int, int] | None = None,
    heat: MatchHeat | None = None,
    attribute_heat: AttributeHeat | None = None,
) -> Look:
    """What `play` needs of one network, from what notebook 05 has computed.

    `views` is {False: what it says of the images, True: with mirror images too}, either of which may be left out: name ->
    `Predictions`, with "query" and "gallery", and for whitening "crowd", "validation", "training", or "training" alone.
    `options` are those with which `threshold`, `learned` (whose probabilities are shown) and `answers` (name -> gallery places
    of each query) were made; `keep` `(G,)` bool says what passes the junk filter. With the `network` pictures of one's own can
    be asked with; `temperatures` bring its confidences down; `size` is the one that it wants, where those shown have another.
    `probabilities` ("query" and "gallery" -> task -> `(N, C)`) are shown instead of those of `views`. `heat` and
    `attribute_heat` paint where a match or an attribute is; by default as `explaining` does.
    """
    if network is not None:
        heat = heat or explaining.match_heat(network)
        attribute_heat = attribute_heat or explaining.attribute_heat(network)
    options = options or Options()
    usual = View(options.mirror if options.mirror in views else next(iter(views)), options.whitening)
    return Look(
        views, usual, options.after == "re-ranking", threshold, keep, answers or {}, learned.model if learned else None,
        bool(learned and learned.expanded), network, temperatures, probabilities, size, heat, attribute_heat,
    )  # fmt: skip
