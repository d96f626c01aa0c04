'use strict';
// libinfer beside ONNX Runtime: both engines in turn, run by run, on the same inputs.
// `make bench-compare` installs what this needs and starts it.
const fs = require('fs');
const path = require('path');
const {execFileSync} = require('child_process');
const {createRequire} = require('module');
const {parseArgs} = require('util');
const {
  Engine, summary, findModels, recordedInputs, useRecorded, compareOutputs, firstLine,
  describeMachine,
} = require('./compare_engine.js');
const {markdown, svg} = require('./compare_report.js');

const help = `Usage: node bench/compare.js [OPTIONS] MODEL...

Times libinfer and ONNX Runtime in turn and writes compare.md, compare.json and compare.svg.
A MODEL is a .onnx file, a folder with model.onnx, or a folder of .onnx files.

Options:
  --infer FILE       the converter (default build/infer)
  --bench FILE       infer-bench (default build/infer-bench)
  --modules DIR      where onnxruntime-node is installed (default build/bench/node)
  --out DIR          for the three files (default build/bench)
  --threads LIST     numbers of threads, as "1 2" (default "1 2")
  --runs N           measured runs of each engine, at least (default 30)
  --seconds S        and at least so long for each row, up to ten times N runs (default 1)
  --warmup N         unmeasured runs of each engine before (default 5)
  --rewarm N         unmeasured runs before each measured one (default 1)
  --pause MS         how long the other engine's threads must have been at rest before each turn
                     (default 40)
  --alone            time each engine by itself as well: N runs one behind the other
  --ours "OPTIONS"   more options for infer-bench, as "--no-onednn"
  --help             this page

Inputs are those recorded in test_data_set_0 beside a model.onnx, else random numbers.

Exit status: 0 all compared, 1 a model failed or its answers differ by more than 1e-3 of the
largest (int8: 0.1; some: tests/model_tolerances.txt), 2 wrong arguments.
`;

// Of the largest value of an output. In int8 a sum that another order of additions puts on the other
// side of a rounding step moves a value by a whole step, and values behind it with it.
// Networks of their own sensitivity are listed, with the reason, in tests/model_tolerances.txt.
function tolerance(row) {
  const list = path.join(__dirname, '../tests/model_tolerances.txt');
  const lines = fs.existsSync(list) ? fs.readFileSync(list, 'utf8').split('\n') : [];
  const own = lines.find((line) => line.startsWith(row.model + ' '));
  return Math.max(row.precision === 'int8' ? 0.1 : 1e-3, own ? Number(own.split(' ')[1]) || 0 : 0);
}

function parse() {
  const text = (value) => ({type: 'string', default: value});
  const {values, positionals} = parseArgs({
    allowPositionals: true,
    options: {
      infer: text('build/infer'), bench: text('build/infer-bench'),
      modules: text('build/bench/node'), out: text('build/bench'), threads: text('1 2'),
      runs: text('30'), seconds: text('1'), warmup: text('5'), rewarm: text('1'),
      pause: text('40'), ours: text(''), alone: {type: 'boolean'}, help: {type: 'boolean'},
    },
  });
  for (const key of ['runs', 'seconds', 'warmup', 'rewarm', 'pause']) {
    values[key] = Number(values[key]);
    if (!(values[key] >= 0)) throw new Error(`--${key}: a number is needed`);
  }
  values.runs = Math.max(values.runs, 1);
  values.threads = values.threads.split(/[ ,]+/).filter(Boolean).map(Number);
  if (!values.threads.length || values.threads.some((n) => !(n >= 1)))
    throw new Error('--threads: numbers are needed, as "1 2"');
  values.ours = values.ours.split(' ').filter(Boolean);
  return {options: values, places: positionals};
}

function say(text) {
  process.stderr.write(text);
}

function convert(options, model) {
  const flat = path.join(options.out, 'flat', model.name + '.infer');
  try {
    execFileSync(options.infer, ['convert', model.file, '-o', flat], {stdio: 'pipe'});
  } catch (problem) {
    const lines = String(problem.stderr || problem.message).trim().split('\n');
    throw new Error(`convert: ${lines[lines.length - 1].replace(model.file + ': ', '')}`);
  }
  return flat;
}

// The last of 1 + rewarm runs, once the engine that ran before is at rest.
async function turn(options, engine, before) {
  before.rest(options.pause);
  return (await engine.run(options.rewarm + 1))[options.rewarm];
}

// A B A B ...
async function alternate(options, theirs, ours) {
  const a = [], b = [];
  const end = Date.now() + options.seconds * 1000;
  while (a.length < options.runs || (Date.now() < end && a.length < 10 * options.runs)) {
    a.push(await turn(options, theirs, ours));
    b.push(await turn(options, ours, theirs));
  }
  return [summary(a), summary(b)];
}

