'use strict';
// ONNX Runtime behind a pipe, with the lines that `infer-bench --serve` answers (bench_serve.c).
//   node ort_serve.js MODULES MODEL.onnx PREFIX THREADS
// MODULES is the folder in which onnxruntime-node is installed. Inputs are the files that
// infer-bench wrote as PREFIX.json and PREFIX.in0 ...: the same bits for both. Answers are
// written as PREFIX.ort0 ... Without MODEL (an empty string) a network of one Identity is run,
// which shows what a call itself costs.
const fs = require('fs');
const path = require('path');
const readline = require('readline');
const {createRequire} = require('module');

// infer's names of types: ONNX Runtime's name and the array that holds it.
const types = {
  f32: ['float32', Float32Array],
  f64: ['float64', Float64Array],
  f16: ['float16', Uint16Array],
  s8: ['int8', Int8Array],
  u8: ['uint8', Uint8Array],
  s16: ['int16', Int16Array],
  u16: ['uint16', Uint16Array],
  s32: ['int32', Int32Array],
  u32: ['uint32', Uint32Array],
  s64: ['int64', BigInt64Array],
  u64: ['uint64', BigUint64Array],
  bool: ['bool', Uint8Array],
};

// A field of a protobuf message: a number, or bytes with their length.
function field(number, value) {
  if (typeof value === 'number') return Buffer.from([number << 3, value]);
  const bytes = Buffer.isBuffer(value) ? value : Buffer.from(value);
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
}

// ONNX: x (f32, one element) -> Identity -> y.
function identityModel() {
  const shape = field(2, field(1, field(1, 1)));
  const value = (name) =>
    Buffer.concat([field(1, name), field(2, field(1, Buffer.concat([field(1, 1), shape])))]);
  const node = Buffer.concat([field(1, 'x'), field(2, 'y'), field(4, 'Identity')]);
  const graph = [field(1, node), field(2, 'g'), field(11, value('x')), field(12, value('y'))];
  return Buffer.concat([field(1, 7), field(7, Buffer.concat(graph)), field(8, field(2, 13))]);
}

function readInputs(ort, prefix) {
  const feeds = {};
  JSON.parse(fs.readFileSync(prefix + '.json')).inputs.forEach((input, i) => {
    const [name, Kind] = types[input.type];
    const bytes = fs.readFileSync(`${prefix}.in${i}`);
    const own = new Uint8Array(bytes); // a buffer of its own: aligned for any type
    feeds[input.name] = new ort.Tensor(name, new Kind(own.buffer), input.dims);
  });
  return feeds;
}

function writeOutputs(results, names, prefix) {
  return names.map((name, i) => {
    const t = results[name];
    const d = t.data;
    fs.writeFileSync(`${prefix}.ort${i}`, Buffer.from(d.buffer, d.byteOffset, d.byteLength));
    const type = Object.keys(types).find((key) => types[key][0] === t.type);
    return {name, type: type || t.type, dims: t.dims.map(Number)};
  });
}

async function main() {
  const [modules, model, prefix, threads] = process.argv.slice(2);
  const ort = createRequire(path.resolve(modules) + '/')('onnxruntime-node');
  const session = await ort.InferenceSession.create(model || identityModel(), {
    intraOpNumThreads: Number(threads),
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  });
  const feeds = model ? readInputs(ort, prefix) : {x: new ort.Tensor('float32', [1], [1])};
  let results = await session.run(feeds);
  console.log('ready');
  for await (const line of readline.createInterface({input: process.stdin})) {
    const [word, count] = line.split(' ');
    if (word === 'run') {
      const times = [];
      for (let i = 0; i < Number(count); i++) {
        const start = process.hrtime.bigint();
        results = await session.run(feeds);
        times.push(process.hrtime.bigint() - start);
      }
      console.log(times.join(' '));
    } else if (word === 'outputs') {
      console.log(JSON.stringify(writeOutputs(results, session.outputNames, prefix)));
    } else {
      console.log('what?');
    }
  }
}

main().catch((problem) => {
  console.error(String(problem.message || problem));
  process.exit(1);
});
