// Prints what measuring costs beside the bare run: compare against decoding both models, statistics against a forward,
// memory per request. Run: node test/bench/compare-llama.ts [tokens per window, 512] [windows, 2] [threads, 1]
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { llamaSettings } from '../../src-main/contract/llama-host-api.ts';
import { runSettings } from '../../src-main/llama-host/native/checks.ts';
import { openEngine } from '../../src-main/llama-host/native/engine.ts';
import { quantizeReference } from '../../src-main/llama-host/native/quantize-reference.ts';
import { realModel, sampleModel } from '../support/paths.ts';

const [length = 512, count = 2, threads = 1] = process.argv.slice(2).map(Number);
const rounds = 3;
const folder = mkdtempSync(path.join(os.tmpdir(), 'snug-bench-'));
const source = realModel ?? sampleModel;
const { addon } = openEngine();
const settings = await runSettings(llamaSettings.parse({ threads }));
const control = { cancel: new Int32Array(1) };

function ratio(name: string, values: number[]): void {
  const sorted = values.toSorted((a, b) => a - b);
  console.log(
    `${name}: median ${sorted[Math.floor(sorted.length / 2)]!.toFixed(3)} (${sorted[0]!.toFixed(3)} to ${sorted.at(-1)!.toFixed(3)})`,
  );
}

try {
  const [reference, candidate] = ['F16', 'Q8_0'].map((mix) => path.join(folder, `${mix}.gguf`)) as [string, string];
  await quantizeReference({ input: source, output: reference, mix: 'F16', allowRequantize: true });
  await quantizeReference({ input: reference, output: candidate, mix: 'Q8_0' });
  const windows = Array.from({ length: count }, (_, w) =>
    Int32Array.from({ length }, (_, i) => 10 + ((i * 7919 + w * 104729) % 4000)),
  );
  console.log(`${path.basename(source)}, ${count} windows of ${length} tokens, ${threads} thread(s)`);

  const compared: number[] = [];
  const counted: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const both = await addon.compare({ ...settings, reference, candidate, windows }, control);
    compared.push(both.seconds / both.decodeSeconds);
    const plain = await addon.compare({ ...settings, reference: null, candidate, windows }, control);
    const statistics = await addon.statistics({ ...settings, model: candidate, windows }, control);
    counted.push(statistics.seconds / plain.decodeSeconds);
    console.log(
      `  decode both ${both.decodeSeconds.toFixed(2)} s, compare ${both.seconds.toFixed(2)} s; forward ${plain.decodeSeconds.toFixed(2)} s, statistics ${statistics.seconds.toFixed(2)} s`,
    );
  }
  ratio('compare / decoding both models', compared);
  ratio('statistics / forward', counted);

  const requests = [512, 2048, 8192, 32768].map((context) => ({
    ...settings,
    header: candidate,
    context,
    microBatch: 512,
  }));
  const started = performance.now();
  await addon.memory({ requests, loadWeights: false }, control);
  console.log(`memory: ${((performance.now() - started) / requests.length).toFixed(1)} ms per request`);
} finally {
  rmSync(folder, { recursive: true });
}
