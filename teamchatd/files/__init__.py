"""
Pictures, and the shelf that they lie on.

L{teamchatd.files.shelf} is the disk: files under names, written once and never
changed.  L{teamchatd.files.pictures} is what makes a picture of an upload: which
kinds there are, what is refused and in which words, and the small one beside it.
L{teamchatd.files.metadata} takes a file apart and leaves out all that is not the
picture, above all where it was taken, without touching a pixel.
L{teamchatd.files.drawing} does the same for an SVG, and L{teamchatd.files.inlaid} for
the images inside one.

Whatever an upload does to the decoders, it does in the darkroom
(L{teamchatd.files.darkroom}): a process of its own, with so much memory and time and
no more, which can open nothing and ends with the one picture.
L{teamchatd.files.inside} is what runs there, and L{teamchatd.files.pixels}, the
only module that knows Pillow; the daemon itself imports neither.

Which name a picture gets, who may see it and when it goes, is decided elsewhere.
"""
