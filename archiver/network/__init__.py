"""What stands between a crawl and a web that anyone may write.

addresses  which addresses may be connected to
refusal    what is not fetched, and the one reason it is counted under
pace       how fast a host may be asked, and what it was asked
connect    connections to public addresses alone, and heads of bounded size
handler    the download handler: each request in its host's turn, and why one failed
gate       the first downloader middleware: addresses, depth, pages, trackers; the size of what came
markup     whether a page can be parsed at bounded cost
decoding   the downloader middleware that undoes content codings, at bounded memory
redirects  the middlewares that follow redirects
robots     the downloader middleware that obeys robots.txt, RFC 9309
"""
