"""Uses every control of the widget, and checks that the page follows."""

import re
from io import BytesIO

from PIL import Image
from playwright.sync_api import expect


class Player:
    """The widget on a page."""

    def __init__(self, page):
        self.page, self.box = page, page.locator(".qr")
        error = page.get_by_text("Traceback (most recent call last)").first
        expect(self.box.locator(".qr-thumbnail img").first.or_(error)).to_be_visible()
        assert not error.is_visible(), page.locator("body").inner_text()[-3000:]
        self.results = self.box.locator("[aria-label=Results]")

    def header(self, pattern):
        expect(self.box.locator(".qr-sentence")).to_have_text(re.compile(pattern))

    def button(self, name):
        return self.box.get_by_role("button", name=name, exact=True)

    def checkbox(self, name):
        return self.box.locator(f".widget-checkbox:has-text('{name}') input")

    def select(self, name, option):
        self.box.locator(f".widget-dropdown:has(label:text-is('{name}')) select").select_option(option)

    def search_words(self, words):
        field = self.box.get_by_placeholder("woman, red top, backpack")
        field.fill(words)
        field.press("Enter")

    def upload(self, name, content):
        with self.page.expect_file_chooser() as chooser:
            self.box.locator(".widget-upload").click()
        chooser.value.set_files({"name": name, "mimeType": "image/png", "buffer": content})

    def message(self, pattern):
        expect(self.box.locator(".qr-message")).to_have_text(re.compile(pattern))

    def portrait(self):
        return self.box.locator(".qr-portrait img").get_attribute("src")


def play(page):
    """Use every control; returns the player. tests/reporting/widget checks what each of them should return."""
    player = Player(page)
    queries_and_pages(player)
    words_and_uploads(player)
    thresholds_and_options(player)
    return player


def queries_and_pages(player):
    player.header(r"^Query 1 of \d+:")
    first = player.portrait()
    player.button("Next ▶").click()
    player.header("^Query 2 of")
    assert player.portrait() != first
    player.button("◀ Previous").click()
    player.header("^Query 1 of")
    player.button("Thumbnail 3").click()
    expect(player.box.locator(".qr-current")).to_have_text("3")
    player.select("Return", "best 50")
    player.header("^Query 3 of .*: the 50 of")
    second = player.results.locator("img").nth(1).get_attribute("src")
    player.button("Result 2").click()
    expect(player.box.locator(".qr-portrait img")).to_have_attribute("src", second)
    player.button("Result 3").focus()
    player.page.keyboard.press("Enter")  # the keyboard works as the mouse does
    expect(player.box.locator(".qr-portrait img")).not_to_have_attribute("src", second)
    for name in ("Hardest", "Random"):
        player.button(name).click()
        player.header("^Query")
    player.button("Next page ▶").click()
    expect(player.box.get_by_text("21–40 of 50")).to_be_visible()
    player.button("◀ Previous page").click()
    expect(player.results.locator("figcaption b").first).to_have_text("1")


def words_and_uploads(player):
    player.search_words("woman, red top")
    player.header("^“woman, red top”:")
    player.search_words("a martian")
    player.message("martian")
    player.button("Thumbnail 2").click()
    player.header(r"^Query \d*2 of")
    expect(player.box.locator(".qr-message")).to_have_count(0)
    picture = BytesIO()
    Image.linear_gradient("L").resize((60, 120)).convert("RGB").save(picture, "PNG")
    for _ in range(2):  # the same file can be uploaded again
        player.upload("good.png", picture.getvalue())
        player.header("^Your photo:")
        player.upload("heavy.png", bytes(8_500_000))
        player.message("heavy.png .*Upload")
        player.button("Thumbnail 1").click()
        player.header(r"^Query \d*1 of")


def thresholds_and_options(player):
    player.select("Return", "above the threshold")
    handle = player.box.locator(".noUi-handle, .ui-slider-handle").first
    handle.focus()
    for _ in range(100):
        handle.press("ArrowRight")
    player.header(r"cosine similarity of at least 1\.00")
    expect(player.box.locator(".qr-heading")).to_have_text(re.compile("Missed matches: [1-9]"))
    player.select("Return", "best 20")
    expect(player.results.locator("img")).to_have_count(20)
    expect(player.checkbox("Re-ranking")).to_be_hidden()
    player.checkbox("Options").check()
    player.checkbox("Re-ranking").check()
    player.header("highest re-ranked score")
    player.checkbox("Show attributes").check()
    expect(player.results.locator("li").nth(20)).to_be_visible()
    plain = player.results.locator("img").first.get_attribute("src")
    player.checkbox("Show where they match").check()
    expect(player.results.locator("img").first).not_to_have_attribute("src", plain)
    player.select("Camera", "2")
    expect(player.results.locator("img[alt*='camera 2']").first).to_be_visible()
    expect(player.results.locator("img:not([alt*='camera 2'])")).to_have_count(0)
    gender = "female" if ", female" in player.results.locator("img").first.get_attribute("alt") else "male"
    player.select("Attribute", f"gender: {gender}")
    expect(player.results.locator(f"img:not([alt*=', {gender}'])")).to_have_count(0)


def on_a_narrow_screen(player):
    """At 390 pixels nothing sticks out, and every control can be reached and pressed."""
    player.page.set_viewport_size({"width": 390, "height": 844})
    player.page.wait_for_function(
        "() => { const box = document.querySelector('.qr'); const area = box.getBoundingClientRect();"
        " const parts = [...box.querySelectorAll('.qr-main *, select, .widget-slider')];"
        " const areas = parts.map((part) => part.getBoundingClientRect()).filter((part) => part.width > 1);"
        " return area.width <= 390 && areas.every((part) => part.right <= area.right + 1); }"
    )
    for control in player.box.locator("button:visible, select:visible, input[type=checkbox]:visible").all():
        if control.is_enabled():
            control.click(trial=True)  # it is scrolled to, and nothing covers it
    player.button("Next ▶").click()
    player.header(r"^Query \d*2 of")
    assert player.page.evaluate("document.scrollingElement.scrollWidth") <= 390
