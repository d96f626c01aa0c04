"""One renderer for every bundled model: pictures of one sign, and scenes with exact boxes and masks.

Every sign, logo, background and disturbance is drawn by the code in this folder: there is no
downloaded artwork and no font. A picture depends only on its seed and its settings, so a data set
can be made again at any time.
"""
