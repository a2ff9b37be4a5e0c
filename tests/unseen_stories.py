# ruff: noqa: E501
# Markup and prose run on as sites print them.
"""Stories whose text sets traps for rules that read labels and marks: printed by the styles of `unseen_styles`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from archiver.demo.sites import SITES, expected_story, place_stories
from archiver.demo.stories import Pair, parse_blocks, parse_paragraphs, slugify
from archiver.demo.styles.base import DemoStory, Masthead, Teaser
from archiver.demo.styles.seed import Seed

SITE = Masthead(title="Ledgerleaf", tagline="Money and rules, in short", base_url="https://ledgerleaf.example")

INTERSTITIAL = Teaser(
    "/article/water-boards-lose-their-say-over-new-data-halls",
    "Water boards lose their say over new data halls",
    "A county court found that the boards had stretched a law written for mills.",
    "policy",
    None,
)
CARDS = (
    Teaser(
        "/article/ferry-fares-frozen-until-spring",
        "Ferry fares frozen until spring as operators open their books",
        "The port authority wants to see two winters of fuel bills before it lets any operator charge a surcharge again.",
        "policy",
        None,
    ),
    Teaser(
        "/article/how-one-valley-paid-for-its-own-grid",
        "How one valley paid for its own grid",
        "A loan, a vote and a borrowed trench: the arithmetic behind the country’s smallest utility, explained in full.",
        "energy",
        None,
    ),
    Teaser(
        "/article/seed-banks-ask-for-a-say-in-patent-law",
        "Seed banks ask for a say in patent law",
        "Curators told a committee that a quarter of their drawers may not lawfully be opened to growers any longer.",
        "policy",
        None,
    ),
)


@dataclass(frozen=True, kw_only=True)
class UnseenStory(DemoStory):
    """A story that may name more than one source."""

    also: tuple[tuple[str, str], ...] = ()
    """Name and address of each further source."""


def _story(
    title: str,
    dek: str | None,
    body: str,
    *faq: tuple[str, str],
    publisher: str,
    source_url: str,
    form: str | None = "continue",
    section: str = "policy",
    also: tuple[tuple[str, str], ...] = (),
) -> UnseenStory:
    return UnseenStory(
        event_id=slugify(title),
        path=f"/article/{slugify(title)}",
        section=section,
        title=title,
        dek=dek,
        body=parse_blocks(body),
        faq=tuple(Pair(question, parse_paragraphs(answer)) for question, answer in faq),
        publisher=publisher,
        source_url=source_url,
        source_form=form,
        interstitial=INTERSTITIAL,
        more=CARDS,
        also=also,
    )


TRAPS = {
    "q1-title": _story(
        "Q1 grid revenue beats forecasts as capacity rules start to bite",
        "Operators earned a fifth more than a year ago, though regulators say that the windfall will not outlast the winter.",
        """
Grid operators took in $4.1 billion between January and March, a fifth more than in the same months of last
year, according to filings collected by the Transmission Registry on Monday.

Most of the gain came from one rule. Since February, a plant that promises capacity has to show that it can
start within 30 minutes, and those that cannot must buy the difference from those that can.

Will the money last? Analysts at Pellworth doubt it, because four large plants finish their refits in June and
the price of a promise should fall once they return. Their model puts the second quarter at $3.3 billion, or
less if the spring is mild. Who, then, gains from the rule in the long run?

Customers have yet to see the change on a bill. The registry will publish the tariffs that follow from it in
May, and two states have said they will contest them.
""",
        (
            "Q1 figures rose by how much?",
            "By a fifth, to $4.1 billion, when compared with the same three months of last year.",
        ),
        (
            "Q. and A. sessions with the registry: when?",
            "The registry answers questions in public on May 4 and May 11.",
        ),
        publisher="Q&R Global",
        source_url="https://qrglobal.example/grid/q1-revenue",
    ),
    "q-and-a-title": _story(
        "Q. and A.: What the port levy means for small shippers",
        "A charge of two dollars a ton sounds modest, yet the way in which the harbor boards intend to count tons, by the hull and not by the cargo, turns it into a tax on half-empty boats, which is to say on the small firms that sail them.",
        """
The levy begins in July.

By Monday, every shipper with a berth in the four ports must say which of two methods it wants to be counted
by, and the form does not allow a change of mind for three years.

A.I. tools that plan cargo have spread among the large lines, which fill their hulls to within 4 percent of
the limit. Small firms, by contrast, sail at 55 percent on average, as the harbor boards’ own survey shows.

