'use strict';
// An engine in a process of its own, asked line by line, and what else the comparison needs from
// outside: models, outputs, the machine.
const {spawn, execFileSync} = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');
const readline = require('readline');

class Engine {
  // Starts it; start() resolves when it is ready, and rejects with what it printed if it fails.
  static async start(command, args) {
    const engine = new Engine();
    engine.errors = '';
    engine.child = spawn(command, args, {stdio: ['pipe', 'pipe', 'pipe']});
    engine.child.stderr.on('data', (text) => (engine.errors += text));
    engine.child.stdin.on('error', () => {}); // it died: the exit tells
    engine.exit = new Promise((resolve) => {
      engine.child.on('error', (problem) => resolve((engine.errors += problem.message)));
      engine.child.on('close', resolve);
    });
    engine.lines = readline.createInterface({input: engine.child.stdout})[Symbol.asyncIterator]();
    const first = await engine.next();
    if (first !== 'ready') throw new Error(`unexpected: ${first}`);
    return engine;
  }

  async next() {
    const {value, done} = await this.lines.next();
    if (!done) return value;
    await this.exit;
    throw new Error(this.errors.trim().split('\n')[0] || 'it ended');
  }

  async ask(line) {
    this.child.stdin.write(line + '\n');
    return this.next();
  }

  // Milliseconds of each of `count` runs, one behind the other.
  async run(count) {
    return (await this.ask(`run ${count}`)).split(' ').map((ns) => Number(ns) / 1e6);
  }

  // Nanoseconds that all its threads have computed so far; NaN where the system doesn't tell.
  cpuTime() {
    const folder = `/proc/${this.child.pid}/task`;
    const used = (task) => Number(fs.readFileSync(`${folder}/${task}/schedstat`, 'utf8').split(' ')[0]);
    try {
      return fs.readdirSync(folder).map(used).reduce((a, b) => a + b, 0);
    } catch {
      return NaN; // no such system, or a thread that has just ended
    }
  }

  // Waits until it has computed for less than a twentieth of `ms`: threads that spin for more work
  // go to sleep after a time that depends on the CPU. Two seconds at most.
  rest(ms) {
    const end = Date.now() + 2000;
    for (let before = this.cpuTime(); ms > 0; ) {
      pause(ms);
      const now = this.cpuTime();
      if (!(now - before > ms * 5e4) || Date.now() > end) return;
      before = now;
    }
  }

  async stop() {
    this.child.stdin.end();
    await this.exit;
  }
}

function pause(ms) {
  if (ms > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

// Nearest rank, as infer-bench has it; the median of an even number is the mean of two.
function summary(times) {
  const sorted = [...times].sort((a, b) => a - b);
  const rank = (share) => sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1];
  const half = sorted.length >> 1;
  const median = sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  return {median, min: sorted[0], p10: rank(0.1), p90: rank(0.9), runs: sorted.length};
}

// A file, a folder with model.onnx, or a folder of .onnx files: [{name, file}].
function findModels(place) {
  if (!fs.existsSync(place)) throw new Error(`${place}: there is no such file or folder`);
  if (!fs.statSync(place).isDirectory()) {
    const base = path.basename(place, '.onnx');
    return [{name: base === 'model' ? path.basename(path.dirname(place)) : base, file: place}];
  }
  const inside = path.join(place, 'model.onnx');
  if (fs.existsSync(inside)) return [{name: path.basename(path.resolve(place)), file: inside}];
  const files = fs.readdirSync(place).sort().filter((f) => f.endsWith('.onnx'));
  return files.map((f) => ({name: path.basename(f, '.onnx'), file: path.join(place, f)}));
}

// A recorded input (a TensorProto: field 1 dims, 8 name, 9 raw data), or null.
function readRecorded(file) {
  const bytes = fs.readFileSync(file);
  const tensor = {name: '', dims: [], raw: null};
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; at < bytes.length; scale *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) break;
    }
    return value;
  };
  while (at < bytes.length) {
    const key = varint();
    if ((key & 7) === 0) {
      const value = varint();
      if (key >> 3 === 1) tensor.dims.push(value);
    } else if ((key & 7) === 2) {
      const end = varint() + at;
      if (key >> 3 === 1) while (at < end) tensor.dims.push(varint());
      if (key >> 3 === 8) tensor.name = bytes.toString('utf8', at, end);
      if (key >> 3 === 9) tensor.raw = bytes.subarray(at, end);
      at = end;
    } else {
      at += (key & 7) === 1 ? 8 : 4;
    }
  }
  return tensor.name && tensor.dims.length ? tensor : null;
}

