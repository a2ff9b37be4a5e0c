"""Page → story as printed. Pure, over one parse.

story       the columns' rules, called in order        blocks      what the page prints, block by block
walk        the walk that reads the blocks             regions     what elements mean by tag, role, class and id
structured  what the page says of itself to machines   title       the headline; headline: dek and section label
body        which blocks are the story: container, its extent (container), what is kept of it (selection), boxes that are
            none of it (boxes), how much of it is prose (prose), what regions to forget (wrappers), and what such lines say
            (phrases)
faq         questions and answers
source      whom the page credits                      people      who wrote it
source_list several sources in a list                 credit_words  credits told by their words alone
trace       what was weighed, for `--explain`
published   when, by the surest evidence               datelines   the dates that a page shows
dates       dates as pages write them
selectors   a site's own, where the rules fall short   parts       stories of several pages: the next page, and all joined
"""

from archiver.extract.selectors import Selectors
from archiver.extract.story import EXTRACTOR, extract_story
from archiver.extract.trace import Candidate, Trace

__all__ = ["EXTRACTOR", "Candidate", "Selectors", "Trace", "extract_story"]
