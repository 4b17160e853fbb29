#!/usr/bin/python3
"""thaw report: the page of a small sweep and of 200 runs, parsed, and opened in a real browser.

`make check` sets THAW_SOURCE and THAW_BUILD. Without Chromium the browser's part is left out; the
test is then counted as skipped (status 77) unless something else failed.
"""
import html.parser
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["THAW_SOURCE"], "tests", "cli"))
import browser  # noqa: E402

THAW = os.path.join(os.environ["THAW_BUILD"], "thaw")
WRITER = os.path.join(os.environ["THAW_BUILD"], "tests", "analysis", "test_report")
EVIL = '<script>document.title="caught"</script>'
failures = 0

CONFIG = """
name: small sweep
description: does <b>transfer</b> help & which head?
threads: 1
data:
  general: {format: text, train: general.txt, valid_fraction: 0.1}
  target: {format: csv, train: train.csv, test: test.csv, label: label, valid_fraction: 0.2}
tokenizer: {plugin: word, min_count: 1}
encoder: {plugin: awd_lstm, embedding: 8, hidden: 12, layers: 2}
head: {plugin: mean, hidden: [8], dropout: [0.2, 0.1]}
stages:
  pretrain: {data: general, epochs: 2, batch: 8, bptt: 10, seed: 1, optimizer: {lr: 1e-2}}
  classify: {data: target, epochs: 4, batch: 8, optimizer: {lr: 2e-2},
             schedule: [{plugin: stlr}, {plugin: gradual_unfreeze}]}
sweep:
  head.plugin: [mean, max]
  stages.classify.transfer: [none, all]
  seed: [1, 2]
"""


def check(what, ok):
    global failures
    if not ok:
        failures += 1
        print("FAILED:", what)


def run(status, *arguments, said=""):
    result = subprocess.run([THAW, *arguments], capture_output=True, text=True, check=False,
                            env={**os.environ, "THAW_CACHE": "cache"})
    if result.returncode != status or said not in result.stderr:
        check(f"thaw {' '.join(arguments)}: expected status {status} and '{said}', found "
              f"{result.returncode} and {result.stderr}", False)
    return result.stdout


def write(name, text):
    with open(name, "w", encoding="utf-8") as file:
        file.write(text)


def read(name):
    with open(name, encoding="utf-8") as file:
        return file.read()


def make_sweep():
    words = (["eats", "drinks", "tastes"], ["runs", "walks", "jumps"])
    places = ["at home", "in the park", "every day", "again", "slowly <i>&"]
    rows = [f"{['the cat', 'a dog'][i // 2 % 2]} {words[i % 2][i // 6 % 3]} {places[i // 7 % 5]}"
            for i in range(200)]
    write("general.txt", "\n".join(rows))
    for name, begin in (("train.csv", 0), ("test.csv", 60)):
        write(name, "text,label\n" + "".join(
            f"{rows[i]},{['food', EVIL.replace(chr(34), chr(39))][i % 2]}\n" for i in range(begin, begin + 60)))
    write("sweep.yaml", CONFIG)
    run(0, "sweep", "sweep.yaml", "--runs", "runs")


class Page(html.parser.HTMLParser):
    """Every element is closed, ids are there once, and what is pointed to is there."""
    EMPTY = {"meta", "br"}

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.targets, self.errors = [], [], [], []
        self.tags, self.texts, self.cells, self.tables = {}, [], [], []
        self.feed(text)
        self.close()
        if self.open:
            self.errors.append(f"not closed: {self.open}")
        for name in {i for i in self.ids if self.ids.count(i) > 1}:
            self.errors.append(f"the id {name} is there twice")
        for target in self.targets:
            if target not in self.ids:
                self.errors.append(f"there is no id {target}")

    def handle_starttag(self, tag, attrs):
        self.tags[tag] = self.tags.get(tag, 0) + 1
        attributes = dict(attrs)
        if len(attributes) != len(attrs):
            self.errors.append(f"<{tag}> has an attribute twice")
        if "id" in attributes:
            self.ids.append(attributes["id"])
        for name in ("aria-labelledby", "aria-describedby"):
            self.targets += attributes.get(name, "").split()
        for value in attributes.values():
            self.targets += re.findall(r"url\(#([^)]*)\)", value or "")
            if re.match(r"#.", value or "") and tag in ("a", "use"):
                self.targets.append(value[1:])
        for name in ("src", "href", "xlink:href", "srcset", "data", "action"):
            if name in attributes and not attributes[name].startswith("#"):
                self.errors.append(f"<{tag} {name}={attributes[name]}>")
        if any(name.startswith("on") for name in attributes):
            self.errors.append(f"<{tag}> has a script in {list(attributes)}")
        if tag == "svg" and "plot" in attributes.get("class", ""):
            if attributes.get("role") != "img" or "aria-labelledby" not in attributes:
                self.errors.append("a picture without a text in its place")
        if tag not in self.EMPTY:
            self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag:
            self.errors.append(f"</{tag}> where {self.open[-3:]} are open, line {self.getpos()}")
        else:
            self.open.pop()

    def handle_data(self, data):
        self.texts.append(data)
        if self.open and (self.open[-1] in ("td", "th") or "td" in self.open or "th" in self.open):
            if self.cells:
                self.cells[-1] += data

    def text(self):
        return " ".join("".join(self.texts).split())