// Inputs recorded beside a model, in test_data_set_0.
function recordedInputs(modelFile) {
  const folder = path.join(path.dirname(modelFile), 'test_data_set_0');
  if (path.basename(modelFile) !== 'model.onnx' || !fs.existsSync(folder)) return [];
  return fs.readdirSync(folder).filter((f) => /^input_\d+\.pb$/.test(f))
    .map((f) => readRecorded(path.join(folder, f))).filter(Boolean);
}

// Puts recorded values, where they fit, in the place of infer-bench's random ones. For both
// engines: how long a detector takes, and what a difference means, depends on the picture.
async function useRecorded(engine, prefix, inputs, recorded) {
  let used = 0;
  inputs.forEach((input, i) => {
    const file = `${prefix}.in${i}`;
    const found = recorded.find((r) => r.name === input.name && r.raw);
    if (!found || found.raw.length !== fs.statSync(file).size) return;
    fs.writeFileSync(file, found.raw);
    used++;
  });
  if (used) await engine.ask('inputs');
  return used;
}

function half(bits) {
  const size = bits & 0x3ff, exponent = (bits >> 10) & 31, sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 31) return size ? NaN : sign * Infinity;
  return sign * (exponent ? (1024 + size) * 2 ** (exponent - 25) : size * 2 ** -24);
}

function readTensor(file, type) {
  const own = new Uint8Array(fs.readFileSync(file)).buffer;
  const kinds = {
    f32: Float32Array, f64: Float64Array, s8: Int8Array, u8: Uint8Array, bool: Uint8Array,
    s16: Int16Array, u16: Uint16Array, s32: Int32Array, u32: Uint32Array,
  };
  if (type === 'f16') return Float64Array.from(new Uint16Array(own), half);
  if (type === 's64' || type === 'u64') return Float64Array.from(new BigInt64Array(own), Number);
  return new kinds[type](own);
}

// The largest difference of any output, relative to that output's largest value.
function compareOutputs(prefix, ours, theirs) {
  let worst = 0;
  if (ours.length !== theirs.length) return {problem: 'other number of outputs'};
  for (let i = 0; i < ours.length; i++) {
    const j = theirs.findIndex((t) => t.name === ours[i].name);
    const k = j < 0 ? i : j;
    if (ours[i].type !== theirs[k].type || ours[i].dims.join() !== theirs[k].dims.join())
      return {problem: `output ${ours[i].name}: ${ours[i].type} ${ours[i].dims.join('x')} ` +
                       `instead of ${theirs[k].type} ${theirs[k].dims.join('x')}`};
    const a = readTensor(`${prefix}.out${i}`, ours[i].type);
    const b = readTensor(`${prefix}.ort${k}`, ours[i].type);
    let largest = 0, difference = 0;
    for (let e = 0; e < b.length; e++) {
      if (Number.isNaN(a[e]) !== Number.isNaN(b[e])) return {problem: 'NaN on one side'};
      if (a[e] === b[e] || Number.isNaN(a[e])) continue;
      difference = Math.max(difference, Math.abs(a[e] - b[e]));
    }
    for (const v of b) if (Math.abs(v) > largest) largest = Math.abs(v);
    worst = Math.max(worst, difference / (largest || 1));
  }
  return {difference: worst};
}

function firstLine(command, args) {
  try {
    return execFileSync(command, args, {stdio: ['ignore', 'pipe', 'ignore']})
      .toString().trim().split('\n')[0];
  } catch (problem) {
    return '';
  }
}

function describeMachine() {
  return {
    cpu: os.cpus()[0].model.trim(),
    cpus: os.cpus().length,
    memory_gb: Math.round(os.totalmem() / 1e9),
    system: `${os.type()} ${os.release()}`,
  };
}

module.exports = {
  Engine, summary, findModels, recordedInputs, useRecorded, compareOutputs, firstLine, describeMachine,
};
