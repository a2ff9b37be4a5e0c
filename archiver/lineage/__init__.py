"""Which stories are rewrites of one source story. Pure.

unwrap     addresses inside addresses: redirects, caches, mail guards
key        what all addresses of one page have in common, and no two pages share
words      the words of a story as numbers
likeness   how likely two stories tell of one event, by their words
grouping   average link: groups merged while the mean likelihood between them holds
events     both keys together: each story in its event
"""