def check_page(name, sections):
    text = read(name)
    page = Page(text)
    for error in page.errors:
        check(f"{name}: {error}", False)
    check(f"{name} has no script", "script" not in page.tags)
    for forbidden in ("@import", "@font-face", "url(h", "url(d", "javascript:"):
        check(f"{name} lacks {forbidden}", forbidden not in text)
    check(f"{name} asks for nothing", "default-src 'none'" in text)
    for section in sections:
        check(f"{name} has a section {section}", section in page.ids)
    check(f"{name}: tables have captions", page.tags["table"] == page.tags["caption"])
    return page


SECTIONS = ["comparison", "heat", "curves", "rates", "moves", "confusions", "documents"]


def check_small():
    out = run(0, "report", "runs", "-o", "small.html", "-d", "60", said="8 runs, 4 strategies")
    check("the path is printed", out == "small.html\n")
    page = check_page("small.html", SECTIONS)
    rows = json.loads(run(0, "compare", "--format", "json", "runs"))
    check("four rows", len(rows) == 4)
    for row in rows:
        cell = f"{row['accuracy']:.3f} [{row['accuracy_low']:.3f}, {row['accuracy_high']:.3f}]"
        check(f"the accuracy {cell} is in the table", cell in page.cells)
    words = page.text()
    check("the description is text", "does <b>transfer</b> help & which head?" in words)
    check("a class is text", EVIL.replace('"', "'") in words and "caught" not in page.tags)
    check("a document is text", "slowly <i>&" in words)
    check("thawing is told", "from step" in words and "rnn.1" in words)
    check("taken groups are told", "taken" in words)
    check("pictures", page.tags["figure"] >= 6)
    check("small", os.path.getsize("small.html") < 200_000)
    # Again, by name, without texts; the file is replaced.
    os.rename("test.csv", "away.csv")
    run(0, "report", "runs", "-o", "small2.html", said="without their text")
    run(0, "report", "runs", "-o", "small2.html", "--documents", "0")
    check("no documents", "slowly" not in Page(read("small2.html")).text())
    os.rename("away.csv", "test.csv")
    run(0, "report", "runs", "--documents=60")
    check("report.html is the default", read("report.html") == read("small.html"))
    first = os.path.join("runs/small sweep", min(name for name in os.listdir("runs/small sweep") if name.endswith(".h5")))
    run(0, "report", first, "-o", "one.html", said="1 runs, 1 strategies")
    check_page("one.html", ["comparison", "curves", "rates", "moves", "confusions"])


def check_many():
    subprocess.run([WRITER, "many"], check=True)
    run(0, "report", "many/200", "-o", "many.html", said="200 runs, 40 strategies")
    check_page("many.html", SECTIONS)
    check(f"200 runs are small: {os.path.getsize('many.html')} bytes",
          os.path.getsize("many.html") < 1_500_000)
    run(0, "report", "many/evil", "-o", "evil.html")
    page = check_page("evil.html", [])
    check("evil names are text", page.text().count(EVIL) >= 3)
    # Runs of two tasks: told apart, and told.
    run(0, "report", "many/200/head0-all-1.h5", "many/evil", "-o", "two.html",
        said="were not tested on the same documents")
    page = check_page("two.html", ["comparison", "curves"])
    check("it says so", "not all tested on the same documents" in page.text())
    # Files of older versions do not know distances.
    run(0, "report", "many/old", "-o", "old.html")
    check("it says what old files lack", "did not measure it" in Page(read("old.html")).text())


