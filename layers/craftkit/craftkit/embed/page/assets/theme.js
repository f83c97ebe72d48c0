// Applies the partner's colors, adjusted to a readable contrast.

const FONTS = {
  system: 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
  serif: 'ui-serif, Georgia, "Times New Roman", serif',
  rounded: 'ui-rounded, "Hiragino Maru Gothic ProN", Quicksand, Nunito, system-ui, sans-serif',
  mono: 'ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace',
};
const BLACK = [0, 0, 0];
const WHITE = [255, 255, 255];
// The surfaces with the least contrast to their text: see page.css.
const DARK = [27, 31, 40];
const LIGHT = [243, 244, 247];
// Contrast ratio of text that WCAG 2.2 AA requires.
const READABLE = 4.5;
const FAINT = 1.5;
// The luminance whose contrast to black and to white is equal.
const MIDDLE = 0.18;
const TEXT_COLORS = ["--ink", "--soft", "--bad", "--good"];

/** Apply an `appearance`. The default of its primary color is the tenant's branding. */
export function applyTheme(appearance, branding) {
  const root = document.documentElement;
  const set = (name, value) => root.style.setProperty(name, value);
  if (appearance.theme !== "auto") root.dataset.theme = appearance.theme;
  set("--font", FONTS[appearance.fontFamily] ?? FONTS.system);
  set("--radius", `${appearance.borderRadius ?? 8}px`);
  const background = appearance.backgroundColor && rgb(appearance.backgroundColor);
  if (background) {
    root.dataset.theme = luminance(background) < MIDDLE ? "dark" : "light";
    set("--back", appearance.backgroundColor);
    for (const name of TEXT_COLORS)
      set(name, css(readable(rgb(getComputedStyle(root).getPropertyValue(name).trim()), background)));
  }
  const accent = appearance.primaryColor ?? branding?.primaryColor;
  if (!accent) return;
  const isDark = () =>
    root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const apply = () => {
    const color = rgb(accent);
    set("--accent", accent);
    set("--on-accent", contrast(color, WHITE) >= contrast(color, BLACK) ? "#fff" : "#000");
    // As text and as an outline, the accent needs contrast to the page, not only to its label.
    const surface = isDark() ? DARK : LIGHT;
    const ink = readable(readable(color, surface), background ?? surface);
    set("--accent-ink", css(ink));
    // A button in the page's background color needs a visible edge.
    set("--accent-edge", contrast(color, background ?? surface) < FAINT ? css(ink) : accent);
  };
  apply();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", apply);
}

function rgb(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

function css(color) {
  return `rgb(${color.map(Math.round).join(" ")})`;
}

function luminance(color) {
  const [r, g, b] = color.map((part) => {
    const share = part / 255;
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

/** The color, moved towards white or black until its contrast to the background is readable. */
function readable(color, background) {
  const aim = luminance(background) < MIDDLE ? WHITE : BLACK;
  let moved = color;
  for (let step = 0; step < 20 && contrast(moved, background) < READABLE + 0.1; step += 1)
    moved = moved.map((part, at) => part + (aim[at] - part) * 0.12);
  return moved;
}
