// Answers in words: a summary for those who listen, a list for those who read.
import { palette, draw } from "./draw.js";

const MOST_ROWS = 100;
const LEAST_SHARE = 0.0005; // of a picture, to be worth a word

// What an answer is; an empty list is what the model's task says.
export function kindOf(answer, task) {
  if (answer && answer.text !== undefined) return "text";
  if (!Array.isArray(answer)) return answer && answer.mask !== undefined && answer.classes ? "segments" : "outputs";
  const first = answer[0];
  if (first === undefined) return { detect: "boxes", keypoints: "points", text_regions: "lines" }[task] || "classes";
  if (Array.isArray(first)) return "points";
  if (first.quad) return "lines";
  return first.box ? "boxes" : "classes";
}

const percent = (share) => `${(share * 100).toFixed(1)} %`;

function countNames(boxes) {
  const counts = new Map();
  for (const box of boxes) counts.set(box.class, (counts.get(box.class) || 0) + 1);
  return [...counts].map(([name, n]) => `${n} × ${name}`).join(", ");
}

const byShare = (classes) => [...classes].sort((a, b) => b.share - a.share);

function rowsOf(kind, answer, colourOf) {
  if (kind === "classes") return answer.map((c) => ({ what: c.class, share: c.probability, bar: true }));
  if (kind === "boxes")
    return answer.map((b) => ({
      what: b.class, share: b.score, colour: colourOf(b.class),
      where: `from ${b.box.slice(0, 2).map(Math.round).join(", ")} to ${b.box.slice(2).map(Math.round).join(", ")}` +
        (b.angle ? `, turned by ${Math.round((b.angle * 180) / Math.PI)}°` : ""),
    }));
  if (kind === "segments")
    return byShare(answer.classes)
      .map((c) => ({ what: c.class, share: c.share, colour: colourOf(c.class), bar: true }));
  if (kind === "text") return [{ what: answer.text, share: answer.score }];
  if (kind === "lines")
    return answer.map((l, i) => ({
      what: l.text === undefined ? `line ${i + 1}` : l.text, share: l.text === undefined ? l.region_score : l.score,
      where: `from ${l.quad[0].map(Math.round).join(", ")} to ${l.quad[2].map(Math.round).join(", ")}`,
    }));
  if (kind === "points")
    return answer.map((p, i) => ({ what: `point ${i}`, where: `${p[0].toFixed(1)}, ${p[1].toFixed(1)}` }));
  return Object.entries(answer || {}).map(([name, t]) => ({
    what: name,
    where: t && t.shape ? `${t.shape.join(" × ")}: ${t.data.slice(0, 8).join(", ")}${t.data.length > 8 ? " …" : ""}`
                        : JSON.stringify(t).slice(0, 200),
  }));
}

export function inWords(kind, answer) {
  if (kind === "classes" && answer.length) return `${answer[0].class}, ${percent(answer[0].probability)}`;
  if (kind === "classes") return "no class";
  if (kind === "boxes") return answer.length ? `${answer.length} found: ${countNames(answer)}` : "nothing was found";
  if (kind === "segments")
    return byShare(answer.classes).filter((c) => c.share >= LEAST_SHARE)
      .map((c) => `${c.class} ${percent(c.share)}`).join(", ");
  if (kind === "text") return answer.text || "no text";
  if (kind === "lines") return `${answer.length} lines of text`;
  if (kind === "points") return `${answer.length} points`;
  return `outputs: ${Object.keys(answer || {}).join(", ")}`;
}

function element(name, className, text) {
  const e = document.createElement(name);
  e.className = className;
  if (text !== undefined) e.textContent = text;
  return e;
}

function itemOf(row) {
  const item = document.createElement("li");
  const what = element("span", "what", row.what);
  if (row.colour) {
    const swatch = element("span", "swatch");
    swatch.style.background = row.colour;
    what.prepend(swatch);
  }
  item.append(what);
  if (row.share !== undefined) item.append(element("span", "share", percent(row.share)));
  if (row.where) item.append(element("span", "where", row.where));
  if (row.bar) {
    const bar = element("span", "bar");
    bar.style.width = `${Math.max(0.5, Math.min(100, row.share * 100))}%`;
    item.append(bar);
  }
  return item;
}

// Draws the answer over the picture and lists what is in it. Returns it in words.
export function show(canvas, list, picture, kind, answer) {
  const colourOf = palette();
  draw(canvas, picture, kind, answer, colourOf);
  const words = inWords(kind, answer);
  canvas.setAttribute("aria-label", `The picture, with what was found: ${words}`);
  const rows = rowsOf(kind, answer, colourOf);
  list.replaceChildren(...rows.slice(0, MOST_ROWS).map(itemOf));
  if (rows.length > MOST_ROWS) list.append(element("li", "", `and ${rows.length - MOST_ROWS} more`));
  return words;
}
