// The source of a template in CodeMirror 6. The textarea beneath stays what the form sends.
import { autocompletion, completionKeymap, closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentLess, indentMore, insertTab } from "@codemirror/commands";
import { HighlightStyle, StreamLanguage, bracketMatching, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { EditorState } from "@codemirror/state";
import { EditorView, drawSelection, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const KEYWORDS = new Set(["let", "set", "show", "if", "else", "for", "in", "while", "import", "include", "return", "context", "none", "auto", "true", "false", "not", "and", "or"]);

// Enough of Typst to colour it: comments, strings, headings, code, numbers, mathematics.
const typst = StreamLanguage.define({
  name: "typst",
  startState: () => ({ comment: 0 }),
  token(stream, state) {
    if (state.comment) {
      while (!stream.eol()) {
        if (stream.match("*/")) { state.comment -= 1; if (!state.comment) break; }
        else if (stream.match("/*")) state.comment += 1;
        else stream.next();
      }
      return "comment";
    }
    if (stream.match("/*")) { state.comment = 1; return "comment"; }
    if (stream.match(/^\/\/.*/)) return "comment";
    if (stream.sol() && stream.match(/^\s*=+ .*/)) return "heading";
    if (stream.match(/^"(?:\\.|[^"\\])*"/)) return "string";
    if (stream.match(/^#?[A-Za-z_][\w-]*/)) {
      const word = stream.current().replace("#", "");
      if (KEYWORDS.has(word)) return "keyword";
      return stream.current().startsWith("#") ? "variableName" : null;
    }
    if (stream.match(/^\d+(?:\.\d+)?(?:pt|mm|cm|in|em|fr|deg|%)?/)) return "number";
    if (stream.match(/^\$[^$]*\$/)) return "string.special";
    stream.next();
    return null;
  },
  languageData: { commentTokens: { line: "//", block: { open: "/*", close: "*/" } }, closeBrackets: { brackets: ["(", "[", "{", '"'] } },
});

const colours = HighlightStyle.define([
  { tag: tags.comment, class: "t-comment" },
  { tag: tags.string, class: "t-string" },
  { tag: tags.special(tags.string), class: "t-math" },
  { tag: tags.heading, class: "t-heading" },
  { tag: [tags.keyword, tags.variableName], class: "t-code" },
  { tag: tags.number, class: "t-number" },
]);

// What can be written here: the fields of the table beneath, and what every template is given.
const FUNCTIONS = JSON.parse(document.getElementById("editor-words")?.textContent || "[]");

function fields() {
  return [...document.querySelectorAll("#rows [name$='.path']")].filter((input) => input.value).map((input) => {
    const row = input.closest("tr");
    const label = row.querySelector("[name$='.label']").value, type = row.querySelector("[name$='.type']").value;
    return { path: input.value, label, type };
  });
}

function complete(context) {
  const word = context.matchBefore(/#?[A-Za-z_][\w.-]*/);
  if (!word || (word.from === word.to && !context.explicit)) return null;
  const data = fields().filter(({ path }) => !path.includes("[].")).map(({ path, label, type }) => ({
    label: `data.${path.replace("[]", "")}`, type: "property", detail: type, info: label,
  }));
  const inner = fields().filter(({ path }) => path.includes("[].")).map(({ path, label, type }) => ({
    label: path.split("[].").pop(), type: "property", detail: type, info: `${label}: a field of ${path.split("[].")[0]}`,
  }));
  const functions = FUNCTIONS.map(([label, info]) => ({ label, type: "function", info }));
  const hash = word.text.startsWith("#") ? 1 : 0;
  return { from: word.from + hash, options: [...data, ...inner, ...functions], validFor: /^[\w.-]*$/ };
}

function indent(view) {
  return view.state.selection.ranges.some((range) => !range.empty) ? indentMore(view) : insertTab(view);
}

export function attach(area) {
  const changed = EditorView.updateListener.of((update) => {
    if (!update.docChanged) return;
    area.value = update.state.doc.toString();
    area.dispatchEvent(new Event("input", { bubbles: true }));
  });
  let leaves = false;
  const view = new EditorView({
    state: EditorState.create({
      doc: area.value,
      extensions: [
        lineNumbers(), highlightActiveLineGutter(), highlightActiveLine(), history(), drawSelection(),
        EditorState.allowMultipleSelections.of(true), indentUnit.of("  "), EditorState.tabSize.of(2),
        typst, syntaxHighlighting(colours), bracketMatching(), closeBrackets(),
        autocompletion({ override: [complete], icons: false }), highlightSelectionMatches(), search({ top: true }), lintGutter(),
        keymap.of([
          // Escape, then Tab, leaves the editor: nobody is held in it by the keyboard.
          { key: "Tab", run: (editor) => (leaves ? false : indent(editor)), shift: (editor) => (leaves ? false : indentLess(editor)) },
          ...closeBracketsKeymap, ...completionKeymap, ...searchKeymap, ...historyKeymap, ...defaultKeymap,
        ]),
        EditorView.domEventHandlers({ keydown: (event) => { leaves = event.key === "Escape" || (leaves && event.key === "Tab") || (leaves && event.key === "Shift"); return false; } }),
        EditorView.cspNonce.of(document.querySelector("meta[name=style-nonce]")?.content || ""),
        EditorView.contentAttributes.of({ "aria-label": "Source", spellcheck: "false", tabindex: "0" }),
        changed,
      ],
    }),
  });
  area.after(view.dom);
  area.hidden = true;
  return {
    view,
    mark(line, column, message) {
      if (!line) { view.dispatch(setDiagnostics(view.state, [])); return; }
      const place = view.state.doc.line(Math.min(line, view.state.doc.lines));
      const from = Math.min(place.from + Math.max((column || 1) - 1, 0), place.to);
      const to = Math.max(from, column ? view.state.wordAt(from)?.to ?? place.to : place.to);
      view.dispatch(setDiagnostics(view.state, [{ from, to, severity: "error", message }]));
    },
    goTo(line) {
      const place = view.state.doc.line(Math.min(line, view.state.doc.lines));
      view.dispatch({ selection: { anchor: place.from }, effects: EditorView.scrollIntoView(place.from, { y: "center" }) });
      view.focus();
    },
    insert(text) { view.dispatch(view.state.replaceSelection(text)); view.focus(); },
  };
}
