// The page's icons as SVG paths on a grid of 16.

const PATHS = {
  plus: "M8 3v10M3 8h10",
  trash: "M3 4.5h10M6.5 4V2.8h3V4M4.5 4.5l.6 8.7h5.8l.6-8.7M6.8 7v3.8M9.2 7v3.8",
  up: "M8 12.5v-9M4 7.5l4-4 4 4",
  down: "M8 3.5v9M4 8.5l4 4 4-4",
  check: "M3 8.5l3.3 3.3L13 4.8",
  alert: "M8 4.8v4M8 11.3v.1M8 1.8l6.6 11.7H1.4z",
  download: "M8 2.5v8M4.5 7.2L8 10.7l3.5-3.5M3 13.3h10",
  open: "M9.5 2.5h4v4M13.2 2.8L7.5 8.5M6.5 3.5h-3v9h9v-3",
  image: "M2.5 3h11v10h-11zM2.8 11l3-3.2 2.4 2.4 2-2 3 3M10.4 6.1v.1",
  close: "M4 4l8 8M12 4l-8 8",
  list: "M5.5 4h8M5.5 8h8M5.5 12h8M2.5 4v.1M2.5 8v.1M2.5 12v.1",
};

const SVG = "http://www.w3.org/2000/svg";

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  for (const [key, value] of Object.entries({
    viewBox: "0 0 16 16",
    width: "16",
    height: "16",
    "aria-hidden": "true",
    class: "icon",
  }))
    svg.setAttribute(key, value);
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
