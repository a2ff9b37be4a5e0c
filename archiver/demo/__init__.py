"""The bundled network: four sibling news sites on loopback that rewrite the same invented stories.

stories.py  the content, read from `stories/*.toml`
styles/     how each site writes its pages
sites.py    which site prints what, at which address, and what an archive of it must hold
server.py   the sites as HTTP servers
"""
