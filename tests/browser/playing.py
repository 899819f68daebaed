"""A person plays with the widget: every control is moved, and the page has to follow."""

import re
from io import BytesIO

from PIL import Image
from playwright.sync_api import expect


class Player:
    """The widget on a page, by what is written on its parts."""

    def __init__(self, page):
        self.page, self.box = page, page.locator(".query-retrieval")
        trouble = page.get_by_text("Traceback (most recent call last)").first
        expect(self.box.locator(".qr-card img").first.or_(trouble)).to_be_visible()
        assert not trouble.is_visible(), page.locator("body").inner_text()[-3000:]

    def sentence(self, pattern):
        expect(self.box.locator(".qr-sentence")).to_have_text(re.compile(pattern))

    def button(self, name):
        return self.box.get_by_role("button", name=name, exact=True)

    def results(self):
        return self.box.locator("[aria-label=Results]")

    def html(self):
        return self.results().inner_html()

    def asked(self):
        return self.box.locator(".qr-asked img").get_attribute("src")

    def asks_with(self, picture):
        expect(self.box.locator(".qr-asked img")).to_have_attribute("src", picture)

    def asks_with_another_than(self, picture):
        expect(self.box.locator(".qr-asked img")).not_to_have_attribute("src", picture)

    def checkbox(self, name):
        return self.box.locator(f".widget-checkbox:has-text('{name}') input")

    def dropdown(self, name):
        return self.box.locator(f".widget-dropdown:has(label:text-is('{name}')) select")

    def select(self, name, option):
        self.dropdown(name).select_option(option)

    def write(self, words):
        field = self.box.get_by_placeholder("woman, red top, backpack")
        field.fill(words)
        field.press("Enter")

    def give(self, name, content):
        with self.page.expect_file_chooser() as chooser:
            self.box.locator(".widget-upload").click()
        chooser.value.set_files({"name": name, "mimeType": "image/png", "buffer": content})

    def changed(self, before, what="results"):
        handle = self.results() if what == "results" else self.box.locator(".qr-figures")
        expect(handle).to_be_visible()
        self.page.wait_for_function(
            "([selector, before]) => document.querySelector(selector)?.innerHTML !== before",
            arg=[
                ".query-retrieval [aria-label=Results]" if what == "results" else ".query-retrieval .qr-figures",
                before,
            ],
        )


def play(page):
    """Move everything; returns the player."""
    player = Player(page)
    queries_and_results(player)
    words_and_uploads(player)
    threshold_and_answers(player)
    switches_and_filters(player)
    comparison(player)
    everything_has_words(player)
    return player


def queries_and_results(player):
    player.sentence(r"^Query 1 of \d+: ")
    first, before = player.asked(), player.html()
    player.button("Next ▶").click()
    player.sentence("^Query 2 of")
    player.changed(before)
    player.asks_with_another_than(first)
    player.button("◀ Previous").click()
    player.sentence("^Query 1 of")
    player.asks_with(first)
    before = player.html()
    player.button("Query 3").click()
    player.sentence("^Query 3 of")
    player.changed(before)
    expect(player.box.locator(".qr-chosen")).to_have_text(re.compile("3"))
    second = player.results().locator("img").nth(1).get_attribute("src")
    player.button("Result 2").click()
    player.sentence("^Gallery image")
    player.asks_with(second)  # what was clicked is what is searched by
    player.button("Result 1").focus()
    before = player.html()
    player.page.keyboard.press("Enter")  # as with the mouse
    player.changed(before)
    for name in ("Hardest", "Random"):
        player.button(name).click()
        player.sentence("^Query")
    player.button("Query 1").click()
    player.sentence("^Query 1 of")
    player.button("Page ▶").click()
    expect(player.results().locator("figcaption b").first).to_have_text("21")
    player.button("◀ Page").click()
    expect(player.results().locator("figcaption b").first).to_have_text("1")


def words_and_uploads(player):
    player.write("woman, red top")
    player.sentence("^“woman, red top”: ")
    player.write("a martian")
    player.sentence("not understood: a martian")
    player.button("Query 2").click()
    player.sentence("^Query 2 of")
    before = player.asked()
    picture = BytesIO()
    Image.linear_gradient("L").resize((60, 120)).convert("RGB").save(picture, "PNG")
    player.give("good.png", picture.getvalue())
    player.sentence(r"^Your picture good\.png: ")
    player.asks_with_another_than(before)
    asked = player.asked()
    for name, content, said in (
        ("text.png", b"no picture at all", r"text\.png is not a picture"),
        ("half.png", picture.getvalue()[:150], r"half\.png cannot be decoded"),
        ("heavy.png", bytes(8_500_000), r"heavy\.png has 8 MB; give a picture of at most 8 MB"),
    ):
        player.give(name, content)
        player.sentence(said)
        assert player.asked() == asked, "a bad file changed what is shown"
    player.button("Query 1").click()
    player.sentence("^Query 1 of")