def check_refusals():
    run(2, "report", said="something is missing: thaw report RUNS…")
    os.mkdir("empty")
    run(2, "report", "empty", said="no run file (*.h5) was found in empty")
    run(2, "report", "missing", said="missing: cannot be read")
    write("lm.yaml", CONFIG.split("  classify:")[0].replace("small sweep", "lm"))
    run(0, "run", "lm.yaml", "-o", "lm/lm.h5")
    run(2, "report", "lm", said="no finished run with predictions")
    run(2, "report", "lm/lm.h5", said="has no predictions")
    write("mine.html", "<!DOCTYPE html><title>mine</title>")
    run(2, "report", "runs", "-o", "mine.html", said="mine.html is in the way")
    check("it is still there", "mine" in read("mine.html"))
    run(2, "report", "runs", "-o", "empty", said="empty is a folder")
    run(1, "report", "runs", "-o", "/nowhere/at/all.html", said="/nowhere/at/all.html")
    run(1, "report", "runs", "-o", "/dev/null/report.html", said="/dev/null/report.html")
    check("nothing is left", not [n for n in os.listdir(".") if ".part" in n or n.startswith(".")])


def expect_quiet(page, name):
    """No word on the console, and no request but that for the page itself."""
    said = [e for e in page.events if e["method"] in
            ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")]
    check(f"{name}: the console says {said}", not said)
    asked = [e["params"]["request"]["url"] for e in page.events
             if e["method"] == "Network.requestWillBeSent"]
    check(f"{name} asked for {asked}", len(asked) == 1 and asked[0].endswith(name))


def check_dom(page):
    page.open("small.html")
    expect_quiet(page, "small.html")
    table = page.value("document.querySelector('#comparison table').innerText")
    rows = json.loads(run(0, "compare", "--format", "json", "runs"))
    for row in rows:
        check(f"the browser shows {row['accuracy']}", f"{row['accuracy']:.3f}" in table)
    check("no element of the page is a script's", page.value("document.scripts.length") == 0)
    check("the class was no script", page.value("document.title") == "small sweep")
    check("pictures are painted", page.value(
        "[...document.querySelectorAll('.plot')].every(p => p.getBoundingClientRect().width > 100 "
        "|| p.closest('details:not([open])'))"))
    lines = page.value("document.querySelectorAll('#curves .plot path').length")
    check(f"curves have lines, found {lines}", lines > 20)
    for width in (1200, 390):
        page.size(width)
        wider = page.value("document.documentElement.scrollWidth - innerWidth")
        check(f"at {width} pixels nothing sticks out, found {wider}", wider <= 0)
    page.size(1200)


def check_colours(page):
    colours = []
    ink = "getComputedStyle(document.body).color"
    line = "getComputedStyle(document.querySelector('#curves .plot path[style*=c0]')).stroke"
    for dark in (False, True):
        page.dark(dark)
        page.open("small.html")
        colours.append([page.value(ink), page.value(line),
                        page.value("getComputedStyle(document.body).backgroundColor")])
        page.picture(f"{dark}.png")
    check(f"dark and light differ: {colours}", all(a != b for a, b in zip(*colours)))
    with open("True.png", "rb") as dark, open("False.png", "rb") as light:
        check("and look different", dark.read() != light.read())
    page.dark(False)


def check_without_scripts(page):
    page.open("small.html")
    with_scripts = page.value("document.body.innerText")
    page.send("Emulation.setScriptExecutionDisabled", value=True)
    page.open("small.html")
    check("without scripts the page is the same",
          page.value("document.body.innerText") == with_scripts)
    page.send("Emulation.setScriptExecutionDisabled", value=False)


def check_time(page):
    page.open("many.html")
    expect_quiet(page, "many.html")
    seconds = min(page.open("many.html") for _ in range(3))
    print(f"200 runs: {os.path.getsize('many.html') // 1024} KiB, open and painted in "
          f"{seconds:.2f} s")
    check(f"200 runs open in under two seconds, found {seconds}", seconds < 2)
    page.open("evil.html")
    expect_quiet(page, "evil.html")


def main():
    with tempfile.TemporaryDirectory(prefix="thaw-report-") as folder:
        os.chdir(folder)
        make_sweep()
        check_small()
        check_many()
        check_refusals()
        if browser.find():
            page = browser.Browser()
            try:
                check_dom(page)
                check_colours(page)
                check_without_scripts(page)
                check_time(page)
            finally:
                page.close()
        os.chdir("/")
    if failures:
        sys.exit(1)
    if not browser.find():
        print("Chromium is not installed: the pages were parsed, not opened")
        sys.exit(77)


if __name__ == "__main__":
    main()
