"""Words by which the web's furniture is known, in a dozen and more languages. Texts are compared folded."""

from __future__ import annotations

import re
from typing import Final

from archiver.text import fold_text


def _phrases(text: str) -> frozenset[str]:
    return frozenset(fold_text(phrase) for line in text.splitlines() for phrase in line.split("|") if phrase.strip())


NEXT: Final = _phrases("""
next | next page | next results | older | older posts | older post | older entries | older articles | older stories
| older news
go to next page | go to the next page | older content | earlier | earlier posts | previous entries | previous posts
| next posts
weiter | nächste | nächste seite | zur nächsten seite | ältere | ältere beiträge | ältere artikel | vorwärts
suivant | suivante | page suivante | suivants | articles suivants | articles plus anciens | plus anciens
| articles précédents
siguiente | siguientes | página siguiente | siguiente página | entradas anteriores | entradas antiguas
| más antiguas | anteriores
próxima | próximo | próxima página | seguinte | página seguinte | mais antigos | mais antigas | posts mais antigos
| posts antigos
avanti | successiva | successivo | pagina successiva | prossima | prossima pagina | articoli meno recenti | meno recenti
volgende | volgende pagina | oudere | oudere berichten | oudere artikelen
nästa | nästa sida | äldre | äldre inlägg | neste | neste side | eldre | eldre innlegg | næste | næste side | ældre
| ældre indlæg
seuraava | seuraava sivu | vanhemmat | vanhemmat artikkelit | następna | następna strona | następne | dalej
| starsze | starsze wpisy
další | další stránka | následující | starší | starší příspěvky | ďalšia | ďalej | ďalšie | következő
| következő oldal | régebbi
următoarea | pagina următoare | mai vechi | următor | sljedeća | sljedeće | следваща | следующая
| следующая страница | далее | вперед
вперёд | старые | ранее | предыдущие записи | наступна | наступна сторінка | далі | επόμενη | επόμενο
| επόμενη σελίδα | παλαιότερα
sonraki | sonraki sayfa | ileri | daha eski | berikutnya | selanjutnya | halaman berikutnya | seterusnya | tiếp
| tiếp theo | trang sau
下一页 | 下一頁 | 下页 | 下一 | 后页 | 次へ | 次 | 次のページ | 次のページへ | 前の記事 | 다음 | 다음 페이지 | 다음페이지
التالي | التالى | الصفحة التالية | المقالات الأقدم | הבא | לדף הבא | העמוד הבא | بعدی | صفحه بعد | अगला
| अगला पृष्ठ | ถัดไป | หน้าถัดไป
""")
"""What a link to the following, that is older, page of a listing says."""

LOAD_MORE: Final = _phrases("""
load more | show more | view more | see more | more | more stories | more articles | more news | more posts
| more results | load more stories
load more articles | load more posts | load more news | show more stories | show more articles | show more results
| mehr laden | mehr anzeigen
weitere artikel | weitere laden | mehr | plus | plus d'articles | afficher plus | voir plus | charger plus
| cargar más | ver más | mostrar más | más
carregar mais | ver mais | mostrar mais | carica altri | carica altro | mostra altro | mostra di più | meer laden
| meer tonen | toon meer
visa fler | ladda fler | vis flere | last inn flere | näytä lisää | pokaż więcej | załaduj więcej | zobrazit další
| показать ещё | показать еще
загрузить ещё | загрузить еще | ещё | daha fazla | daha fazla göster | 加载更多 | 更多 | 查看更多 | もっと見る
もっと読む | 더보기
| 더 보기 | المزيد | تحميل المزيد
""")
"""Says "next" only where the address agrees."""

NUMBER_PREFIX: Final = re.compile(
    r"(?:(?:go to|current|goto)\s+)?(?:page|seite|página|pagina|sida|side|sivu|strona|strana|страница|сторінка|sayfa|oldal"
    r"|halaman|trang|第)?"
    r"\s*(\d{1,5})\s*(?:頁|页|ページ|페이지)?",
    re.IGNORECASE,
)

READ_MORE: Final = re.compile(
    r"""(?:read|view|see|open|watch|listen\sto|go\sto|continue)\s(?:the\s)?(?:more|full|whole|entire|reading|on|article|story|post|it)\b
      | keep\sreading | full\s(?:story|article) | more\s?(?:info|details)?$ | read$ | details$ | learn\smore
      | find\sout\smore
      | weiterlesen | mehr\slesen | zum\sartikel | artikel\slesen | jetzt\slesen | mehr$ | weiter$
      | lire\sla\ssuite | lire\splus | lire\sl\sarticle | lire$ | en\ssavoir\splus
      | leer\smás | seguir\sleyendo | continuar\sleyendo | leer\sla\snota | sigue\sleyendo | ver\smás
      | le(?:r|ia)\smais | continu(?:e|ar)\slendo | saiba\smais | leggi\s(?:tutto|di\spiù|l\sarticolo|ancora)?
      | continua\sa\sleggere
      | lees\s(?:meer|verder) | verder\slezen | läs\smer | les\smer | læs\smere | lue\slisää
      | czytaj\s(?:więcej|dalej) | číst\s(?:více|dál) | celý\sčlánek | čítať\sviac | tovább
      | citește\smai | читать\s(?:далее|полностью|дальше|ещё|еще) | подробнее | читати\sдалі | докладніше
      | devamını\soku | haberin\sdevamı | διαβάστε\sπερισσότερα | baca\sselengkapnya | selengkapnya | xem\sthêm
      | đọc\stiếp
      | 阅读(?:全文|更多) | 查看(?:全文|详情) | 繼續閱讀 | 続きを(?:読む|見る) | もっと読む
      | 자세히\s?보기 | 더\s?보기 | اقرأ\s(?:المزيد|أيضا)
      | قراءة\sالمزيد | आगे\sपढ़ें
    """,
    re.VERBOSE,
)
"""Begins the folded text of a link that leads to the rest of a story and does not name it."""

