#!/usr/bin/env python3
"""Checks report pages: well-formed, self-contained, charts that are XML. Prints what is wrong.

usage: check_page.py PAGE CHARTS PICTURES
"""
import base64
import html.parser
import re
import sys
import xml.etree.ElementTree
import zlib

VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.faults, self.ids, self.text = [], [], set(), []

    def check(self, tag, attributes):
        if tag in ("script", "link", "iframe", "object", "embed", "foreignobject"):
            self.faults.append(f"line {self.getpos()[0]}: has a <{tag}>")
        for name, value in attributes:
            if name in ("src", "href", "xlink:href") and not value.startswith("data:image/png;"):
                self.faults.append(f"line {self.getpos()[0]}: loads {value[:60]}")
            if name.startswith("on"):
                self.faults.append(f"line {self.getpos()[0]}: has a handler {name}")
            if name == "id" and value in self.ids:
                self.faults.append(f"line {self.getpos()[0]}: the id {value} is there twice")
            if name == "id":
                self.ids.add(value)

    def handle_starttag(self, tag, attributes):
        self.check(tag, attributes)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.check(tag, attributes)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"line {self.getpos()[0]}: </{tag}> closes what is not open")

    def handle_data(self, data):
        self.text.append(data)


def check_picture(uri):
    """A PNG whose chunks have their checksums and whose data unpack to its size."""
    data = base64.b64decode(uri.split(",", 1)[1], validate=True)
    at, packed = 8, b""
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        body = data[at + 4 : at + 8 + size]
        if zlib.crc32(body) != int.from_bytes(data[at + 8 + size : at + 12 + size], "big"):
            return "a chunk with a wrong checksum"
        if body[:4] == b"IHDR":
            width, height = (int.from_bytes(body[i : i + 4], "big") for i in (4, 8))
            channels = {0: 1, 2: 3, 6: 4}[body[13]]
        if body[:4] == b"IDAT":
            packed += body[4:]
        at += 12 + size
    if len(zlib.decompress(packed)) != height * (1 + width * channels):
        return "pixels of another size"
    return None


def main():
    path, charts, pictures = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    with open(path, encoding="utf-8") as file:
        text = file.read()
    page = Page()
    page.feed(text)
    page.close()
    faults = page.faults + [f"<{tag}> is not closed" for tag in page.open]
    svgs = re.findall(r"<svg.*?</svg>", text, re.S)
    for svg in svgs:
        try:
            xml.etree.ElementTree.fromstring(svg)
        except xml.etree.ElementTree.ParseError as error:
            faults.append(f"a chart is not XML: {error}")
    images = re.findall(r'<img [^>]*src="([^"]*)"', text)
    faults += [f"a picture has {w}" for w in map(check_picture, images) if w]
    if len(svgs) != charts:
        faults.append(f"has {len(svgs)} charts, not {charts}")
    if len(images) != pictures:
        faults.append(f"has {len(images)} pictures, not {pictures}")
    css = re.sub(r"<svg.*?</svg>", "", text, flags=re.S)
    if re.search(r"url\(|@import|https?://", css):
        faults.append("reaches for the network")
    print("\n".join(faults))
    return 1 if faults else 0


sys.exit(main())
