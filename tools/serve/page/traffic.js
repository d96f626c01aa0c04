// Versions, their latency over time, and drift, from what /page/status says.

const WINDOW = 10; // seconds that rates and quantiles are of
const SPAN = 120; // seconds that the chart shows
const LINES = [["p50", 0.5], ["p95", 0.95], ["p99", 0.99]];
const SVG = "http://www.w3.org/2000/svg";

const history = new Map(); // "model/version" -> [{time, success, counts, p50, p95, p99}]
export const keyOf = (v) => `${v.model}/${v.version}`;

// The quantile of times between two histograms, in seconds; NaN where nothing was counted.
export function quantile(before, now, bounds, q) {
  const counts = now.map((n, i) => n - (before ? before[i] : 0));
  const total = counts.reduce((sum, n) => sum + n, 0);
  const want = q * total;
  let below = 0;
  if (!total) return NaN;
  for (let i = 0; i < bounds.length; i++) {
    const low = i ? bounds[i - 1] : 0;
    if (counts[i] && below + counts[i] >= want) return low + ((bounds[i] - low) * (want - below)) / counts[i];
    below += counts[i];
  }
  return bounds[bounds.length - 1];
}

// Adds what the server says now. A version that was loaded anew begins anew.
function remember(status) {
  for (const v of status.versions) {
    if (!v.counts) continue;
    let list = history.get(keyOf(v)) || [];
    if (list.length && list[list.length - 1].success > v.success) list = [];
    const old = list.find((s) => s.time >= status.time - WINDOW);
    const sample = { time: status.time, success: v.success, counts: v.counts };
    sample.rate = old ? (v.success - old.success) / (status.time - old.time) : NaN;
    for (const [name, q] of LINES) sample[name] = quantile(old && old.counts, v.counts, status.bounds, q) * 1000;
    if (!old) for (const [name] of LINES) sample[name] = NaN; // what was before is not of these seconds
    list.push(sample);
    history.set(keyOf(v), list.filter((s) => s.time >= status.time - SPAN));
  }
}

const latest = (v) => (history.get(keyOf(v)) || []).at(-1) || {};

function number(value, digits) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  return digits === undefined ? String(value) : value.toFixed(digits);
}

// Rows of a table; cells that say the same as before are left alone, so that what a person has marked or
// listens to stays.
function fill(body, rows) {
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((cells, i) => {
    const row = body.rows[i] || body.insertRow();
    cells.forEach((text, k) => {
      const cell = row.cells[k] || row.insertCell();
      if (cell.textContent !== text) cell.textContent = text;
    });
  });
}

function showVersions(body, status) {
  fill(body, status.versions.map((v) => {
    const s = latest(v);
    return [v.model, String(v.version), v.task || "–", v.state, number(v.success), number(v.failure),
      number(v.queued), number(s.rate, 1), number(s.p50, 1), number(s.p95, 1), number(s.p99, 1)];
  }));
}

function verdict(d, f) {
  if (f.alert) return "alert: has drifted";
  if (!d.reference) return "no reference";
  if (!d.enough) return "too few pictures";
  if (f.drifted) return "drifted";
  return f.judged ? "as the reference" : "–";
}

// Returns false where no version is observed.
export function showDrift(body, status) {
  const rows = [], bad = [];
  for (const v of status.versions)
    for (const f of (v.drift || { features: [] }).features) {
      rows.push([v.model, String(v.version), f.feature, verdict(v.drift, f), number(f.mean, 2),
        number(f.reference_mean, 2), number(f.psi, 3), number(f.psi_limit, 3),
        f.p === null ? "–" : f.p.toPrecision(2)]);
      bad.push(f.alert || (v.drift.enough && f.drifted));
    }
  fill(body, rows);
  rows.forEach((_, i) => body.rows[i].cells[3].classList.toggle("drifted", bad[i]));
  return status.versions.some((v) => v.drift);
}

function svg(name, attributes, text) {
  const e = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  if (text !== undefined) e.textContent = text;
  return e;
}

// A number of milliseconds that the axis ends at: 1, 2 or 5 times a power of ten.
function above(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= value);
}

// Curves have gaps where there was no request.
function curve(list, name, x, y) {
  let path = "", pen = "M";
  for (const s of list) {
    if (Number.isNaN(s[name])) {
      pen = "M";
    } else {
      path += `${pen}${x(s.time).toFixed(1)} ${y(s[name]).toFixed(1)}`;
      pen = "L";
    }
  }
  return svg("path", { class: `curve ${name}`, d: path });
}

function legend(into, width) {
  LINES.forEach(([name], i) => {
    const at = width - 210 + i * 70;
    into.append(svg("path", { class: `curve ${name}`, d: `M${at} 12h24` }), svg("text", { x: at + 28, y: 16 }, name));
  });
}

// The last two minutes of a version.
function showChart(into, key, now) {
  const width = Math.max(300, Math.min(900, into.clientWidth || 600)), height = 200;
  const left = 64, right = 8, top = 24, bottom = 24;
  const list = history.get(key) || [];
  const most = above(Math.max(1, ...list.map((s) => s.p99).filter((n) => !Number.isNaN(n))));
  const x = (time) => left + ((time - now + SPAN) / SPAN) * (width - left - right);
  const y = (ms) => height - bottom - (ms / most) * (height - top - bottom);
  const s = list.at(-1) || {};
  const words = Number.isNaN(s.p50) || s.p50 === undefined ? "no requests in the last 10 seconds"
    : `p50 ${number(s.p50, 1)}, p95 ${number(s.p95, 1)}, p99 ${number(s.p99, 1)} milliseconds`;
  const picture = svg("svg", {
    viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Latency over 2 minutes: ${words}`,
  });
  for (const share of [0, 0.5, 1]) {
    picture.append(svg("path", { class: "grid", d: `M${left} ${y(share * most)}H${width - right}` }),
      svg("text", { x: left - 6, y: y(share * most) + 4, "text-anchor": "end" }, `${share * most} ms`));
  }
  picture.append(svg("text", { x: left, y: height - 6 }, "2 minutes ago"),
    svg("text", { x: width - right, y: height - 6, "text-anchor": "end" }, "now"));
  legend(picture, width);
  for (const [name] of LINES) picture.append(curve(list, name, x, y));
  into.replaceChildren(picture);
}

export function showTraffic(status, versionsBody, chart, charted) {
  remember(status);
  showVersions(versionsBody, status);
  showChart(chart, charted, status.time);
}