FURNITURE: Final = _phrases("""
home | homepage | start | startseite | accueil | inicio | início | forsiden | etusivu | strona główna | главная
| головна | ana sayfa | 首页 | ホーム | 홈 | الرئيسية
about | about us | who we are | our team | team | staff | masthead | our story | mission | über uns | à propos
| qui sommes-nous | acerca de | quiénes somos
sobre | sobre nós | quem somos | chi siamo | over ons | om oss | om os | tietoa meistä | o nas | o nás | о нас
| о проекте | про нас | hakkımızda | 关于我们 | 会社概要 | من نحن
contact | contact us | kontakt | contacto | contactez-nous | contato | contatti | contattaci | ota yhteyttä
| контакты | контакти | iletişim | 联系我们 | お問い合わせ | اتصل بنا
privacy | privacy policy | privacy notice | privacy settings | cookie policy | cookies | cookie settings
| cookie preferences | manage cookies | manage consent
terms | terms of use | terms of service | terms and conditions | terms & conditions | legal | legal notice
| disclaimer | accessibility | accessibility statement
imprint | impressum | datenschutz | datenschutzerklärung | agb | nutzungsbedingungen | mentions légales
| confidentialité | politique de confidentialité | cgu | cgv
aviso legal | política de privacidad | política de cookies | política de privacidade | termos de uso | note legali
| privacyverklaring | voorwaarden
политика конфиденциальности | 隐私政策 | プライバシーポリシー | 利用規約 | do not sell my personal information
| do not sell or share my personal information | your privacy choices
log in | login | sign in | log out | sign up | register | my account | account | profile | join | join us
| become a member | membership | anmelden | registrieren | abmelden
connexion | se connecter | s'inscrire | mon compte | iniciar sesión | entrar | registrarse | mi cuenta | accedi
| registrati | inloggen | logga in | logg inn | log ind | войти | вход | регистрация
увійти | giriş | 登录 | 注册 | ログイン | 로그인 | تسجيل الدخول | anmelden / registrieren
subscribe | subscription | subscriptions | subscribe now | abonnieren | abo | abonnement | s'abonner | abonnez-vous
| suscríbete | suscribirse | assine | abbonati | abonneren | prenumerera
подписка | подписаться | 购读 | donate | support us | spenden | faire un don | donar | shop | store | boutique
| tienda | basket | cart | jobs | careers | karriere | emplois | empleo
newsletter | newsletters | e-mail alerts | alerts | rss | rss feed | feeds | feed | atom | podcast app | apps
| our apps | mobile app | e-paper | epaper
search | suche | recherche | rechercher | buscar | búsqueda | cerca | ricerca | zoeken | sök | søk | søg | haku
| szukaj | hledat | поиск | пошук | ara | 搜索 | 検索 | 검색 | بحث
advertise | advertise with us | advertising | media kit | werbung | mediadaten | publicité | publicidad
| pubblicità | реклама | press | press office | investors | investor relations
sitemap | site map | archive | archives | archiv | archivo | all topics | tags | authors | contributors
| columnists | autoren | auteurs | autores | authors a-z | faq | faqs | help | help center | support | hilfe | aide
| ayuda
facebook | twitter | x | instagram | linkedin | youtube | tiktok | telegram | whatsapp | mastodon | bluesky
| threads | reddit | pinterest | vk | email | e-mail | mail | share | print | copy link
skip to content | skip to main content | skip navigation | menu | close | close menu | open menu | toggle menu
| back | back to top | top | zum inhalt | aller au contenu | edit | reply | cancel
previous | prev | previous page | newer | newer posts | newer stories | zurück | vorherige | précédent | précédente
| anterior | precedente | vorige | forrige | föregående | edellinen | poprzednia | předchozí
предыдущая | попередня | önceki | 上一页 | 前へ | 이전 | السابق | first | last | first page | last page | erste | letzte
| premier | dernier | primera | última
corrections | corrections policy | editorial policy | editorial standards | editorial guidelines | ethics policy
| community guidelines | feedback | send feedback | report an error | unsubscribe | preferences | settings
english | deutsch | français | español | português | italiano | nederlands | svenska | norsk | dansk | suomi
| polski | čeština | русский | українська | türkçe | 中文 | 日本語 | 한국어 | العربية
en | de | fr | es | pt | it | nl | sv | no | da | fi | pl | cs | ru | uk | tr | zh | ja | ko | ar | eng | deu | fra
| esp
""")
"""Labels of links that lead neither to a story nor to a listing of stories."""

