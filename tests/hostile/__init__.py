"""A server that does to a crawl whatever a web that anyone may write can do, and the table of what came of it.

server  raw sockets on loopback: each case answers as it likes
cases   what each path of each case answers, and what the crawl has to make of it
run     one case: a crawl in a process of its own, whose names, connections and memory are watched
table   `python -m tests.hostile.table`: case, outcome, exit code, peak memory, seconds
"""