The boards call the levy “a fair price for dredging”. Lena Okafor, who runs three coasters out of Port Amity,
calls it something that cannot be printed.
""",
        (
            "Who pays the levy?",
            "A.I. planners, brokers and agents do not; the owner of the hull does, on each call at one of the four ports.",
        ),
        ("Can the method be changed?", "A. J. Marsh, the boards’ counsel, says that it cannot before 2029."),
        (
            "What does it pay for?",
            "Dredging. The boards publish [the accounts](https://harborboards.example/accounts) each year.",
        ),
        publisher="Barnaby’s",
        source_url="https://barnabys.example/articles/port-levy-2026",
        form="continue-apart",
    ),
    "more-in-title": _story(
        "More in the bag: retailers win reprieve on packaging fees",
        "Shops with fewer than ten staff keep their exemption for another two years, after a vote that nobody in the ministry had expected.",
        """
Small shops may go on handing out paper bags without a fee until the end of 2028, the upper house decided on
Tuesday by 51 votes to 48.

The reprieve covers three kinds of business, which together sell about 6 percent of all packaged goods:

- shops with fewer than ten employees
- market stalls and kiosks that hold a municipal licence
- charities that sell donated goods

Read more closely, the text also spares bakeries, since a footnote counts bread as unpackaged however it is
wrapped. The ministry said that it would ask for a correction.

Continue reading the tables at the back of the bill and the arithmetic becomes plain: the fund that was to pay
for 40 sorting plants loses $18 million a year.
""",
        (
            "Does the reprieve cover bakeries?",
            "On the letter of the bill it does. The ministry has asked for a correction.",
        ),
        publisher="U.S. Ledger",
        source_url="https://usledger.example/retail/packaging-fees?id=4471",
    ),
    "quoted-tail": _story(
        "Paywalls must show their price before the click, consumer tribunal rules",
        "Prompts that lead from a teaser to a bill count as advertising, so they have to carry a figure from September onward.",
        """
A button that says “Continue reading at a reduced rate” is an offer, and an offer has to name its price, the
Consumer Tribunal ruled on Wednesday in a case brought by two subscribers.

The publisher had argued that phrases such as “Continue reading at Wire.com” are mere signposts. The judges
disagreed, since four in five of those who followed the sign met a form that asked for a card number.

By Monday, the publisher has to hand over the wording of every prompt that it has used since 2023. It may
appeal, but the deadline stands in any event.

