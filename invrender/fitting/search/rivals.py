"""The rivals of an answer: poses that look like it and explain the picture as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from invrender.fitting.judge.evidence import weigh_by
from invrender.fitting.judge.telling import least_loss, tells_apart
from invrender.fitting.objective import Objective
from invrender.fitting.schedule import Stage, select
from invrender.fitting.search.seeker import Candidate, Seeker
from invrender.fitting.solve.base import Linearized, Raw, few_numbers

# An answer explains the picture as well as another one whose loss is at most so many times as large.
AS_WELL = 1.3
# Answers that look alike are compared at full size where their losses, small and blurred, differ by less than this.
CLOSE = 5.0
# Where on the way from an answer to a rival the picture is asked: at few of these a symmetric body has turned enough.
BETWEEN = (0.31, 0.5, 0.73)


@dataclass(frozen=True)
class Referee:
    """Compares an answer with its rivals as a solver's stages draw them, from the last on in which the pose moves."""

    seeker: Seeker
    stages: Sequence[Stage]
    resting: Raw

    @cached_property
    def objectives(self) -> list[Objective]:
        """The objectives of the last stage in which the pose moves, and of those after it."""
        moving = [self.seeker.name in select(self.resting, stage.unknowns) for stage in self.stages]
        index = max(index for index, moves in enumerate(moving) if moves)
        return [self.seeker.problem.at(stage, self.resting) for stage in self.stages[index:]]

    @property
    def objective(self) -> Objective:
        """Of the last stage in which the pose moves."""
        return self.objectives[0]

    def find_rivals(self, alike: Sequence[Candidate]) -> tuple[Candidate, list[Candidate]]:
        """The best of an answer and of those that look alike, and the others that the picture does not tell from it.

        alike: refined in the search's last stage, the best first.
        """
        answer = self.seeker.measure(self.objective, few_numbers(self.resting))
        close = [
            other.raw
            for other in alike
            if other.loss <= CLOSE * alike[0].loss and self.seeker.is_apart(other, [answer])
        ]
        refined = self.seeker.descend(self.objective, close, self.objective.stage.steps)
        # What ends at the answer is the answer, however many more steps it took.
        others = [other for other in refined if self.seeker.is_apart(other, [answer])]
        best, *rest = self.seeker.keep_distinct([answer, *others])
        return best, self.keep_untold(best, self.keep_as_good(best, rest))

    def keep_as_good(self, answer: Candidate, others: Sequence[Candidate]) -> list[Candidate]:
        """Those of other candidates that are as good by the losses that weigh the evidence, if there are any.

        A loss that bounds outliers tightly, or one of silhouettes beside it, has hardly less to say of a wrong pose.
        """
        weighed = weigh_by(self.seeker.problem, self.objective.stage, self.resting)
        if weighed is None or not others:
            return list(others)
        least, *losses = weighed.scores([answer.raw, *(other.raw for other in others)])
        return [other for other, loss in zip(others, losses, strict=True) if loss <= AS_WELL * least]

    def keep_untold(self, answer: Candidate, others: Sequence[Candidate]) -> list[Candidate]:
        """Those of other candidates that the picture does not tell from the answer."""
        if not others:
            return []
        found, *locals_ = self.linearize([answer, *others])
        rates = found.spread(self.objective.rates)
        most = AS_WELL * (answer.loss + least_loss(found))
        return [
            other
            for other, local in zip(others, locals_, strict=True)
            if other.loss <= most and not tells_apart(found, local, rates, self.objective.sizes)
        ]

    def linearize(self, candidates: Sequence[Candidate]) -> list[Linearized]:
        """The losses near some candidates."""
        raws = [select(each.raw, self.objective.stage.unknowns) for each in candidates]
        return self.objective.linearize(raws, list(raws[0]))

    def finish(self, raw: Raw) -> Raw:
        """The raw tensors of a rival after the stages in which the pose rests."""
        for objective in self.objectives[1:]:
            [candidate] = self.seeker.descend(objective, [few_numbers(raw)], self.seeker.steps)
            raw = {**raw, **candidate.raw}
        return {**self.resting, **raw}

    def are_joined(self, answer: Candidate, rival: Candidate) -> bool:
        """Whether poses between an answer and a rival explain the picture as well, wherever they are.

        So it is where a body of revolution is turned about its axis. Of a body with facets the picture tells those in
        between, or they roll back to where its facets lie as in the answer.
        """
        turn = self.nearest_turn(answer, rival)
        changes = [{self.seeker.name: share * turn} for share in BETWEEN]
        raws = [self.objective.retract(answer.raw, change)[0] for change in changes]
        placed = [self.seeker.measure(self.objective, raw) for raw in raws]
        refined = self.seeker.descend(self.objective, raws, self.seeker.steps)
        stays = [
            self.seeker.distance(before.scene, after.scene) <= self.seeker.apart
            for before, after in zip(placed, refined, strict=True)
        ]
        return all(stays) and len(self.keep_untold(answer, refined)) == len(refined)

    def nearest_turn(self, answer: Candidate, rival: Candidate) -> Tensor:
        """Of the changes to poses that look like an answer, the one that comes nearest to a rival."""
        turns = self.seeker.pose.symmetries(self.objective.scene_at(answer.raw))

        def distance(turn: Tensor) -> float:
            raw, _ = self.objective.retract(answer.raw, {self.seeker.name: turn})
            return self.seeker.distance(self.objective.scene_at(raw), rival.scene)

        nearest: Tensor = min(turns, key=distance)
        return nearest