SIDE_BOX: Final = re.compile(
    r"""\b(?: (?:recent|latest|newest)\s(?:comments|discussions) | neueste\skommentare
    | most\s(?:read|viewed|popular|shared|commented|discussed|emailed|watched|clicked|recent\scomments) | popular
    | trending
      | recommended | you\s(?:may|might)\s(?:also\s)?(?:like|have\smissed) | related | readers\sfavou?rites
      | what\s(?:others|everyone)\s.{0,12}read\w* | don\st\smiss
      | sponsored | partner\scontent | promoted | from\sour\spartners | paid\scontent | advertis\w+
      | top\s(?:ten|10|5|five) | hot\stopics | editors?\s(?:s\s)?picks?
      | meistgelesen\w* | am\smeisten\sgelesen | beliebt\w* | meistgeklickt\w* | empfehl\w+ | anzeige\w*
      | les\splus\s(?:lus|vus|populaires|partagés|consultés) | plus\slus | populaires | à\slire\saussi | tendances
      | lo\smás\s(?:leído|visto|popular|compartido) | más\s(?:leídas?|leídos?|vistas?|populares) | tendencias
      | te\spuede\sinteresar
      | mais\s(?:lidas?|lidos?|vistas?|populares) | em\salta | più\s(?:letti|lette|visti|popolari) | i\spiù\s | tendenze
      | meest\s(?:gelezen|bekeken|populair) | populair | mest\s(?:lästa?|lest|læste?|sete) | luetuimmat
      | najczęściej\sczytane | popularne | najpopularniejsze
      | nejčtenější | populární | legolvasottabb | cele\smai\scitite | самое\s(?:читаемое|популярное) | популярн\w+
      | найпопулярніше | читайте\sтакже | en\sçok\sokunan\w* | popüler
      | terpopuler | xem\snhiều ) (?!\w) | 热门 | 最热 | 排行 | 人気
      | ランキング | アクセス数 | 많이\s?본 | 인기 | الأكثر\s(?:قراءة|مشاهدة)
    """,
    re.VERBOSE,
)
"""Folded headings of boxes that repeat stories of other pages beside a listing."""

MORE_IN: Final = re.compile(
    r"""^\s*(?:(?:more|read\smore|see\smore|all|view\sall|see\sall|more\sstories|more\snews|all\sstories|latest|explore|browse|back\sto|see\smore\sstories)
        \s+(?:(?:stories|news|articles|coverage|posts)\s+)?(?:in|from|on|about|under)
      | (?:see|view|show|browse|explore)\s+(?:all|more) | back\sto
      | all(?=\s\S+(?:\s\S+)?\s(?:stories|news|articles|coverage))
      | (?:mehr|weitere\sartikel|alle\sartikel|alles)\s+(?:aus|in|zu|zum|zur|über)(?:\s(?:dem|der)\s(?:ressort|rubrik))?
      | (?:plus\sd['’]articles|plus|toute\sl['’]actualité|tous\sles\sarticles)\s+(?:dans|en|de|sur|:)(?:\sla\srubrique)?
      | (?:más|ver\smás|ver\stodo|todo|más\snoticias)\s+(?:en|de|sobre)
      | (?:mais|ver\smais|leia\smais)\s+(?:em|de|sobre) | (?:altro|altri\sarticoli|tutto)\s+(?:in|su|da|di)
      | (?:meer|lees\smeer|alles)\s+(?:in|over|uit|van) | (?:mer|fler|mere|flere)\s+(?:i|från|fra|om)
      | (?:lisää|więcej\sz|więcej\sw|více\sz|ещё\sв|еще\sв|більше\sв)
      )\s*:?\s+(?P<label>\S.{0,60}?)(?:\s+(?:stories|news|articles|coverage|posts))?\s*[→»›>⟶➔…]*\s*$""",
    re.VERBOSE | re.IGNORECASE,
)
"""`More in SECTION →` and its like; the label is the section as printed."""


def is_furniture(text: str) -> bool:
    """Tell whether a label names what every site has: home, about, privacy, log in, a language.

    >>> is_furniture("Privacy Policy"), is_furniture("Contact us →"), is_furniture("Privacy law stalls in Senate")
    (True, True, False)
    """
    return fold_text(text) in FURNITURE


def is_read_more(text: str) -> bool:
    """Tell whether a link's text sends the reader on without naming a story.

    >>> is_read_more("Continue reading →"), is_read_more("Weiterlesen"), is_read_more("Reading scores fall again")
    (True, True, False)
    """
    folded = fold_text(text)
    return len(folded) <= 60 and bool(READ_MORE.match(folded))
