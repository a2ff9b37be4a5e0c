"""Which blocks are the story's body: the densest container of prose, what belongs to it, and what is amid it but no part."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from archiver.extract.blocks import CLUTTER, Block, Blocks, Node, Region

_DECAY: Final = 0.86
"""What a paragraph's prose still counts one level up: a container wins over the one inside it only when it holds a sixth
more prose. Between 0.80 and 0.90 nothing changes on the pages it was measured on."""
_UNWANTED: Final = CLUTTER | Region.CHROME | Region.HIDDEN
_CJK: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_SENTENCE_END: Final = re.compile(r"[.!?…:;。！？।؟][\"'”’»)\]“]*$")
_SENTENCE: Final = re.compile(r"[.!?…。！？।؟]")

_INTERSTITIAL: Final = re.compile(
    r"""^[\W_]{0,20}(?:
      (?:also\s+|must\s+|further\s+)?read(?:\s+(?:more|also|next|on|this|related)|\s?:|ing\s+list)\b
      | (?:see|watch|listen)(?:\s+(?:also|more|now))?\s?:
    | read\s+the\s+(?:full|latest)\b | don['’]?t\s+miss\b | you\s+(?:may|might)\s+(?:also\s+)?(?:like|be\s+interested)
    | more\s+(?:on|from|about|in|stories)\b.{0,60}$
    | related(?:\s+(?:articles?|stories|story|topics?|news|content|reading|posts?|coverage|links?|video))?\s?:? (?:.{0,120})$
    | (?:recommended|trending|popular)(?:\s+(?:stories|articles|videos|reading|for\s+you))?\s?:?$
    | click\s+here\s+(?:to|for)\b | in\s+case\s+you\s+missed
    | lesen\s+sie\s+(?:auch|dazu|hier|mehr|weiter) | lies\s+(?:auch|dazu) | mehr\s+(?:zum\s+thema|dazu|lesen)
    | das\s+könnte\s+(?:sie|dich) | auch\s+interessant | weiterlesen | zum\s+thema\s?:
    | (?:à\s+)?lire\s+(?:aussi|également|la\s+suite|plus) | sur\s+le\s+même\s+(?:sujet|thème) | voir\s+aussi
    | le(?:e|a|er)\s+(?:también|más|mas|además|tambien) | ver\s+también | te\s+puede\s+interesar | más\s+información
    | también\s+te
    | leia\s+(?:também|mais) | veja\s+também | saiba\s+mais | leggi\s+anche | lees\s+(?:ook|meer|verder)
    | läs\s+(?:också|mer|även) | les\s+(?:også|mer) | læs\s+(?:også|mere) | lue\s+(?:myös|lisää)
    | czytaj\s+(?:też|także|również|więcej) | zobacz\s+(?:też|także|również) | читайте\s+(?:также|ещё|еще)
    | читай(?:те)?\s+також | baca\s+juga | ayrıca\s+(?:bkz|oku) | 関連記事 | 相关阅读
    )""",
    re.VERBOSE | re.IGNORECASE,
)  # fmt: skip
_BOILERPLATE: Final = re.compile(
    r"""^[\W_]{0,20}(?:
      advertisement(?:s)?\W*$ | advertis(?:ing|er\s+content)\W*$ | ad\W*$ | sponsored(?:\s+content)?\W*$ | anzeige\W*$
      | werbung\W*$ | publicité\W*$ | publicidad(?:e)?\W*$ | pubblicità\W*$ | реклама\W*$ | continue\s+reading\s+below
    | story\s+continues\s+below | article\s+continues\s+(?:after|below) | scroll\s+(?:down\s+)?to\s+(?:continue|read)
    | skip\s+(?:past|to)\b.{0,60}$
    | share(?:\s+(?:this|on|via|article|full)\b.{0,60})?\W*$ | teilen\W*$ | partager.{0,40}$ | compartir.{0,40}$
    | print(?:\s+this)?.{0,20}$ | e-?mail\W*$ | comments?\W*(?:\(\d+\))?$ | \d+\s+comments?$ | copy\s+link\W*$
    | save(?:\s+article|\s+story)?\W*$
    | follow\s+(?:us|me|him|her|\S+)\s+on\b.{0,120}$ | like\s+us\s+on\b
    | join\s+(?:us|our|the\s+conversation)\b.{0,100}$ | (?:sign\s+up|subscribe|register)\b.{0,140}$
    | (?:get|receive)\s+(?:our|the|all|more|breaking|daily)\b.{0,100}\b(?:inbox|newsletter|e-?mail|alerts?|app)\b
    | (?:our|the|free|daily|weekly)\s+newsletter.{0,60}$ | enter\s+your\s+e-?mail.{0,80}$
    | by\s+(?:signing\s+up|subscribing|clicking)\b | download\s+(?:our|the)\b.{0,40}\bapp\b | newsletter\W*$
    | (?:photo|image|picture|foto|bild|photograph|illustration|graphic|quelle|source\s+photo|file\s+photo|video)\s*
      (?:credits?|by|courtesy|:|©|/).{0,160}$
    | getty\s+images.{0,60}$
    | (?:©|\(c\)|copyright\b).{0,200}$ | .{0,80}\ball\s+rights\s+reserved\b.{0,160}$
    | alle\s+rechte\s+vorbehalten.{0,60}$ | tous\s+droits\s+réservés.{0,60}$
    | tags?\s?:.{0,200}$ | topics?\s?:.{0,200}$ | filed\s+under\b.{0,200}$ | categor(?:y|ies)\s?:.{0,160}$
    | keywords?\s?:.{0,200}$ | labels?\s?:.{0,120}$ | schlagw(?:o|ö)rt(?:er|e)?\s?:.{0,160}$
    | (?:\d+|one|two|three|four|five)\s+(?:min(?:ute)?s?)\s+(?:read|to\s+read)\W*$ | reading\s+time.{0,30}$
    | lesezeit.{0,30}$ | est(?:imated)?\.?\s+reading\s+time.{0,30}$
    | (?:first\s+)?(?:published|posted|updated|last\s+(?:updated|modified)|created|veröffentlicht|aktualisiert|publié
      |mis\s+à\s+jour|publicado|actualizado|pubblicato)\b.{0,80}\d{1,4}.{0,40}$
    | (?:this\s+(?:site|website)|we)\s+uses?\s+cookies\b | (?:accept|manage|reject)\s+(?:all\s+)?cookies
    | your\s+browser\s+does\s+not | please\s+enable\s+javascript | javascript\s+is\s+(?:disabled|required)
    | (?:view|see|show|load|all)\s+(?:all\s+|more\s+)?comments?\b.{0,30}$ | leave\s+a\s+(?:reply|comment).{0,40}$
    | log\s+in\s+to\b.{0,60}$ | already\s+(?:a\s+subscriber|have\s+an\s+account).{0,60}$
    | listen\s+to\s+this\s+article.{0,60}$
    | back\s+to\s+top\W*$ | read\s+full\s+(?:bio|article)\W*$ | swipe\b.{0,40}$ | tap\s+to\b.{0,40}$ | loading\W*$
    | (?:previous|next)(?:\s+(?:article|post|story))?\W*$ | view\s+(?:gallery|original|on)\b.{0,60}$
    | do\s+you\s+have\s+a\s+(?:tip|story)\b.{0,160}$
    )""",
    re.VERBOSE | re.IGNORECASE,
)  # fmt: skip
_COMMENTS: Final = re.compile(
    r"""^\W{0,20}(?:\d+\s+)?(?:reader\s+)?(?:comments?|responses?|replies|kommentare?|commentaires?|comentarios?|comentários|commenti|reacties)
    (?:\s*\(?\d+\)?)?\W*$ | ^(?:leave\s+a\s+(?:reply|comment)|join\s+the\s+(?:conversation|discussion))\b""",
    re.VERBOSE | re.IGNORECASE,
)
_END: Final = re.compile(
    r"""^[\W_]{0,20}(?:related(?:\s+(?:articles?|stories|posts?|topics?|news|content|coverage|reading|links?))?
    | more\s+(?:from|on|in|stories|news|articles|to\s+read)\b.{0,60} | read\s+(?:next|more|also)
      | recommended(?:\s+(?:for\s+you|stories|articles|reading))?
      | you\s+(?:may|might)\s+(?:also\s+)?(?:like|enjoy).{0,30}
      | (?:latest|top|trending|popular|most\s+(?:read|popular|viewed))(?:\s+(?:news|stories|articles|posts))?
      | (?:leave|add|write|post)\s+a\s+(?:comment|reply) | (?:\d+\s+)?comments? (?:\s*\(\d+\))?
      | (?:\d+\s+)?(?:responses|replies)\b.{0,40} | about\s+the\s+authors? | about\s+(?:us|this\s+site)
      | what\s+to\s+read\s+next | up\s+next | share\s+this.{0,40} | see\s+also
      | mehr\s+(?:zum\s+thema|aus|von|lesen).{0,40} | das\s+könnte\s+(?:sie|dich).{0,40} | auch\s+interessant
      | kommentare? | à\s+lire\s+aussi | sur\s+le\s+même\s+(?:sujet|thème) | commentaires? | comentarios?
      | lo\s+más\s+(?:leído|visto) | relacionad[ao]s | te\s+puede\s+interesar | leia\s+também | veja\s+também
      | leggi\s+anche | lees\s+ook | meer\s+over.{0,40} | footnotes? | newsletter.{0,30} | sign\s+up.{0,60}
      | subscribe.{0,60} | join\s+the\s+(?:conversation|discussion).{0,30} | get\s+in\s+touch | contact(?:\s+us)?
      | tags | topics | follow\s+us.{0,30} | further\s+reading | 関連記事 | 相关(?:阅读|新闻) | 댓글)\W*$""",
    re.VERBOSE | re.IGNORECASE,
)  # fmt: skip


@dataclass(slots=True)
class Body:
    """The body as found, and what was amid it."""

    blocks: list[Block] = field(default_factory=list)
    container: Node | None = None
    interstitials: list[Block] = field(default_factory=list)
    score: float = 0.0


def prose_of(block: Block) -> float:
    """How much prose a block holds: characters outside links, less where it does not read as sentences."""
    text = block.text
    loose = len(text) - block.link_chars
    if loose < 20 or block.heading or block.link_chars > 0.6 * len(text):
        return 0.0
    if _CJK.search(text):
        loose *= 3
    if block.tag in ("button", "label", "summary", "dt", "th"):
        return 0.0
    if _SENTENCE_END.search(text):
        ends = 1.0 if loose > 60 else 0.6
    elif loose > 200 and _SENTENCE.search(text):
        ends = 0.9
    else:
        ends = 0.25
    kind = 1.0 if block.tag == "p" else 0.8
    return loose * ends * kind


def find_body(
    page: Blocks,
    is_other: Callable[[Block], bool],
    start: int = 0,
    ends: Iterable[int] = (),
    later_ends: Iterable[int] = (),
    likely_ends: Iterable[int] = (),
    is_outbound: Callable[[str], bool] = lambda _: False,
) -> Body:
    """Find the body among the blocks.

    `is_other` tells blocks that another column has claimed (title, dek, FAQ, source). `start` is the index of the headline:
    prose before it is no part of the story, where there is enough after it. `ends` are blocks after which the story is over
    (the credit, the FAQ), where most of its prose stands before them. `is_outbound` tells links to other sites: a list of
    those is part of the text, a list of links within the site is a menu.
    """
    weights = [prose_of(b) for b in page.blocks]
    prose = _weigh(page, weights, is_other, _UNWANTED)
    if sum(prose) < 200:  # nothing in plain sight: what stands in side boxes or is hidden may be the story after all
        prose = _weigh(page, weights, is_other, Region.NAV | Region.FOOTER | Region.COMMENT)
    after = sum(prose[start:])
    if after >= 0.5 * sum(prose):
        prose[:start] = [0.0] * start
    comments = [b.index for b in page.blocks if b.heading and _COMMENTS.match(b.text)]
    later_ends = [end for end in later_ends if not _goes_on(page, prose, end)]
    # What stands after the end, comments or cards or footers, may be longer than the story.
    last = _find_end(prose, start, ends, [*later_ends, *comments], likely_ends)
    prose[last:] = [0.0] * (len(prose) - last)
    container, score = _densest(page, prose)
    if container is None:
        return Body()
    first, end = _widen(container, page, prose, start)
    last = min(last, end) if first < last else end
    body = Body(container=container, score=score)
    _select(body, page, (first, last), prose, is_other, start, is_outbound)
    return body


def _goes_on(page: Blocks, prose: list[float], end: int) -> bool:
    """Whether the text goes on after a block: with paragraphs beside those before it."""
    weighty = [(b.index, b.node.parent) for b, w in zip(page.blocks, prose, strict=True) if w > 60]
    return not {p for i, p in weighty if i < end}.isdisjoint({p for i, p in weighty if i > end})


def _find_end(
    prose: list[float], start: int, ends: Iterable[int], later_ends: Iterable[int], likely_ends: Iterable[int]
) -> int:
    """Where the story is over: at the first sure end with any prose before it, the comments after a short story's, or the
    first likely end after most of the page's.
    """
    before = [0.0]
    for weight in prose:
        before.append(before[-1] + weight)
    needed = (
        dict.fromkeys(likely_ends, max(300, 0.6 * before[-1]))
        | dict.fromkeys(later_ends, 300)
        | dict.fromkeys(ends, 80)
    )
    passed = [end for end, least in needed.items() if before[end] - before[min(start, end)] > least]
    return min([*passed, len(prose)])


def _weigh(page: Blocks, weights: list[float], is_other: Callable[[Block], bool], unwanted: int) -> list[float]:
    """The prose of each block, none for those in unwanted regions and those that another column has."""
    return [
        w if w and not b.region & unwanted and not is_other(b) else 0.0
        for b, w in zip(page.blocks, weights, strict=True)
    ]


def clear_wrappers(page: Blocks) -> None:
    """Forget what a region is called where it holds the page's prose: a `<form>` around everything, a theme whose
    main column has "sidebar" in its class.
    """
    running = [0.0]
    for each in map(prose_of, page.blocks):
        running.append(running[-1] + each)
    total = running[-1]
    suspicious = CLUTTER | Region.CHROME | Region.HIDDEN | Region.HEADER | Region.TABLE
    changed = False
    cleared: set[int] = set()
    for node in page.nodes:  # what holds a part that is called the text of the story is no clutter itself
        if node.own & Region.CONTENT and running[node.last] - running[node.first] > 300:
            above = node.parent
            while above is not None:
                if above.own & suspicious:
                    cleared.add(id(above))
                    changed = True
                above = above.parent
    for node in page.nodes:
        if node.own & suspicious and node.tag not in ("li", "td"):
            share = running[node.last] - running[node.first]
            limit = (
                0.8
                if node.own & (Region.COMMENT | Region.CAPTION)
                else 0.25
                if node.own & Region.CHROME or node.tag == "form"
                else 0.6
            )
            if share > limit * total and share > 300:
                cleared.add(id(node))
                changed = True
    if not changed:
        return
    for node in page.nodes:
        own = node.own & ~suspicious if id(node) in cleared else node.own
        node.own = own
        node.region = own | (node.parent.region if node.parent else 0)
    for block in page.blocks:
        block.region = block.node.region | block.region & Region.SMALL_BOX


def _densest(page: Blocks, prose: list[float]) -> tuple[Node | None, float]:
    scores: dict[int, float] = {}
    by_id: dict[int, Node] = {}
    for block, weight in zip(page.blocks, prose, strict=True):
        if weight <= 0:
            continue
        node: Node | None = block.node
        if node is not None and node.tag in ("p", "li", "blockquote", "td", "dd", "pre") and node.parent is not None:
            node = node.parent
        factor = 1.0
        for _ in range(8):
            if node is None or node.tag == "html":
                break
            bonus = 1.15 if node.own & Region.CONTENT else 1.05 if node.own & Region.ARTICLE else 1.0
            scores[id(node)] = scores.get(id(node), 0.0) + weight * factor * bonus
            by_id[id(node)] = node
            factor *= _DECAY
            node = node.parent
    if not scores:
        return None, 0.0
    best = max(scores, key=lambda key: (scores[key], -by_id[key].depth))
    return by_id[best], scores[best]


def _widen(container: Node, page: Blocks, prose: list[float], start: int) -> tuple[int, int]:
    """Widen the container to what belongs to it: a lead set apart above it, a body split over siblings."""
    first, last = container.first, container.last
    inside = sum(prose[first:last])
    homes = {_home(b) for b, w in zip(page.blocks[first:last], prose[first:last], strict=True) if w > 60}
    node = container
    for _ in range(9):
        parent = node.parent
        if parent is None or parent.tag == "html":
            break
        before = _prose_like(page, prose, max(parent.first, start), first)
        after = _prose_like(page, prose, last, parent.last)
        if len(after) < 4 or sum(prose[i] for i in after) < 0.35 * inside:
            after = [i for i in after if _home(page.blocks[i]) in homes]
        if before:
            first = before[0]
        needed = 0.5 if node.region & Region.CONTENT else 0.08
        if after and sum(prose[i] for i in after) > needed * inside and len(after) > 1:
            last = after[-1] + 1
        node = parent
        if parent.own & (Region.ARTICLE | Region.MAIN) or parent.tag == "body":
            break
    return first, last


def _home(block: Block) -> tuple[str, str]:
    """What a block stands in: element and class of its parent. The parts of a split body stand in boxes of one kind."""
    parent = block.node.parent
    return (parent.tag, parent.element.get("class") or "") if parent else ("", "")


def _prose_like(page: Blocks, prose: list[float], first: int, last: int) -> list[int]:
    """Blocks of real prose in a range: long, ending like sentences, not in a box of links."""
    return [
        i
        for i in range(first, last)
        if prose[i] > 90 and not page.blocks[i].region & Region.HEADER and page.blocks[i].link_density < 0.35
    ]


def _select(
    body: Body,
    page: Blocks,
    span: tuple[int, int],
    prose: list[float],
    is_other: Callable[[Block], bool],
    start: int,
    is_outbound: Callable[[str], bool],
) -> None:
    first, last = span
    blocks = page.blocks
    kept: list[Block] = []
    visible = {id(b.node.parent) for b, w in zip(blocks[first:last], prose[first:last], strict=True) if w > 60}
    lists = _link_lists(blocks[first:last], is_outbound)
    remaining = sum(prose[first:last])
    total = remaining or 1.0
    tags = Counter(b.tag for b, w in zip(blocks[first:last], prose[first:last], strict=True) if w > 60)
    loose_text = tags.get("p", 0) < 0.4 * sum(tags.values())
    printed: set[str] = set()
    homes: set[Node] = set()
    for index in range(first, last):
        block = blocks[index]
        remaining -= prose[index]
        if index < start and prose[index] <= 0:
            continue
        if is_other(block):
            continue
        if _unwanted_region(block, visible):
            boxed = not block.region & _UNWANTED & ~(Region.CHROME | Region.ASIDE | Region.SMALL_BOX)
            if block.links and boxed and _INTERSTITIAL.match(block.text):
                body.interstitials.append(block)
            continue
        if _END.match(block.text) and len(block.text) < 90 and (block.heading or block.link_density < 0.5):
            goes_on = any(
                w > 90 and b.node.parent in homes for b, w in zip(blocks[index:last], prose[index:last], strict=True)
            )
            if not goes_on and remaining < 0.25 * total:
                break
            continue
        if is_interstitial(block):
            body.interstitials.append(block)
            continue
        if _keeps(block, lists, loose_text, is_outbound) or (loose_text and _is_loose_line(block, blocks, prose)):
            if len(block.text) > 60 and block.text in printed:  # the same text again, for another width of screen
                continue
            printed.add(block.text)
            kept.append(block)
            if prose[index] > 90 and block.node.parent is not None:
                homes.add(block.node.parent)
    body.blocks = list(_drop_stray_headings(kept))


def _unwanted_region(block: Block, visible: set[int]) -> int:
    """What a block stands in that keeps it out of the body; 0 where nothing does.

    A quotation in the text counts even in a figure or as an embedded post, and so does a paragraph that a paywall
    hides among visible ones of the same parent.
    """
    region = block.region & _UNWANTED
    if block.region & Region.QUOTE and not block.region & Region.CAPTION:
        region &= ~Region.FIGURE
        if block.region & Region.CONTENT:
            region &= ~Region.CHROME
    paywalled = "paywall" in (block.node.element.get("class") or "")
    if region == Region.HIDDEN and paywalled and id(block.node.parent) in visible:
        return 0
    return region


def is_interstitial(block: Block) -> bool:
    """Tell whether a block leads the reader to another story: `Read more TITLE →`, a paragraph that is but a link."""
    if block.heading or (not block.links and len(block.text) > 120):
        return False
    if _INTERSTITIAL.match(block.text) and (block.link_density > 0.3 or len(block.text) < 60):
        return True
    return block.link_density > 0.8 and not block.region & Region.ITEM and len(block.text) > 15


def _keeps(block: Block, link_lists: set[int], loose_text: bool, is_outbound: Callable[[str], bool]) -> bool:
    text = block.text
    if _BOILERPLATE.match(text):
        return False
    if block.heading:
        return block.link_density < 0.6 and len(text) < 300
    tag = block.tag
    if tag in ("button", "label", "summary", "th", "legend"):
        return False
    if tag == "li" or block.region & Region.ITEM:
        return id(_list_of(block.node)) not in link_lists and (block.link_density < 0.85 or len(block.text) > 25)
    if block.link_density > 0.6:
        return tag == "p" and len(block.links) > 1 and all(is_outbound(a.href) for a in block.links)
    if tag in ("p", "blockquote", "pre"):
        return bool(re.search(r"\w", text))
    if block.region & Region.TABLE:
        return len(text) > 60 and bool(_SENTENCE_END.search(text))
    short = len(text) < (40 if not _CJK.search(text) else 12)
    return not short or (loose_text and bool(_SENTENCE_END.search(text)))


def _is_loose_line(block: Block, blocks: list[Block], prose: list[float]) -> bool:
    """Tell whether a short line between two paragraphs belongs to the text by its place alone: beside both, no link in it.

    A subheading set unlike them, or an item of a list that is made of divs.
    """
    if block.links or block.tag in ("button", "label", "li", "td", "summary") or _BOILERPLATE.match(block.text):
        return False
    before, after = _prose_beside(block, blocks, prose, -1), _prose_beside(block, blocks, prose, 1)
    if before is None or after is None or not 2 <= len(block.text.split()) <= 14:
        return False
    same_style = block.node.element.get("class") == after.node.element.get("class") and block.tag == after.tag
    if same_style and not block.is_bold:
        return len(block.text.split()) > 3
    return not _SENTENCE_END.search(block.text.rstrip("?")) and not block.text[0].islower()


def _prose_beside(block: Block, blocks: list[Block], prose: list[float], step: int) -> Block | None:
    """The nearest paragraph before or after a block with the same parent; boxes and links between them do not count."""
    for index in range(block.index + step, block.index + 5 * step, step):
        if 0 <= index < len(blocks) and prose[index] > 60 and blocks[index].node.parent is block.node.parent:
            return blocks[index]
    return None


def _list_of(node: Node) -> Node:
    """The list that a block inside an item belongs to."""
    here: Node | None = node
    while here is not None and here.tag not in ("ul", "ol", "dl"):
        here = here.parent
    return here or node


def _link_lists(blocks: Iterable[Block], is_outbound: Callable[[str], bool]) -> set[int]:
    """Lists that are mostly links within the site, and lists of a few words an item: menus, tags, related stories."""
    chars: Counter[int] = Counter()
    linked: Counter[int] = Counter()
    items: Counter[int] = Counter()
    for block in blocks:
        if block.region & Region.ITEM:
            key = id(_list_of(block.node))
            chars[key] += len(block.text)
            linked[key] += sum(len(a.text) for a in block.links if not is_outbound(a.href))
            items[key] += 1
    return {
        key for key in chars if linked[key] > 0.55 * chars[key] or (linked[key] > 0 and chars[key] < 12 * items[key])
    }


def _drop_stray_headings(kept: list[Block]) -> Iterable[Block]:
    """Every block but headings with no text before the next heading of the same or a higher level."""
    for position, block in enumerate(kept):
        if block.heading:
            following = next((b for b in kept[position + 1 :] if not b.heading or b.heading <= block.heading), None)
            if following is None or following.heading:
                continue
        yield block