async function measure(options, model, flat, threads) {
  const prefix = path.join(options.out, 'flat', model.name);
  const row = {model: model.name, threads};
  const engines = [];
  const start = async (who, command, args) => {
    try {
      engines.push(await Engine.start(command, args));
    } catch (problem) {
      throw new Error(`${who}: ${problem.message}`);
    }
    return engines[engines.length - 1];
  };
  try {
    const recorded = recordedInputs(model.file);
    const shapes = recorded.flatMap((r) => ['--input-shape', `${r.name}=${r.dims.join('x')}`]);
    const ours = await start('libinfer', options.bench,
      [flat, '-t', String(threads), '--serve', prefix, ...shapes, ...options.ours]);
    Object.assign(row, JSON.parse(fs.readFileSync(prefix + '.json')));
    row.recorded_inputs = await useRecorded(ours, prefix, row.inputs, recorded);
    const theirs = await start('ONNX Runtime', process.execPath,
      [path.join(__dirname, 'ort_serve.js'), options.modules, model.file, prefix, String(threads)]);
    for (const engine of [theirs, ours]) if (options.warmup) await engine.run(options.warmup);
    [row.ort, row.infer] = await alternate(options, theirs, ours);
    row.ratio = row.ort.median / row.infer.median;
    if (options.alone) {
      ours.rest(options.pause);
      row.ort_alone = summary(await theirs.run(options.runs));
      theirs.rest(options.pause);
      row.infer_alone = summary(await ours.run(options.runs));
      row.ratio_alone = row.ort_alone.median / row.infer_alone.median;
    }
    const [a, b] = [await ours.ask('outputs'), await theirs.ask('outputs')].map(JSON.parse);
    Object.assign(row, compareOutputs(prefix, a, b));
    row.flagged = row.problem !== undefined || !(row.difference <= tolerance(row));
  } finally {
    for (const engine of engines) await engine.stop();
  }
  return row;
}

// What a call through Node costs by itself, in microseconds: it is part of ONNX Runtime's times.
async function callCost(options) {
  const engine = await Engine.start(process.execPath,
    [path.join(__dirname, 'ort_serve.js'), options.modules, '', '', '1']);
  await engine.run(2000);
  const cost = summary(await engine.run(2000)).median * 1000;
  await engine.stop();
  return cost;
}

function clean(options, name) {
  const folder = path.join(options.out, 'flat');
  for (const file of fs.readdirSync(folder))
    if (file.startsWith(name + '.') && /\.(in|out|ort)\d+$/.test(file))
      fs.unlinkSync(path.join(folder, file));
}

async function compareModel(options, model, report) {
  const failed = (problem, threads) => {
    say(`  ${problem.message}\n`);
    report.failures.push({model: model.name, threads, problem: problem.message});
  };
  let flat;
  try {
    flat = convert(options, model);
  } catch (problem) {
    return failed(problem);
  }
  for (const threads of options.threads) {
    try {
      const row = await measure(options, model, flat, threads);
      report.rows.push(row);
      say(`  ${threads} thread${threads > 1 ? 's' : ' '}  ` +
          `ORT ${row.ort.median.toFixed(3)} ms, libinfer ${row.infer.median.toFixed(3)} ms, ` +
          `ratio ${row.ratio.toFixed(2)}` +
          (row.ratio_alone ? ` (alone ${row.ratio_alone.toFixed(2)})` : '') +
          (row.flagged ? `  DIFFERENT: ${row.problem || row.difference.toExponential(1)}` : '') +
          '\n');
    } catch (problem) {
      failed(problem, threads);
    }
    clean(options, model.name);
  }
}

function write(options, report) {
  const file = (name, text) => fs.writeFileSync(path.join(options.out, name), text);
  file('compare.json', JSON.stringify(report, null, 1) + '\n');
  file('compare.md', markdown(report));
  file('compare.svg', svg(report));
}

function versions(options) {
  const required = createRequire(path.resolve(options.modules) + '/');
  const folder = path.dirname(required.resolve('onnxruntime-node/package.json'));
  return {
    onnxruntime: JSON.parse(fs.readFileSync(path.join(folder, 'package.json'))).version,
    node: process.version,
    libinfer: firstLine(options.infer, ['--version']).split(/[ ,]+/)[1] || '?',
    revision: firstLine('git', ['describe', '--always', '--dirty']),
  };
}

async function main() {
  let options, places;
  try {
    ({options, places} = parse());
    if (options.help) return process.stdout.write(help) && 0;
    if (!places.length) throw new Error('a MODEL is needed');
  } catch (problem) {
    say(`compare: ${problem.message}; see --help\n`);
    return 2;
  }
  const models = places.flatMap(findModels);
  for (const program of [options.infer, options.bench])
    if (!fs.existsSync(program)) throw new Error(`${program} is missing: make`);
  fs.mkdirSync(path.join(options.out, 'flat'), {recursive: true});
  const report = {
    date: new Date().toISOString().slice(0, 10),
    machine: describeMachine(),
    versions: versions(options),
    settings: {
      runs: options.runs, seconds: options.seconds, warmup: options.warmup,
      rewarm: options.rewarm, pause_ms: options.pause, ours: options.ours.join(' '),
    },
    call_cost_us: await callCost(options),
    rows: [],
    failures: [],
  };
  for (const [i, model] of models.entries()) {
    say(`[${i + 1}/${models.length}] ${model.name}\n`);
    await compareModel(options, model, report);
    write(options, report); // what is there so far survives an interruption
  }
  write(options, report);
  say(`${options.out}/compare.md, compare.json, compare.svg: ${report.rows.length} rows, ` +
      `${report.rows.filter((row) => row.flagged).length} with other answers, ` +
      `${report.failures.length} failures\n`);
  return report.failures.length || report.rows.some((row) => row.flagged) ? 1 : 0;
}

main().then((status) => (process.exitCode = status)).catch((problem) => {
  say(`compare: ${problem.message}\n`);
  process.exitCode = 1;
});
