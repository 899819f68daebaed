"""The look of the widget: one style sheet, which reads the notebook's own colours where these are said."""

from __future__ import annotations

from assignment_lib.reporting.plots.theme import BLUE, GRAY, GREEN, RED

#: Width and height of a card and of a thumbnail, in pixels. Grids of both layers count columns by them.
CARD, THUMBNAIL = (172, 168), (48, 108)

STYLE = f"""<style>
.qr {{ font-size: 13px; line-height: 1.25; max-width: 1280px; }}
.qr p {{ margin: 4px 0; }}
.qr .widget-html-content, .qr .widget-html > div {{ line-height: 1.25; width: 100%; height: auto; }}
.qr .widget-html {{ height: auto; margin: 0; width: 100%; }}
.qr-main {{ display: flex; flex-flow: row wrap; align-items: flex-start; gap: 12px; overflow: visible; }}
.qr-side {{ flex: 0 1 290px; min-width: 260px; overflow: visible; }}
.qr-found {{ flex: 1 1 350px; min-width: 0; overflow: visible; }}
.qr-row {{ display: flex; flex-flow: row wrap; align-items: center; gap: 2px 12px; overflow: visible; }}
.qr-row > * {{ max-width: 100%; }} .qr-row > button:not(.widget-upload) {{ flex: 0 1 95px; min-width: 76px; margin: 2px 0; }}
.qr-tiles {{ position: relative; width: 100%; overflow: visible; }}
.qr-cards, .qr-buttons {{ display: grid !important; gap: 6px; padding: 2px;
  margin: 0; overflow: visible; }}
.qr-big .qr-cards, .qr-big .qr-buttons {{
  grid-template-columns: repeat(auto-fill, minmax({CARD[0]}px, 1fr)); grid-auto-rows: {CARD[1]}px; }}
.qr-small .qr-cards, .qr-small .qr-buttons {{
  grid-template-columns: repeat(auto-fill, {THUMBNAIL[0]}px); grid-auto-rows: {THUMBNAIL[1]}px; }}
.qr-buttons {{ position: absolute; inset: 0; }}
.qr-buttons button {{ width: 100% !important; height: 100% !important; margin: 0; padding: 0;
  background: transparent !important; color: transparent !important; box-shadow: none !important; border: 0;
  overflow: hidden; cursor: pointer; font-size: 1px; }}
.qr-buttons button:hover {{ outline: 2px solid {BLUE}; outline-offset: 1px; }}
.qr-buttons button:focus-visible {{ outline: 4px solid {BLUE} !important; outline-offset: 1px; }}
.qr figure {{ margin: 0; }}
.qr-card {{ display: flex; gap: 5px; border: 4px solid transparent; border-radius: 4px; overflow: hidden;
  box-sizing: border-box; font-size: 12px; background: rgba(127, 127, 127, .08); }}
.qr-card img {{ width: 74px; height: 148px; object-fit: contain; margin: 0; flex: none; align-self: center; max-width: none; }}
.qr-card figcaption {{ min-width: 0; overflow: hidden; position: relative; flex: 1; }}
.qr-mark {{ float: right; font-size: 22px; line-height: 20px; font-weight: bold; }}
.qr-right {{ border: 4px solid {GREEN}; }} .qr-right .qr-mark {{ color: {GREEN}; }}
.qr-wrong {{ border: 4px dashed {RED}; }} .qr-wrong .qr-mark {{ color: {RED}; }}
.qr-out {{ border: 4px dotted {GRAY}; }}
.qr-plain {{ border: 4px solid transparent; }}
.qr-below img {{ filter: grayscale(1); opacity: .55; }}
.qr-below {{ border-color: {GRAY}; }}
.qr-lost .qr-below {{ border-color: {GREEN}; }} .qr-lost .qr-below img {{ filter: none; opacity: 1; }}
.qr-file {{ display: block; font-size: 10px; opacity: .75; overflow-wrap: anywhere; }}
.qr-says {{ list-style: none; margin: 2px 0 0 !important; padding: 0 !important; font-size: 11px; line-height: 1.15; }}
.qr-says li {{ margin: 0; }} .qr-says small {{ opacity: .75; }} .qr-says s {{ text-decoration-color: {RED}; }}
.qr-asked {{ display: flex; gap: 8px; }} .qr-asked img {{ width: 110px; height: 220px; object-fit: contain; margin: 0; }}
.qr-asked .qr-says {{ font-size: 12px; }} .qr-words {{ font-size: 20px; }}
.qr-thumb {{ text-align: center; font-size: 10px; border: 3px solid transparent; box-sizing: border-box; overflow: hidden; }}
.qr-thumb img {{ width: 42px; height: 84px; object-fit: contain; margin: 0; display: block; }}
.qr-chosen {{ border: 3px solid {BLUE}; font-weight: bold; }}
.qr-figures {{ border-collapse: collapse; margin: 6px 0; font-size: 12px; }} .qr-figures small {{ font-weight: normal; }}
.qr-figures td, .qr-figures th {{ padding: 1px 5px; text-align: right; }}
.qr-figures td {{ font-variant-numeric: tabular-nums; font-size: 15px; }}
.qr-curve {{ width: 240px; max-width: 100%; font-size: 10px; fill: currentColor; }}
.qr-key, .qr-none {{ font-size: 11px; opacity: .85; }}
.qr-sentence {{ font-size: 15px; }} .qr-trouble {{ border-left: 4px solid {RED}; padding-left: 6px; }}
.qr-beside {{ display: flex; flex-flow: row wrap; gap: 12px; }} .qr-large {{ display: flex; gap: 6px; }}
.qr-large img {{ width: 128px; height: 256px; object-fit: contain; margin: 0; }}
.qr h4 {{ margin: 6px 0 2px; font-size: 14px; }}
</style>"""
