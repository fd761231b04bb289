"""What a sweep found: ``summary.json``, ``summary.csv`` and the ranking.

``summary.json`` is there from the beginning and is rewritten after every job; it is also what a sweep resumes from. Its
keys:

- ``schema``: 1.
- ``command``: repeats the whole sweep. ``arguments``: those of `invrender sweep`, as a list.
- ``swept``: the keys that differ between jobs, in the order given.
- ``rank_by``: ``{"name": NAME, "higher_is_better": BOOL}``; NAME is ``loss``, ``seconds`` or ``UNKNOWN.ERROR``. It is None
  until a job has finished.
- ``jobs``: a list, by number. Of each job:
  ``number``, from 0; ``folder``, relative to the sweep's, with all that a fit leaves behind, and ``log.txt``;
  ``overrides``, all of the job's own arguments; ``values``, by swept key, as typed;
  ``status``: ``finished``, ``failed``, ``pruned`` (by a search, for being hopeless) or ``missing`` (not done yet);
  ``rank``: from 1, None unless finished;
  ``errors``, ``errors_start``: by unknown, by name, as in ``result.json``; empty where the truth is not known;
  ``loss``, ``loss_start``, ``seconds``, ``iterations``, ``stopped_because``: as in ``result.json``, None unless finished;
  ``message``: why it failed, in a line, else None.

``summary.csv`` has a row for each job, with a column for each swept key and each error (``UNKNOWN.ERROR``).
"""
