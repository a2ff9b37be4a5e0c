"""The report: one page that tells what stands in an archive and what was missed.

figures        the numbers, asked of the views; as many rows as the page shows, however large the archive
charts         numbers → SVG
page           figures → one HTML file, by the template beside it
"""