def threshold_and_answers(player):
    handle = player.box.locator(".widget-slider, .widget-hslider").filter(has_text="Threshold")
    handle = handle.locator(".noUi-handle, .ui-slider-handle").first
    figures = player.box.locator(".qr-figures").inner_html()
    point = player.box.locator(".qr-here").get_attribute("cx")
    handle.focus()
    handle.press("Home")
    if not player.box.get_by_text("threshold 0.00").count():
        for _ in range(100):  # the slider of ipywidgets 7 knows the arrows only
            handle.press("ArrowLeft")
    player.sentence(r"the threshold 0\.00")
    player.changed(figures, "figures")
    player.page.wait_for_function(  # gray is what has a similarity below 0
        "[...document.querySelectorAll('.query-retrieval [aria-label=Results] .qr-card')].every((card) =>"
        " card.classList.contains('qr-below') === card.querySelector('img').alt.includes('similarity -'))"
    )
    assert player.box.locator(".qr-here").get_attribute("cx") != point
    handle.press("End")
    if not player.box.get_by_text("threshold 1.00").count():
        for _ in range(100):
            handle.press("ArrowRight")
    player.sentence(r"the threshold 1\.00")
    expect(player.results().locator(".qr-below")).to_have_count(20)
    missed = player.box.locator("h4")
    expect(missed).to_have_text(re.compile(r"Missed matches: [1-9]"))
    expect(player.box.locator("[aria-label='Matches that the answer lacks'] img").first).to_be_visible()
    for answer in ("list", "set"):
        player.select("Answer", answer)
        player.sentence(f"the {answer} that is handed in")
    player.select("Answer", "threshold")
    for _ in range(50):
        handle.press("ArrowLeft")
    player.sentence(r"the threshold 0\.5")


def switches_and_filters(player):
    for name in ("Mirror images", "Whitening"):
        before = player.html()
        player.checkbox(name).click()
        player.changed(before)
    for name in ("Re-ranking", "Junk filter"):
        state = player.checkbox(name).is_checked()
        player.checkbox(name).click()
        assert player.checkbox(name).is_checked() != state
        player.sentence("^Query 1 of")
    player.select("Camera", "2")
    player.page.wait_for_function(
        "[...document.querySelectorAll('.query-retrieval [aria-label=Results] .qr-file')]"
        ".every((file) => file.innerText.includes('cam 2'))"
    )
    gender = "female" if ", female" in player.results().locator("img").first.get_attribute("alt") else "male"
    player.select("Only", f"gender: {gender}")
    player.page.wait_for_function(
        "(word) => [...document.querySelectorAll('.query-retrieval [aria-label=Results] img')]"
        ".every((image) => image.alt.split(', ').includes(word))",
        arg=gender,
    )
    player.sentence("^Query 1 of")
    for name in ("Only", "Camera"):
        player.select(name, "any")
        expect(player.dropdown(name).locator("option:checked")).to_have_text("any")
    player.sentence("^Query 1 of")


def comparison(player):
    player.select("A click", "compares it with the query")
    player.button("Result 2").click()
    expect(player.box.locator(".qr-beside img")).to_have_count(2)
    player.select("Heat of", "upcolor")
    expect(player.box.locator(".qr-beside p")).to_have_text(re.compile("heat|Bright"))
    player.select("A click", "searches by it")


def everything_has_words(player):
    alts = player.box.locator("img").evaluate_all("all => all.map(image => image.alt)")
    assert len(alts) > 20 and all(alts)
    assert player.box.locator("svg.qr-curve").get_attribute("aria-label").startswith("Precision against recall")
    assert not player.page.locator("text=Traceback").count()


def on_a_telephone(player):
    """At a width of 390 pixels nothing of the widget sticks out, and every control can be reached and pressed."""
    whole = player.page.viewport_size
    player.page.set_viewport_size({"width": 390, "height": 844})
    expect(player.results()).to_be_visible()
    player.page.wait_for_function(
        "() => { const box = document.querySelector('.query-retrieval');"
        " const room = box.getBoundingClientRect();"
        " const inside = [...box.querySelectorAll('button, input, select, img, svg, .qr-card, .qr-figures')]"
        " .map((part) => part.getBoundingClientRect()).filter((part) => part.width);"
        " return room.width <= 390 && inside.every((part) => part.right <= room.right + 1); }"
    )
    for control in player.box.locator("button:visible, select:visible, input[type=checkbox]:visible").all():
        if control.is_enabled():
            control.click(trial=True)  # scrolled to, and nothing lies over it
    player.button("Next ▶").click()
    player.sentence("^Query 2 of")
    player.page.set_viewport_size(whole)
