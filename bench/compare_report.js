'use strict';
// The comparison as a page of Markdown and as a bar chart.

const precisions = (rows) => [...new Set(rows.map((row) => row.precision))];

// Geometric means of the ratios, for each number of threads and type of weights: [{...}].
function means(rows) {
  const groups = [];
  for (const precision of precisions(rows))
    for (const threads of [...new Set(rows.map((row) => row.threads))]) {
      const chosen = rows.filter((r) => r.threads === threads && r.precision === precision);
      if (!chosen.length) continue;
      const ratios = chosen.map((row) => row.ratio);
      groups.push({
        precision, threads, models: ratios.length,
        mean: Math.exp(ratios.reduce((sum, r) => sum + Math.log(r), 0) / ratios.length),
        worst: Math.min(...ratios), best: Math.max(...ratios),
      });
    }
  return groups;
}

function ms(value) {
  return value >= 100 ? value.toFixed(1) : value >= 10 ? value.toFixed(2) : value.toFixed(3);
}

const timed = (s) => `${ms(s.median)} (${ms(s.p10)} to ${ms(s.p90)})`;

function answers(row) {
  if (row.problem) return `**${row.problem}**`;
  const text = row.difference === 0 ? '0' : row.difference.toExponential(0);
  return row.flagged ? `**${text}**` : text;
}

function tableRow(row, alone) {
  const cells = [row.model, row.precision, (row.flops / 1e9).toFixed(2), row.threads,
    timed(row.ort), timed(row.infer), row.ratio.toFixed(2)];
  if (alone) cells.push(row.ratio_alone ? row.ratio_alone.toFixed(2) : '');
  return `| ${[...cells, answers(row)].join(' | ')} |`;
}

function markdown(report) {
  const {machine, versions, settings, rows, failures} = report;
  const alone = rows.some((row) => row.ratio_alone);
  const isa = rows.length ? `, kernels up to ${rows[0].isa}` : '';
  const onednn = rows.length ? (rows[0].onednn ? ' with oneDNN' : ' without oneDNN') : '';
  const head = ['model', 'weights', 'GFLOP', 'threads', 'ONNX Runtime, ms', 'libinfer, ms',
    'ratio', ...(alone ? ['alone'] : []), 'difference'];
  const lines = [
    `${machine.cpu}, ${machine.cpus} CPUs, ${machine.memory_gb} GB, ${machine.system}; ` +
    `libinfer ${versions.libinfer} (${versions.revision})${onednn}${isa}; ` +
    `ONNX Runtime ${versions.onnxruntime}, Node ${versions.node}; ${report.date}.`,
    '',
    `Medians of at least ${settings.runs} runs each, in turn (10 % to 90 % of the runs in ` +
    `brackets), ${settings.rewarm} unmeasured before each; pause ${settings.pause_ms} ms.` +
    (settings.ours ? ` libinfer: ${settings.ours}.` : '') +
    ` A call of ONNX Runtime through Node takes ${report.call_cost_us.toFixed(0)} µs by itself.`,
    '',
    `| ${head.join(' | ')} |`,
    `|${'---|'.repeat(head.length)}`,
    ...rows.map((row) => tableRow(row, alone)),
    '',
    '| weights | threads | models | geometric mean of the ratios | worst | best |',
    '|---|---|---|---|---|---|',
    ...means(rows).map((g) => `| ${g.precision} | ${g.threads} | ${g.models} | ` +
      `**${g.mean.toFixed(2)}** | ${g.worst.toFixed(2)} | ${g.best.toFixed(2)} |`),
    '',
  ];
  if (failures.length) {
    lines.push('Not compared:', '');
    for (const f of failures)
      lines.push(`- ${f.model}${f.threads ? `, ${f.threads} threads` : ''}: ` +
                 f.problem.replace(/[|<>]/g, ' '));
    lines.push('');
  }
  return lines.join('\n');
}

// ---- the chart ---------------------------------------------------------------------------------

const colours = ['#9db8d6', '#2f6690', '#17405e', '#0b2436'];
const escape = (s) => String(s).replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');

function text(x, y, content, more = '') {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escape(content)}</text>`;
}

// Horizontal bars of the ratios, from 0; networks in the table's order, threads side by side.
function svg(report) {
  const rows = report.rows;
  const models = [...new Set(rows.map((row) => row.model))];
  const threads = [...new Set(rows.map((row) => row.threads))];
  const bar = 13, gap = 9, left = 270, right = 60, width = 900, top = 84;
  const block = threads.length * bar + gap;
  const height = top + models.length * block + 34;
  const most = Math.max(1.2, ...rows.map((row) => row.ratio)) * 1.02;
  const scale = (ratio) => (ratio / most) * (width - left - right);
  const halo = 'font-size="11" stroke="#fff" stroke-width="3" paint-order="stroke"';
  const step = [0.1, 0.25, 0.5, 1, 2, 5, 10].find((s) => most / s <= 12) || 20;
  const out = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" ` +
    `height="${height}" font-family="sans-serif" font-size="12" fill="#222">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    text(16, 26, 'Time of ONNX Runtime / time of libinfer (longer: libinfer is faster)',
      'font-size="16" font-weight="bold"'),
    text(16, 45, `${report.machine.cpu}, ${report.machine.cpus} CPUs; ONNX Runtime ` +
      `${report.versions.onnxruntime}, libinfer ${report.versions.revision || report.versions.libinfer}` +
      `; batch 1; ${report.date}`, 'fill="#555"'),
  ];
  threads.forEach((n, i) => {
    const x = left + i * 100;
    out.push(`<rect x="${x}" y="57" width="12" height="12" fill="${colours[i % 4]}"/>`,
      text(x + 18, 67, `${n} thread${n > 1 ? 's' : ''}`));
  });
  for (let v = 0; v <= most; v += step) {
    const x = left + scale(v);
    out.push(`<line x1="${x.toFixed(1)}" y1="${top - 4}" x2="${x.toFixed(1)}" ` +
      `y2="${height - 26}" stroke="#ddd"/>`,
      text(x, height - 10, Number(v.toFixed(2)), 'text-anchor="middle" fill="#555"'));
  }
  const one = left + scale(1);
  out.push(`<line x1="${one.toFixed(1)}" y1="${top - 4}" x2="${one.toFixed(1)}" ` +
    `y2="${height - 26}" stroke="#b3372f" stroke-width="1.5"/>`);
  models.forEach((model, m) => {
    const y = top + m * block;
    out.push(text(left - 8, y + (threads.length * bar) / 2 + 4, model, 'text-anchor="end"'));
    threads.forEach((n, i) => {
      const row = rows.find((r) => r.model === model && r.threads === n);
      if (!row) return;
      const length = scale(row.ratio);
      out.push(`<rect x="${left}" y="${y + i * bar}" width="${length.toFixed(1)}" ` +
        `height="${bar - 2}" fill="${colours[i % 4]}"/>`,
        text(left + length + 5, y + i * bar + bar - 3,
          row.ratio.toFixed(2) + (row.flagged ? ' (answers differ)' : ''), halo));
    });
  });
  out.push('</svg>', '');
  return out.join('\n');
}

module.exports = {markdown, svg, means};
