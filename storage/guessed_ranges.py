"""For which images of a run the value range was guessed, and how; counted by sample.

One key for each chunk holds the ids of its samples by what was guessed, so that a chunk that is
labeled again changes nothing. There is none where nothing was guessed.
"""

from datetime import datetime, timezone

from auto_labeling.core.names import CHUNKS_STORE
from auto_labeling.storage.key_store import Keys
from auto_labeling.storage.mongo import Document

_GUESSES = ":guessed"


class GuessStore(Keys):
    """The guesses of a dataset's runs.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
    """

    NAME = CHUNKS_STORE  # whose keys go with the run

    def note(self, run_id: str, guessed: list[tuple[int, str, str]]) -> None:
        """Keeps what was guessed of samples that are about to get their labels.

        Args:
            run_id: the run's id
            guessed: ``(chunk, sample id, guess)`` of each
        """
        now = datetime.now(timezone.utc)
        for chunk in {chunk for chunk, _, _ in guessed}:
            ids: dict[str, dict[str, list[str]]] = {}
            for other, sample_id, guess in guessed:
                if other == chunk:
                    ids.setdefault(f"value.{guess}", {"$each": []})["$each"].append(sample_id)
            fixed = {"policy": "persist", "created_at": now, "updated_at": now}
            self._documents.update_one(
                {**self._scope, "key": f"{run_id}:{chunk}{_GUESSES}"},
                {"$addToSet": ids, "$setOnInsert": fixed},
                upsert=True,
            )

    def count(self, run_id: str) -> dict[str, int]:
        """How many samples there are for each guess."""
        stages: list[Document] = [
            {"$match": self._where(f"{run_id}:", _GUESSES)},
            {"$project": {"guess": {"$objectToArray": "$value"}}},
            {"$unwind": "$guess"},
            {"$group": {"_id": "$guess.k", "samples": {"$sum": {"$size": "$guess.v"}}}},
            {"$sort": {"samples": -1, "_id": 1}},
        ]
        return {d["_id"]: d["samples"] for d in self._documents.aggregate(stages)}
