// Per-block slicing against the released SliceGPT code: same model, same token rows, same width, same threads, taking turns.
// node test/bench/released.ts [ROUNDS, 3] [WINDOWS, 64] [THREADS, all]
// SNUG_RELEASED names the rival: a Python with torch, transformers and gguf, and the folder with the released code in src,
// bench.py and gguf_to_hf.py, with a blank in between. Ratios are medians over rounds. CPU time is told too: other programs
// on the machine change it less.
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import path from 'node:path';
import { denseModel } from '../support/dense-model.ts';
import { readJson } from '../support/golden-models.ts';
import { referenceTexts } from '../support/paths.ts';
import { slicePerBlockStage } from '../support/per-block-stage.ts';
import type { PerBlockResult, PerBlockStage } from '../support/per-block-stage.ts';
import { inProcess, judged, medianRatio, takeTurns, told } from '../support/rival-rounds.ts';
import { temporaryFolder } from '../worker/quantize-oracle.ts';

const width = 512;
/** What the released code and countSlicedParameters have of the 135M model at this width. */
const parameters = 163_708_928;
/** Sums of squares behind 60 cuts, float32 forwards and float16 values on our side: a larger difference is other work. */
const tolerance = 1e-2;

/** Gives the dense model the form that the released code reads. */
function huggingFaceFolder([python, released]: readonly [string, string], model: string, folder: string): string {
  const made = path.join(folder, 'hf');
  const { status, stderr } = spawnSync(python, [path.join(released, 'gguf_to_hf.py'), model, made], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`gguf_to_hf.py: ${stderr}`);
  return made;
}

function requireSameWork(ours: PerBlockResult, theirs: PerBlockResult): void {
  for (const side of [ours, theirs]) {
    if (side.parameters !== parameters) throw new Error(`${side.parameters} parameters, expected ${parameters}`);
  }
  for (const [index, value] of ours.result.entries()) {
    if (Math.abs(value / theirs.result[index]! - 1) <= tolerance) continue;
    throw new Error(`The sides do not do the same work: ${ours.result.join()} and ${theirs.result.join()}`);
  }
}

async function compare([rounds = 3, windows = 64, threads = availableParallelism()]: readonly number[]): Promise<void> {
  const rival = process.env['SNUG_RELEASED']?.split(' ');
  if (rival?.length !== 2)
    return skip('set SNUG_RELEASED to "PYTHON FOLDER" of the released code (see the head of this file)');
  const model = denseModel();
  if (model === null || referenceTexts === null) return skip('the reference data is not on this machine');
  const [python, released] = rival as [string, string];
  const folder = temporaryFolder();
  try {
    const { input_ids } = readJson<{ input_ids: number[][] }>(
      path.join(referenceTexts, 'measured/calibration.tokens.json'),
    );
    const rows = path.join(folder, 'rows.json');
    writeFileSync(rows, JSON.stringify({ input_ids: input_ids.slice(0, windows) }));
    const tokens = windows * input_ids[0]!.length;
    const theirModel = huggingFaceFolder([python, released], model, folder);
    const request: PerBlockStage = { model, rows, width, threads, folder: path.join(folder, 'sliced') };
    const script = path.join(import.meta.dirname, 'released-slicing.py');
    const theirArguments = [script, released, theirModel, rows, String(width), String(threads)];
    console.log(
      `${path.basename(model)}, width ${width}, ${windows} x ${input_ids[0]!.length} tokens, ${threads} threads`,
    );
    console.log(`medians of ${rounds}, ${cpus()[0]?.model ?? 'unknown processor'}`);
    console.log('  ours: the whole task, reading the weights, the folder of F16 files and its SHA-256 included');
    console.log('  theirs: fusion and slicing of a model in memory; neither reading nor writing');
    const sides = {
      ours: () => inProcess<PerBlockResult>(process.execPath, [import.meta.filename, 'stage', JSON.stringify(request)]),
      theirs: () => inProcess<PerBlockResult>(python, theirArguments),
    };
    const { ours, theirs } = await takeTurns(rounds, sides, (mine, other) => {
      requireSameWork(mine, other);
      const load = loadavg()
        .map((value) => value.toFixed(1))
        .join(' ');
      console.log(`  ours ${told(mine, tokens)} | theirs ${told(other, tokens)} | load ${load}`);
    });
    console.log(`  parameters ${ours[0]!.parameters}, the same on both sides`);
    console.log(judged('theirs / ours, time', medianRatio('seconds', theirs, ours), { least: 2.5 }));
    console.log(judged('theirs / ours, CPU time', medianRatio('cpuSeconds', theirs, ours)));
    console.log(judged('ours / theirs, memory', medianRatio('peakMemoryBytes', ours, theirs), { most: 0.5 }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const skip = (reason: string): void => console.log(`skipped: ${reason}`);

const [first, ...rest] = process.argv.slice(2);
if (first === 'stage') console.log(JSON.stringify(await slicePerBlockStage(JSON.parse(rest[0]!) as PerBlockStage)));
else await compare(process.argv.slice(2).map(Number));
