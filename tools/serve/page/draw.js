// Answers over the picture that they are about: boxes, points, masks.

// Colours that are told apart by most eyes, on dark pictures and on light ones.
const COLOURS = ["#e69f00", "#56b4e9", "#009e73", "#f0e442", "#d55e00", "#cc79a7", "#4477ee", "#aa3377"];
// The longer side as it is drawn: larger pictures would take a phone's memory, on smaller ones labels could not
// be read.
const MOST_SIDE = 1600, LEAST_SIDE = 640;

// Hands out a colour for each name, in the order in which they are asked for.
export function palette() {
  const names = new Map();
  return (name) => {
    if (!names.has(name)) names.set(name, COLOURS[names.size % COLOURS.length]);
    return names.get(name);
  };
}

function channels(colour) {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
}

// A mask's runs (value, length, value, length ...) as a picture; colourOf(value) is a colour, or null for
// what stays clear.
export function maskImage(mask, colourOf) {
  const [rows, columns] = mask.size;
  const image = new ImageData(columns, rows);
  const known = new Map();
  let at = 0;
  for (let i = 0; i + 1 < mask.counts.length; i += 2) {
    const value = mask.counts[i];
    const end = Math.min(at + mask.counts[i + 1] * 4, image.data.length);
    if (!known.has(value)) known.set(value, colourOf(value));
    const colour = known.get(value);
    if (colour) {
      const [r, g, b] = channels(colour);
      for (; at < end; at += 4) image.data.set([r, g, b, 140], at);
    }
    at = end;
  }
  const canvas = document.createElement("canvas");
  canvas.width = columns;
  canvas.height = rows;
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

// The corners of a box, turned about its centre: clockwise as seen.
export function corners(box, angle) {
  const [x0, y0, x1, y1] = box;
  const cx = (x0 + x1) / 2, cy = (y0 + y1) / 2;
  const c = Math.cos(angle || 0), s = Math.sin(angle || 0);
  return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]].map(([x, y]) =>
    [cx + (x - cx) * c - (y - cy) * s, cy + (x - cx) * s + (y - cy) * c]);
}

function drawPoints(context, points, unit, colour) {
  for (const [x, y] of points) {
    context.beginPath();
    context.arc(x, y, 3 * unit, 0, 2 * Math.PI);
    context.fillStyle = colour;
    context.fill();
    context.lineWidth = unit;
    context.strokeStyle = "#000000";
    context.stroke();
  }
}

function drawLabel(context, text, x, y, unit, colour) {
  context.font = `600 ${14 * unit}px system-ui, sans-serif`;
  const width = context.measureText(text).width + 8 * unit;
  const top = Math.max(0, y - 20 * unit);
  context.fillStyle = "#000000";
  context.fillRect(x, top, width, 20 * unit);
  context.fillStyle = colour;
  context.fillText(text, x + 4 * unit, top + 15 * unit);
}

function drawOutline(context, path, unit, colour) {
  context.beginPath();
  path.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.closePath();
  context.lineJoin = "round";
  context.lineWidth = 5 * unit; // dark around the colour: it shows on any picture
  context.strokeStyle = "#000000";
  context.stroke();
  context.lineWidth = 3 * unit;
  context.strokeStyle = colour;
  context.stroke();
}

function drawBox(context, box, unit, colour) {
  if (box.mask && box.mask.counts)
    context.drawImage(maskImage(box.mask, (value) => (value ? colour : null)), box.mask.at[0], box.mask.at[1]);
  const path = corners(box.box, box.angle);
  drawOutline(context, path, unit, colour);
  drawPoints(context, box.points || [], unit, colour);
  const [x, y] = path.reduce((best, corner) => (corner[1] < best[1] ? corner : best));
  drawLabel(context, `${box.class} ${Math.round(box.score * 100)} %`, Math.max(0, x), y, unit, colour);
}

function isBackground(name) {
  return /^_*background_*$/i.test(name);
}

function drawSegments(context, answer, width, height, colourOf) {
  const names = new Map(answer.classes.map((c) => [c.index, c.class]));
  const image = maskImage(answer.mask, (value) => {
    const name = names.get(value);
    return name === undefined || isBackground(name) ? null : colourOf(name);
  });
  context.imageSmoothingEnabled = false;
  context.drawImage(image, 0, 0, width, height);
}

// The picture (null: it can't be shown), and the answer of kind boxes, segments, points or any other over it.
export function draw(canvas, picture, kind, answer, colourOf) {
  canvas.hidden = !picture;
  if (!picture) return;
  const side = Math.max(picture.width, picture.height);
  const scale = Math.min(MOST_SIDE, Math.max(LEAST_SIDE, side)) / side;
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const context = canvas.getContext("2d");
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  context.scale(scale, scale);
  const unit = Math.max(side / 800, picture.width / canvas.parentElement.clientWidth); // about a pixel as seen
  if (kind === "boxes") {
    const colours = answer.map((box) => colourOf(box.class));
    for (let i = answer.length - 1; i >= 0; i--) drawBox(context, answer[i], unit, colours[i]); // the best on top
  } else if (kind === "segments" && answer.mask && answer.mask.counts) {
    drawSegments(context, answer, picture.width, picture.height, colourOf);
  } else if (kind === "lines") {
    for (const line of answer) drawOutline(context, line.quad, unit, colourOf(""));
  } else if (kind === "points") {
    drawPoints(context, answer, unit, colourOf(""));
  }
}
