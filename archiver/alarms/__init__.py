"""What is unlike the site's own past: run records in, alarms out. Pure.

quality  what the stories of a run look like, in numbers
alarm    one alarm; the runs before
stories  a column that is suddenly empty (`columns`), a body that is suddenly longer or shorter (`length`): the run's
         stories are held back
run      a listing that suddenly shows few stories, failures of one kind, no new story for longer than ever: there is
         nothing to hold back
windows  which runs are tested together, and which ones they are compared with
tails    how unlikely that is

A test speaks where two things hold: the change is large (more than half of the usual share is gone; bodies are 1.5 times as
long or short), and what is seen has a probability below `windows.RARE` after the site's past. 14 columns and the length,
each tested twice at most, are 30 tests of 3 in 100,000: fewer than one false alarm in a thousand runs, however the tests
hang together (Bonferroni). A column of which 20 stories or more have nothing at all is told at 3 in 10,000: a broken selector
leaves nothing, chance a few. That is beyond the bound; `bench.alarms.simulate` counts what comes of it. A site that differs
from run to run gets wider distributions, not more alarms.

What is compared with what:

- Sections apart: of a section whose stories never have a column nothing is to be learned of it.
- A run of few stories is tested together with the runs before it, until there are 20 stories and 15 that should have the
  column. It must show the fault itself: a selector that has been mended does not alarm for what went before.
- The past is the 30 runs before that brought stories, or as many more as it takes to have 300. A run counts for 100
  stories at most, so that the first crawl does not outweigh all others. A drift over weeks moves the past along.
- Runs held back are no past until they are accepted. An accepted alarm is the new usual: what was before counts no more.
"""
