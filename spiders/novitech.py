"""Eight sites of one template that rewrite other publishers' policy stories, several of them the same one."""

from archiver.spider import StorySpider


class NovitechfinanceComSpider(StorySpider):
    name = "novitechfinance_com"
    home = "https://novitechfinance.com/"


class FintereticaComSpider(StorySpider):
    name = "finteretica_com"
    home = "https://finteretica.com/"


class FintreticaComSpider(StorySpider):
    name = "fintretica_com"
    home = "https://fintretica.com/"


class NavartafintechComSpider(StorySpider):
    name = "navartafintech_com"
    home = "https://navartafintech.com/"


class FintechomaxComSpider(StorySpider):
    name = "fintechomax_com"
    home = "https://fintechomax.com/"


class DebtreliefnexusComSpider(StorySpider):
    name = "debtreliefnexus_com"
    home = "https://debtreliefnexus.com/"


class RetvolveComSpider(StorySpider):
    name = "retvolve_com"
    home = "https://retvolve.com/"


class IndatacloudAiSpider(StorySpider):
    name = "indatacloud_ai"
    home = "https://indatacloud.ai/"