Frequently asked questions about the ruling will be answered on the tribunal’s site, where [the
judgment](https://tribunal.example/2026/118) can be read in full.
""",
        ("From when must the price be shown?", "From September 1."),
        (
            "Who may complain?",
            "Anyone who has met a prompt without a price. The tribunal asks for a picture of the screen.",
        ),
        publisher="Wire.com",
        source_url="https://wirecom.example/",
        form="continue-apart",
    ),
    "two-sources": _story(
        "Two states, one dam: the bill for a shared reservoir comes due",
        "A repair that was put off for eleven years will cost three times the first estimate, and neither capital wants to pay first.",
        """
The dam at Hollow Ferry holds back enough water for two million people and has needed a new spillway since
2015. On Friday the engineers put a price on the delay: $940 million.

Each of the two states had set aside a third of the earlier estimate. Neither treasury has said where the rest
should come from, and a compact signed in 1961 is silent on the matter.

“You can share a lake, but you cannot share a signature,” said Toma Whitlock, who advises the basin
commission. Its next meeting is on June 30.

Until then the level is kept two meters lower than usual, which costs farmers downstream about a tenth of
their allotment.
""",
        ("Why did the price triple?", "Steel, wages and eleven more winters of ice."),
        (
            "Who decides?",
            "The basin commission, by unanimous vote.\n\nIf it fails to agree by October, a federal arbiter steps in.",
        ),
        publisher="Harbor & Vale",
        source_url="https://harborandvale.example/dam-bill",
        also=(("The Daily Standard-Bearer", "https://standardbearer.example/2026/06/26/hollow-ferry"),),
    ),
    "no-faq-no-dek": _story(
        "Regulator drops plan to cap transfer fees between rural banks",
        None,
        """
The Settlement Authority has abandoned a cap on what rural banks may charge each other for moving money, eight
months after it first floated the idea.

In a notice of two pages, the authority said that the fees had fallen on their own, from 31 cents a transfer
to 12, and that a cap would now “fix the price above the market”.

Consumer groups were less pleased. Adele Brandt of the Savings League pointed out that the figure leaves out
weekends, when the fee still stands at 40 cents.

The authority will look at the matter again in 2028. It did not say what would count as a reason to act.
""",
        publisher="O’Dell’s Tax Notes",
        source_url="https://odells.example/notes/rural-transfer-fees",
    ),
    "no-source": _story(
        "City clerks get a common form for lobbyist visits",
        "One page, nine boxes and a public index: the register that a scandal promised is ready after four years of drafts.",
        """
From Thursday, anyone who calls on a city clerk on behalf of a client has to fill in the same single page,
whichever of the country’s 340 town halls the visit takes place in.

## What the page asks

The form asks for the client, the matter and the sum at stake. It does not ask what was said, which the
drafters defend as the price of honesty about the rest.

Entries appear in a public index within two working days. A visitor who leaves out the client loses access for
90 days; a clerk who lets one in without a form is fined.

The first week’s entries will be printed in the gazette on June 18, along with the names of the six cities
that asked for more time.
""",
        ("Is a telephone call a visit?", "No. A video meeting is, once it lasts more than ten minutes."),
        ("Where is the index?", "On the interior ministry’s site, and on paper in every town hall."),
        publisher="",
        source_url="",
        form=None,
    ),
    "very-short": _story(
        "Toll on the northern bridge ends on Sunday",
        "The loan is repaid two years early.",
        """
Drivers will cross the northern bridge for free from Sunday, the roads office said.

The last of the loan was paid on Friday, two years early.

Booths come down in August.
""",
        publisher="Coinroad",
        source_url="https://coinroad.example/bridge-toll",
    ),
    "question-subheads": _story(
        "Policy of silence: why the rate committee will stop publishing its minutes",
        "Members say that candor suffers when every word is printed; their critics say that it is the other way round.",
        """
The rate committee will publish no minutes after July, only its decisions and the count of votes. It is the
first of the large central banks to go back to a practice that most gave up in the 1990s.

## Who asked for the change?

Six of the nine members did, in a letter dated March 3. They wrote that colleagues had begun to “read
statements at each other” instead of arguing.

Source: that was the one word which an earlier draft of the letter used for the press, and it was struck out.
The final version speaks of “readers”.

## What happens to the old minutes?

They stay where they are, according to Coinroad, which first saw the letter. The archive covers 31 years and
about 2,400 pages – and it is, says the historian Noémie Aubert, “the best novel the bank ever wrote”.
""",
        ("Will votes still be named?", "Yes, each member’s vote is printed with the decision."),
        ("When is the last set of minutes due?", "On July 22."),
        publisher="Marrow & Pike Co.",
        source_url="https://marrowpike.example/rates/minutes-end",
        section="ai-education",
    ),
    "q-and-a-without-faq": _story(
        "Q&A: What the harbor vote changes for night ferries",
        "Boats may sail until two in the morning again, as long as they burn nothing but hydrogen between midnight and the last call.",
        """
The council voted 9 to 4 on Tuesday to lift a curfew that had kept ferries in port after 11 p.m. since the fire of 2019.

## The bargain

Operators may run until two in the morning on the three inner routes. Between midnight and the last call they must use
hydrogen boats, of which the harbor has four.

Residents of Pier Street get double glazing, paid for by a surcharge of 30 cents on each night ticket. They had asked for 50.

The first late boat leaves on July 3. The council will count passengers, complaints and minutes of delay until Christmas and
then vote a second time.
""",
        publisher="",
        source_url="",
        form=None,
    ),
    "dotted-name": _story(
        "Insurers told to spell out flood odds on the first page",
        "A number between one and a hundred will head each new policy, and the supervisor has written the formula itself.",
        """
Every home policy sold after New Year’s Day will begin with a number: the chance, in percent, that the house
is flooded within the term of its mortgage.

The supervisor wrote the formula and will not let insurers amend it. They may, however, print their own
estimate beside it, in type of the same size.

Brokers fear that a figure so bare will scare off buyers in the river counties. Lenders, who have used such
odds for years, shrugged.

The rule covers policies, renewals and transfers, etc. A transitional period ends in April.
""",
        ("Does the number change?", "It is worked out anew at each renewal."),
        publisher="St. Clair News Co.",
        source_url="https://stclair.example/insurance/flood-odds",
        form="continue",
    ),
}

DEMO = {placed.story.event_id: placed.story for placed in place_stories(SITES[0])}
"""The first site's stories, all of which print their source the way of this family of pages."""

STORIES = TRAPS | dict(list(DEMO.items())[::8])


def expected_columns(story: DemoStory, section_label: str) -> dict[str, Any]:
    """Return what every page of the story must yield, by column.

    `links` are triples of kind, address and text, the source's without text; `related` is the least that must be found.
    """
    truth = expected_story(story, SITE, Seed())
    links = {(link["kind"], link["url"], link["text"]) for link in truth["links"]}
    return {
        "section_label": section_label,
        "title": story.title,
        "dek": story.dek,
        "body": truth["body"],
        "faq": [(pair["question"], pair["answer"]) for pair in truth["faq"]],
        "source_name": truth["source_name"],
        "source_url": truth["source_url"],
        "links": links | {("source", address, "") for _, address in sources_of(story)},
        "related": {(SITE.base_url + story.interstitial.path, story.interstitial.title)}
        if story.interstitial
        else set(),
    }


def sources_of(story: DemoStory) -> list[tuple[str, str]]:
    """Return name and address of each source that the page names, the main one first."""
    if story.source_form is None:
        return []
    return [(story.publisher, story.source_url), *(story.also if isinstance(story, UnseenStory) else ())]
