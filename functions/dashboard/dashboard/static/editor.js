// The source of a template: coloured Typst under a plain textarea, and the line that is at fault.
"use strict";

const PATTERN = /(\/\/[^\n]*|\/\*[\s\S]*?\*\/)|("(?:\\.|[^"\\\n])*")|(^=+ [^\n]*)|(#(?:let|set|show|if|else|for|while|import|include|return|context)\b|#[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*|\b(?:let|set|show|if|else|for|in|while|return|none|auto|true|false)\b)|(\$[^$\n]*\$)|(\b\d+(?:\.\d+)?(?:pt|mm|cm|in|em|fr|deg|%)?)/gm;
const CLASSES = ["t-comment", "t-string", "t-heading", "t-code", "t-math", "t-number"];
const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
const escape = (text) => text.replace(/[&<>]/g, (character) => ESCAPES[character]);

function coloured(text) {
  let html = "", from = 0;
  for (const match of text.matchAll(PATTERN)) {
    html += escape(text.slice(from, match.index));
    const kind = CLASSES[match.slice(1).findIndex((group) => group !== undefined)];
    html += `<span class="${kind}">${escape(match[0])}</span>`;
    from = match.index + match[0].length;
  }
  return html + escape(text.slice(from)) + "\n";
}

for (const box of document.querySelectorAll(".source")) {
  const area = box.querySelector("textarea");
  const colours = box.querySelector(".colours");
  const lines = box.querySelector(".lines");
  let fault = 0;
  const draw = () => {
    colours.innerHTML = coloured(area.value);
    const count = area.value.split("\n").length;
    lines.innerHTML = Array.from({ length: count }, (_, index) =>
      index + 1 === fault ? `<b>${index + 1}</b>` : String(index + 1)).join("\n");
    follow();
  };
  const follow = () => {
    colours.scrollTop = lines.scrollTop = area.scrollTop;
    colours.scrollLeft = area.scrollLeft;
  };
  box.classList.add("coloured");
  area.addEventListener("input", draw);
  area.addEventListener("scroll", follow);
  area.addEventListener("keydown", (event) => {
    // Two spaces for Tab, but only after typing: whoever walks through by keyboard gets out.
    if (event.key === "Escape") { area.dataset.leave = "yes"; return; }
    if (event.key !== "Tab" || event.shiftKey || area.dataset.leave || !area.dataset.typed) return;
    event.preventDefault();
    area.setRangeText("  ", area.selectionStart, area.selectionEnd, "end");
    area.dispatchEvent(new Event("input", { bubbles: true }));
  });
  area.addEventListener("input", () => { area.dataset.typed = "yes"; delete area.dataset.leave; });
  area.addEventListener("blur", () => { delete area.dataset.typed; delete area.dataset.leave; });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id !== "preview") return;
    const marked = event.detail.target.querySelector("[data-line]");
    fault = marked ? Number(marked.dataset.line) : 0;
    draw();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-go-to-line]");
    if (!link) return;
    const before = area.value.split("\n").slice(0, Number(link.dataset.goToLine) - 1).join("\n");
    area.focus();
    area.setSelectionRange(before.length + 1, before.length + 1);
    area.scrollTop = (Number(link.dataset.goToLine) - 4) * parseFloat(getComputedStyle(area).lineHeight);
  });
  draw();
}
