'use strict';
// One network in f32, bf16 and int8, in turn: what a smaller type gains on this machine.
// `make bench-precisions` starts it.
const fs = require('fs');
const os = require('os');
const path = require('path');
const {execFileSync} = require('child_process');
const {parseArgs} = require('util');
const {Engine, summary, firstLine, describeMachine} = require('./compare_engine.js');

const help = `Usage: node bench/precisions.js [OPTIONS] FLOAT.onnx[=INT8.onnx]...

Times libinfer on each network in f32, in bf16 where the CPU has it, and on the quantised network
where it is named, run by run in turn; writes precisions.md and precisions.json.

Options:
  --infer FILE     the converter (default build/infer)
  --bench FILE     infer-bench (default build/infer-bench)
  --out DIR        for the two files (default build/bench)
  --threads LIST   numbers of threads, as "1 2" (default "1 2")
  --runs N         turns of each precision (default 30), of two runs, the second of which counts
  --help           this page

Exit status: 0 all measured, 1 a network failed, 2 wrong arguments.
`;

function parse() {
  const text = (value) => ({type: 'string', default: value});
  const {values, positionals} = parseArgs({
    allowPositionals: true,
    options: {
      infer: text('build/infer'), bench: text('build/infer-bench'), out: text('build/bench'),
      threads: text('1 2'), runs: text('30'), help: {type: 'boolean'},
    },
  });
  values.runs = Number(values.runs);
  values.threads = values.threads.split(/[ ,]+/).filter(Boolean).map(Number);
  if (!(values.runs >= 1) || !values.threads.length || values.threads.some((n) => !(n >= 1)))
    throw new Error('--runs and --threads: numbers are needed');
  return {options: values, places: positionals};
}

function convert(options, onnx) {
  const flat = path.join(options.out, 'flat', path.basename(onnx, '.onnx') + '.infer');
  execFileSync(options.infer, ['convert', onnx, '-o', flat], {stdio: 'pipe'});
  return flat;
}

// {f32: engine, bf16: engine, int8: engine}, as far as they can be had.
async function startAll(options, flat, quantised, threads) {
  const engines = {};
  const start = (name, file, ...more) => Engine.start(options.bench,
    [file, '-t', String(threads), '--serve', path.join(options.out, 'flat', name), ...more]);
  engines.f32 = await start('f32', flat);
  engines.bf16 = await start('bf16', flat, '--precision', 'bf16').catch(() => undefined);
  if (quantised) engines.int8 = await start('int8', quantised);
  return Object.fromEntries(Object.entries(engines).filter(([, engine]) => engine));
}

async function measure(options, flat, quantised, threads) {
  const engines = await startAll(options, flat, quantised, threads);
  const times = {};
  for (const engine of Object.values(engines)) await engine.run(5);
  for (let turn = 0; turn < options.runs; turn++)
    for (const [name, engine] of Object.entries(engines))
      (times[name] = times[name] || []).push((await engine.run(2))[1]);
  for (const engine of Object.values(engines)) await engine.stop();
  return Object.fromEntries(Object.entries(times).map(([name, list]) => [name, summary(list)]));
}

function cell(row, name) {
  const s = row[name];
  if (!s) return ['', ''];
  return [`${s.median.toPrecision(4)} (${s.p10.toPrecision(4)} to ${s.p90.toPrecision(4)})`,
    (row.f32.median / s.median).toFixed(2)];
}

function markdown(report) {
  const lines = [
    `${report.machine.cpu}, ${report.machine.cpus} CPUs; libinfer ${report.revision}, kernels up to ` +
    `${report.isa}; ${report.date}. Medians of ${report.runs} runs in turn (10 % to 90 % of them ` +
    'in brackets), ms.', '',
    '| network | threads | f32 | bf16 | f32 / bf16 | int8 | f32 / int8 |',
    '|---|---|---|---|---|---|---|',
  ];
  for (const row of report.rows)
    lines.push(`| ${[row.network, row.threads, cell(row, 'f32')[0], ...cell(row, 'bf16'),
      ...cell(row, 'int8')].join(' | ')} |`);
  return lines.join('\n') + '\n';
}

async function main() {
  let options, places;
  try {
    ({options, places} = parse());
    if (options.help) return process.stdout.write(help) && 0;
    if (!places.length) throw new Error('a network is needed');
  } catch (problem) {
    process.stderr.write(`precisions: ${problem.message}; see --help\n`);
    return 2;
  }
  fs.mkdirSync(path.join(options.out, 'flat'), {recursive: true});
  const report = {
    date: new Date().toISOString().slice(0, 10), machine: describeMachine(), runs: options.runs,
    isa: '', revision: firstLine('git', ['describe', '--always', '--dirty']), rows: [],
  };
  let failures = 0;
  for (const place of places) {
    const [float, int8] = place.split('=');
    const network = path.basename(float, '.onnx');
    try {
      const flat = convert(options, float), quantised = int8 && convert(options, int8);
      for (const threads of options.threads) {
        const row = {network, threads, ...await measure(options, flat, quantised, threads)};
        report.isa = JSON.parse(fs.readFileSync(path.join(options.out, 'flat', 'f32.json'))).isa;
        report.rows.push(row);
        process.stderr.write(`${network}, ${threads}: ` + ['f32', 'bf16', 'int8']
          .filter((name) => row[name]).map((name) => `${name} ${row[name].median.toFixed(3)}`)
          .join(', ') + ` ms${os.EOL}`);
      }
    } catch (problem) {
      process.stderr.write(`${network}: ${problem.message}\n`);
      failures++;
    }
    fs.writeFileSync(path.join(options.out, 'precisions.json'), JSON.stringify(report, null, 1));
    fs.writeFileSync(path.join(options.out, 'precisions.md'), markdown(report));
  }
  return failures ? 1 : 0;
}

main().then((status) => (process.exitCode = status)).catch((problem) => {
  process.stderr.write(`precisions: ${problem.message}\n`);
  process.exitCode = 1;
});
