// What tests/page/check.py asks of the page: expressions with the page's own view of itself.
const pageTest = {
  // The colour [red, green, blue, alpha] at a place of the picture, given in its own pixels.
  pixel(x, y, width) {
    const canvas = document.getElementById("canvas"), scale = canvas.width / width;
    return [...this.copy().getImageData(Math.round(x * scale), Math.round(y * scale), 1, 1).data];
  },

  // How many values its samples have.
  shades() {
    const canvas = document.getElementById("canvas");
    return new Set(this.copy().getImageData(0, 0, canvas.width, canvas.height).data).size;
  },

  copy() {
    const from = document.getElementById("canvas"), to = document.createElement("canvas");
    to.width = from.width;
    to.height = from.height;
    const context = to.getContext("2d", { willReadFrequently: true });
    context.drawImage(from, 0, 0);
    return context;
  },

  // Texts whose contrast with what is behind them is under what WCAG's level AA wants.
  poorContrast() {
    const parse = (text) => {
      const n = text.match(/[\d.]+/g).map(Number);
      return n.length > 3 ? n : [...n, 1];
    };
    const light = (c) => {
      const [r, g, b] = c.map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (e) => {
      for (; e; e = e.parentElement) {
        const colour = parse(getComputedStyle(e).backgroundColor);
        if (colour[3] === 1) return colour;
      }
      return [255, 255, 255, 1];
    };
    const poor = [];
    for (const e of document.querySelectorAll("body *")) {
      const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || e.matches("input, select");
      if (!own || !e.getClientRects().length) continue;
      const colour = getComputedStyle(e).fill && e.closest("svg") ? getComputedStyle(e).fill : getComputedStyle(e).color;
      const [a, b] = [light(parse(colour)), light(behind(e))].sort((p, q) => q - p);
      if ((a + 0.05) / (b + 0.05) < 4.5) poor.push(`${e.tagName} ${e.id} ${e.textContent.slice(0, 30)}`);
    }
    return poor;
  },

  // Controls that a finger would miss: under 44 pixels high.
  small() {
    return [...document.querySelectorAll("button, input, select")]
      .filter((e) => e.getClientRects().length && e.getBoundingClientRect().height < 43.5).map((e) => e.id);
  },
};
